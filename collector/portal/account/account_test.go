package account

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
)

const own = "three random words"

// inProduct is how passwords are hashed; all tests but that of it are cheaper.
var inProduct = inForce

func init() { inForce.memory = 64 }

// a person who may do everything of an authority.
func administrator(name string, authorities ...string) Person {
	return Person{Name: name, Role: Administrator, Authorities: authorities}
}

func operator(name string) Person { return Person{Name: name, Role: Operator} }

// An office is the accounts of a database with three authorities, and a clock.
type office struct {
	*testing.T
	*Accounts
	now time.Time
}

func newOffice(t *testing.T, db *database.DB) *office {
	t.Helper()
	dir := t.TempDir() + "/vault"
	if err := vault.Init(dir); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, Accounts: Open(db, v), now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	t.Cleanup(func() { _ = v.Close() })
	o.Accounts.now = func() time.Time { return o.now }
	st := store.New(db)
	for _, code := range []string{"330", "855", "933"} {
		o.must(st.PutAuthority(t.Context(), store.Authority{Code: code, Why: "A reason"}))
	}
	return o
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) exec(query string, args ...any) {
	o.Helper()
	o.must(o.db.Write(o.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(o.Context(), query, args...)
		return err
	}))
}

func (o *office) invite(p Person) (oneTime string) {
	o.Helper()
	oneTime, err := o.Invite(o.Context(), User{}, p)
	o.must(err)
	return oneTime
}

// code is the one that the person's app shows, of the key that is being set up or
// in force.
func (o *office) code(u User) string {
	o.Helper()
	u = o.user(u.Name)
	sealed := u.totp
	if u.totpNew != nil {
		sealed = u.totpNew
	}
	secret, err := o.openTOTP(u, sealed)
	o.must(err)
	code, err := totp.GenerateCode(secret, o.now)
	o.must(err)
	return code
}

// wrong is a code that is none of the three.
func (o *office) wrong(u User) string {
	o.Helper()
	right := map[string]bool{}
	for _, off := range []time.Duration{-step, 0, step} {
		o.now = o.now.Add(off)
		right[o.code(u)] = true
		o.now = o.now.Add(-off)
	}
	for i := 0; ; i++ {
		if code := fmt.Sprintf("%06d", i); !right[code] {
			return code
		}
	}
}

func (o *office) user(name string) User {
	o.Helper()
	u, found, err := o.ByName(o.Context(), name)
	if err != nil || !found {
		o.Fatalf("%v, found %v", err, found)
	}
	return u
}

// joined is a person who is invited and has set up everything, and the codes.
func (o *office) joined(p Person) (User, []string) {
	o.Helper()
	u, err := o.SignIn(o.Context(), p.Name, o.invite(p), "192.0.2.1")
	o.must(err)
	u, err = o.ChooseOwn(o.Context(), u, own)
	o.must(err)
	u, codes, err := o.FinishSecond(o.Context(), u, o.code(u))
	o.must(err)
	return u, codes
}

func bothOffices(t *testing.T, f func(o *office)) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) { f(newOffice(t, db)) })
}

func one(t *testing.T) *office { return newOffice(t, dbtest.Migrated(t, dbtest.SQLite(t))) }

