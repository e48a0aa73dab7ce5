package account

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"pgregory.net/rapid"

	"rollbridge/collector/database/dbtest"
)

// later makes the code that set the second factor up a thing of the past.
func (o *office) later() { o.now = o.now.Add(time.Minute) }

// A code of a moment counts from half a minute before its half-minute to half a
// minute after it, once, and never after one of a later moment.
func TestCodeWindow(t *testing.T) {
	o := newOffice(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	u, _ := o.joined(operator("jo"))
	secret, err := o.openTOTP(u, u.totp)
	o.must(err)
	taken := u.totpStep
	rapid.Check(t, func(r *rapid.T) {
		o.codes = newThrottle(1<<30, time.Second)
		o.now = o.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(r, "seconds later")) * time.Second)
		now := o.now.Unix() / 30
		of := now + int64(rapid.IntRange(-3, 3).Draw(r, "steps off"))
		code, err := totp.GenerateCode(secret, time.Unix(of*30+int64(rapid.IntRange(0, 29).Draw(r, "second")), 0))
		if err != nil {
			r.Fatal(err)
		}
		// Another moment in the window may, once in a million, have the same code.
		good := func(at int64) bool {
			same, err := totp.GenerateCode(secret, time.Unix(at*30, 0))
			return err == nil && same == code && at > taken
		}
		want := good(now-1) || good(now) || good(now+1)
		err = o.Code(t.Context(), o.user("jo"), code)
		if got := err == nil; got != want || err != nil && !errors.Is(err, ErrCode) {
			r.Fatalf("a code of %+d steps, %d after the last: %v", of-now, of-taken, err)
		}
		if want {
			taken = o.user("jo").totpStep
			if err := o.Code(t.Context(), o.user("jo"), code); !errors.Is(err, ErrCode) {
				r.Fatalf("the same code again: %v", err)
			}
		}
	})
}

// Of many at once with one code, one comes in.
func TestOneCodeLetsOneIn(t *testing.T) {
	bothOffices(t, func(o *office) {
		_, recovery := o.joined(operator("jo"))
		o.later()
		u := o.user("jo")
		code := o.code(u)
		for name, use := range map[string]func() error{
			"code":          func() error { return o.Code(o.Context(), u, code) },
			"recovery code": func() error { _, err := o.Recover(o.Context(), u, recovery[3]); return err },
		} {
			o.codes = newThrottle(1<<30, time.Second)
			var in atomic.Int32
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					switch err := use(); {
					case err == nil:
						in.Add(1)
					case !errors.Is(err, ErrCode):
						o.Errorf("%s: %v", name, err)
					}
				})
			}
			all.Wait()
			if in.Load() != 1 {
				o.Errorf("one %s let %d in", name, in.Load())
			}
		}
	})
}

func TestRecoveryCodes(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		u, codes := o.joined(operator("jo"))
		other, theirs := o.joined(operator("sam"))
		if len(codes) != recoveryCodes || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != recoveryCodes {
			o.Fatalf("%d codes", len(codes))
		}
		if _, err := o.Recover(ctx, u, theirs[0]); !errors.Is(err, ErrCode) {
			o.Errorf("another person's code: %v", err)
		}
		for _, bad := range []string{"", "-", codes[0][:5], codes[0] + "a", "%"} {
			if _, err := o.Recover(ctx, u, bad); !errors.Is(err, ErrCode) {
				o.Errorf("%q: %v", bad, err)
			}
			o.codes = newThrottle(5, time.Minute)
		}
		if left, err := o.Recover(ctx, u, " "+strings.ToUpper(strings.ReplaceAll(codes[0], "-", ""))+"\n"); err != nil || left != 9 {
			o.Errorf("as people write it: %d left, %v", left, err)
		}
		if _, err := o.Recover(ctx, u, codes[0]); !errors.Is(err, ErrCode) {
			o.Errorf("a second time: %v", err)
		}
		again, err := o.NewRecovery(ctx, u)
		o.must(err)
		if _, err := o.Recover(ctx, u, codes[1]); !errors.Is(err, ErrCode) {
			o.Errorf("one of before the new ones: %v", err)
		}
		if left, err := o.Recover(ctx, u, again[1]); err != nil || left != 9 {
			o.Errorf("a new one: %d left, %v", left, err)
		}
		_, err = o.Reset(ctx, User{}, "jo")
		o.must(err)
		if left, err := o.RecoveryLeft(ctx, u); err != nil || left != 0 {
			o.Errorf("%d left after a reset, %v", left, err)
		}
		if left, err := o.RecoveryLeft(ctx, other); err != nil || left != 10 {
			o.Errorf("%d left of another person, %v", left, err)
		}
	})
}