func TestFirstSignIn(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		oneTime := o.invite(operator(" Jo.Lee "))
		u, err := o.SignIn(ctx, "jo.lee", oneTime, "192.0.2.1")
		if err != nil || u.Next() != ChoosePassword {
			o.Fatalf("%v, next %v", err, u.Next())
		}
		if _, _, err := o.FinishSecond(ctx, u, "123456"); !errors.Is(err, ErrChanged) {
			o.Errorf("a second factor before a password: %v", err)
		}
		o.must(o.BeginSecond(ctx, u))
		if _, _, err := o.FinishSecond(ctx, o.user("jo.lee"), o.code(u)); !errors.Is(err, ErrChanged) {
			o.Errorf("a second factor without a password: %v", err)
		}
		if _, err := o.ChooseOwn(ctx, u, oneTime); !errors.Is(err, ErrSamePassword) {
			o.Errorf("the one-time password again: %v", err)
		}
		for password, want := range map[string]error{"short": ErrShortPassword, strings.Repeat("x", 1001): ErrLongPassword} {
			if _, err := o.ChooseOwn(ctx, u, password); !errors.Is(err, want) {
				o.Errorf("got %v, want %v", err, want)
			}
		}
		chosen, err := o.ChooseOwn(ctx, u, own)
		if err != nil || chosen.Next() != SetUpSecond {
			o.Fatalf("%v, next %v", err, chosen.Next())
		}
		// Nothing is in force yet: the one-time password still is, and begins again.
		if _, err := o.SignIn(ctx, "jo.lee", own, "192.0.2.1"); !errors.Is(err, ErrSignIn) {
			o.Errorf("the own password before the second factor: %v", err)
		}
		if u, err := o.SignIn(ctx, "jo.lee", oneTime, "192.0.2.1"); err != nil || u.Next() != ChoosePassword {
			o.Errorf("the one-time password again: %v, next %v", err, u.Next())
		}
		if _, _, err := o.FinishSecond(ctx, chosen, "123456"); err == nil {
			o.Error("what was chosen before is still there")
		}
		chosen, err = o.ChooseOwn(ctx, u, own)
		o.must(err)
		if _, _, err := o.FinishSecond(ctx, chosen, o.wrong(u)); !errors.Is(err, ErrCode) {
			o.Errorf("a wrong code: %v", err)
		}
		right := o.code(u)
		stale := chosen
		stale.ended--
		if _, _, err := o.FinishSecond(ctx, stale, right); !errors.Is(err, ErrChanged) {
			o.Errorf("a second factor of before all sessions were ended: %v", err)
		}
		done, codes, err := o.FinishSecond(ctx, chosen, right)
		if err != nil || done.MustChange || done.Next() != EnterCode || done.Stamp() == u.Stamp() || len(codes) != recoveryCodes {
			o.Fatalf("%v, must change %v", err, done.MustChange)
		}
		if _, err := o.ChooseOwn(ctx, u, own+" again"); !errors.Is(err, ErrChanged) {
			o.Errorf("a second change with the spent one-time password: %v", err)
		}
		if _, err := o.SignIn(ctx, "jo.lee", oneTime, "192.0.2.1"); !errors.Is(err, ErrSignIn) {
			o.Errorf("the spent one-time password: %v", err)
		}
		u, err = o.SignIn(ctx, "JO.LEE", own, "192.0.2.1")
		if err != nil || u.Next() != EnterCode {
			o.Errorf("%v", err)
		}
		if err := o.Code(ctx, u, right); !errors.Is(err, ErrCode) {
			o.Errorf("the code that set the second factor up: %v", err)
		}
	})
}

func TestOneAnswerForEverythingWrong(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		disabled := o.invite(operator("disabled"))
		o.must(o.Disable(ctx, User{}, "disabled"))
		late := o.invite(operator("late"))
		o.exec("UPDATE users SET one_time_until = ? WHERE name = 'late'", database.Micros(o.now.Add(-time.Second)))
		ended := operator("ended")
		ended.Until = o.now.Add(time.Hour)
		past := o.invite(ended)
		o.now = o.now.Add(time.Hour)
		openid := o.invite(operator("openid"))
		o.exec("UPDATE users SET password = '' WHERE name = 'openid'")
		for _, c := range [][2]string{{"nobody", own}, {"late", "wrong"}, {"late", late}, {"disabled", disabled}, {"ended", past}, {"openid", openid}, {"openid", ""}} {
			if _, err := o.SignIn(ctx, c[0], c[1], "192.0.2.1"); err != ErrSignIn {
				o.Errorf("%s: %v", c[0], err)
			}
		}
		again, err := o.Reset(ctx, User{}, "disabled")
		o.must(err)
		if u, err := o.SignIn(ctx, "disabled", again, "192.0.2.1"); err != nil || !u.Disabled.IsZero() {
			o.Errorf("after a reset: %v", err)
		}
	})
}

func TestRefusedPeople(t *testing.T) {
	bothOffices(t, func(o *office) {
		o.invite(operator("jo"))
		for name, c := range map[string]struct {
			p    Person
			want error
		}{
			"capitals":               {operator("JO"), ErrExists},
			"short":                  {operator("j"), ErrName},
			"space":                  {operator("jo lee"), ErrName},
			"empty":                  {operator(""), ErrName},
			"unknown authority":      {administrator("sam", "999"), ErrAuthority},
			"unknown role":           {Person{Name: "sam", Role: "king"}, ErrRole},
			"no role":                {Person{Name: "sam"}, ErrRole},
			"operator of one":        {Person{Name: "sam", Role: Operator, Authorities: []string{"855"}}, ErrPlace},
			"administrator of none":  {administrator("sam"), ErrPlace},
			"school without one":     {Person{Name: "sam", Role: SchoolRole}, ErrPlace},
			"viewer with a school":   {Person{Name: "sam", Role: Viewer, Authorities: []string{"855"}, School: "s"}, ErrPlace},
			"unknown school":         {Person{Name: "sam", Role: SchoolRole, School: "s"}, ErrSchool},
			"no e-mail address":      {Person{Name: "sam", Role: Operator, Email: "sam"}, ErrEmail},
			"a name with an address": {Person{Name: "sam", Role: Operator, Email: "Sam <sam@council.example>"}, ErrEmail},
			"the past":               {Person{Name: "sam", Role: Operator, Until: o.now}, ErrUntil},
			"a stranger's child": {Person{Name: "sam", Role: Caseload, Authorities: []string{"855"},
				Only: []store.Child{{School: "s", Pupil: "p"}}}, ErrChild},
		} {
			if _, err := o.Invite(o.Context(), User{}, c.p); !errors.Is(err, c.want) {
				o.Errorf("%s: got %v, want %v", name, err, c.want)
			}
		}
		if _, err := o.Reset(o.Context(), User{}, "nobody"); !errors.Is(err, ErrNoUser) {
			o.Errorf("unknown user: %v", err)
		}
		list, err := o.List(o.Context())
		if err != nil || len(list) != 1 || list[0].Name != "jo" {
			o.Errorf("%v %v", list, err)
		}
	})
}