// The second factor is sealed for its person: in another one's row it opens nothing.
func TestSecondFactorIsItsPersons(t *testing.T) {
	bothOffices(t, func(o *office) {
		jo, _ := o.joined(operator("jo"))
		o.joined(operator("sam"))
		o.exec("UPDATE users SET totp = ? WHERE name = 'sam'", jo.totp)
		o.later()
		if err := o.Code(o.Context(), o.user("sam"), "123456"); err == nil || errors.Is(err, ErrCode) {
			o.Errorf("a second factor that was moved: %v", err)
		}
		secret, err := o.openTOTP(jo, jo.totp)
		o.must(err)
		if strings.Contains(string(jo.totp), secret) {
			o.Error("the key of the second factor is in the database in clear")
		}
	})
}

// Codes that are wrong make the next ones wait, and a right one forgives.
func TestWrongCodesMustWait(t *testing.T) {
	o := one(t)
	_, recovery := o.joined(operator("jo"))
	o.later()
	u := o.user("jo")
	o.codes = newThrottle(3, time.Hour)
	var wait *WaitError
	tries := 0
	for ; tries < 20; tries++ {
		err := o.Code(t.Context(), u, o.wrong(u))
		if errors.As(err, &wait) {
			break
		}
		if !errors.Is(err, ErrCode) {
			t.Fatal(err)
		}
	}
	if wait == nil || tries < 4 {
		t.Fatalf("%d wrong codes were tried", tries)
	}
	if err := o.Code(t.Context(), u, o.code(u)); !errors.As(err, &wait) {
		t.Errorf("the right code: %v", err)
	}
	if _, err := o.Recover(t.Context(), u, recovery[0]); !errors.As(err, &wait) {
		t.Errorf("a recovery code: %v", err)
	}
	o.codes = newThrottle(3, time.Hour)
	o.must(o.Code(t.Context(), u, o.code(u)))
}

// A person from before there were second factors sets one up at the next sign-in.
func TestPersonOfBeforeSetsUpASecondFactor(t *testing.T) {
	bothOffices(t, func(o *office) {
		o.joined(operator("jo"))
		o.exec("UPDATE users SET totp = NULL, totp_step = 0")
		u, err := o.SignIn(o.Context(), "jo", own, "192.0.2.1")
		if err != nil || u.Next() != SetUpSecond || u.MustChange {
			o.Fatalf("%v, next %s", err, u.Next())
		}
		u, codes, err := o.FinishSecond(o.Context(), u, o.code(u))
		if err != nil || !u.Second || len(codes) != recoveryCodes || u.Next() != EnterCode {
			o.Errorf("%v", err)
		}
	})
}

func TestChangePassword(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		u, _ := o.joined(operator("jo"))
		for _, c := range []struct {
			present, password string
			want              error
		}{{"wrong", own + " two", ErrPassword}, {own, own, ErrSamePassword}, {own, "short", ErrShortPassword}} {
			if _, err := o.ChangePassword(ctx, u, c.present, c.password); !errors.Is(err, c.want) {
				o.Errorf("got %v, want %v", err, c.want)
			}
		}
		changed, err := o.ChangePassword(ctx, u, own, own+" two")
		if err != nil || changed.Stamp() == u.Stamp() {
			o.Errorf("%v: other sessions go on: %v", err, changed.Stamp() == u.Stamp())
		}
		if _, err := o.ChangePassword(ctx, u, own, own+" three"); !errors.Is(err, ErrChanged) {
			o.Errorf("two changes at once: %v", err)
		}
		ended, err := o.EndOthers(ctx, changed)
		if err != nil || ended.Stamp() == changed.Stamp() {
			o.Errorf("%v", err)
		}
	})
}