func TestWrongTriesMustWait(t *testing.T) {
	o := one(t)
	oneTime := o.invite(operator("jo"))
	var wait *WaitError
	for _, name := range []string{"jo", "unknown"} {
		for range 4 {
			if _, err := o.SignIn(t.Context(), name, "wrong", "192.0.2.1"); err != ErrSignIn {
				t.Fatalf("%s: %v", name, err)
			}
		}
		// A slow machine may sleep through the first delays; they double. While
		// one lasts the right password waits like any other.
		o.names.entries[sha256.Sum256([]byte(name))].until = time.Now().Add(time.Hour)
		if _, err := o.SignIn(t.Context(), name, oneTime, "192.0.2.2"); !errors.As(err, &wait) || wait.Wait <= 0 {
			t.Errorf("%s: the try was made: %v", name, err)
		}
		if n := o.names.entries[sha256.Sum256([]byte(name))].wrong; n != 4 {
			t.Errorf("%s: %d wrong tries count, want 4", name, n)
		}
	}
	o.addresses = newThrottle(4, time.Minute)
	var err error
	for i := range 6 {
		_, err = o.SignIn(t.Context(), "guess"+string(rune('a'+i)), "wrong", "192.0.2.9")
		if errors.As(err, &wait) {
			break
		}
	}
	if !errors.As(err, &wait) {
		t.Error("an address that guesses many names never waits")
	}
}

// Colleagues behind one address who sign in at the same moment do not keep each other out.
func TestTwoAtOnceNeedNotWait(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	k := newThrottle(5, time.Minute)
	for range 5 {
		if w := k.try("one office", now); w != 0 {
			t.Fatalf("must wait %v", w)
		}
		now = now.Add(-time.Microsecond) // the other looked at the clock first
	}
}

func TestThrottleGrowsAndForgets(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	k := newThrottle(2, time.Minute)
	var waits []time.Duration
	for range 9 {
		for {
			w := k.try("key", now)
			if w == 0 {
				break
			}
			now = now.Add(w)
			waits = append(waits, w)
		}
	}
	want := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute}
	if len(waits) < len(want) {
		t.Fatalf("waits %v", waits)
	}
	for i, w := range want {
		if waits[i] != w {
			t.Errorf("wait %d is %v, want %v", i, waits[i], w)
		}
	}
	k.succeeded("key")
	if w := k.try("key", now); w != 0 {
		t.Errorf("after success: %v", w)
	}
	for i := range 2 * maxTries {
		k.try(strings.Repeat("x", 1+i%7)+time.Duration(i).String(), now)
	}
	if len(k.entries) > maxTries {
		t.Errorf("%d entries", len(k.entries))
	}
}

func TestHashes(t *testing.T) {
	cheap := inForce
	inForce = inProduct
	t.Cleanup(func() { inForce = cheap })
	hash, err := hashPassword(t.Context(), "pässword of some length")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=47104,t=1,p=1$") {
		t.Errorf("%s", hash)
	}
	// The same letters, composed another way.
	if ok, err := checkPassword(t.Context(), hash, "pa\u0308ssword of some length"); err != nil || !ok {
		t.Errorf("%v %v", ok, err)
	}
	if ok, err := checkPassword(t.Context(), hash, "password of some length"); err != nil || ok {
		t.Errorf("%v %v", ok, err)
	}
	again, err := hashPassword(t.Context(), "pässword of some length")
	if err != nil || again == hash {
		t.Error("two hashes of one password are the same")
	}
	for _, bad := range []string{"", "x", strings.Replace(hash, "m=47104", "m=99999999", 1), strings.Replace(hash, "t=1", "t=0", 1), hash[:len(hash)-5]} {
		if _, err := checkPassword(t.Context(), bad, own); !errors.Is(err, errHash) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOneTimePasswordsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		p := newOneTime()
		if seen[p] || len(p) != 23 {
			t.Fatalf("%q", p)
		}
		seen[p] = true
	}
}
