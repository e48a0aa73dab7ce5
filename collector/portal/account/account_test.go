package account

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
)

const own = "three random words"

func TestFirstSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		a := Open(db)
		oneTime, err := a.Add(t.Context(), " Jo.Lee ", "")
		if err != nil {
			t.Fatal(err)
		}
		u, err := a.SignIn(t.Context(), "jo.lee", oneTime, "192.0.2.1")
		if err != nil || !u.MustChange {
			t.Fatalf("%v, must change %v", err, u.MustChange)
		}
		if _, err := a.ChooseOwn(t.Context(), u, oneTime); !errors.Is(err, ErrSamePassword) {
			t.Errorf("the one-time password again: %v", err)
		}
		for password, want := range map[string]error{"short": ErrShortPassword, strings.Repeat("x", 1001): ErrLongPassword} {
			if _, err := a.ChooseOwn(t.Context(), u, password); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		changed, err := a.ChooseOwn(t.Context(), u, own)
		if err != nil || changed.MustChange || changed.Stamp() == u.Stamp() {
			t.Fatalf("%v, must change %v", err, changed.MustChange)
		}
		if _, err := a.ChooseOwn(t.Context(), u, own+" again"); !errors.Is(err, ErrChanged) {
			t.Errorf("a second change with the spent one-time password: %v", err)
		}
		if _, err := a.SignIn(t.Context(), "jo.lee", oneTime, "192.0.2.1"); !errors.Is(err, ErrSignIn) {
			t.Errorf("the spent one-time password: %v", err)
		}
		if u, err := a.SignIn(t.Context(), "JO.LEE", own, "192.0.2.1"); err != nil || u.MustChange {
			t.Errorf("%v", err)
		}
	})
}

func TestOneAnswerForEverythingWrong(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		a := Open(db)
		oneTime, err := a.Add(t.Context(), "disabled", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Disable(t.Context(), "disabled"); err != nil {
			t.Fatal(err)
		}
		late, err := a.Add(t.Context(), "late", "")
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE users SET one_time_until = ? WHERE name = 'late'", database.Micros(time.Now().Add(-time.Second)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range [][2]string{{"nobody", own}, {"late", "wrong"}, {"late", late}, {"disabled", oneTime}} {
			if _, err := a.SignIn(t.Context(), c[0], c[1], "192.0.2.1"); err != ErrSignIn {
				t.Errorf("%s: %v", c[0], err)
			}
		}
		again, err := a.Reset(t.Context(), "disabled")
		if err != nil {
			t.Fatal(err)
		}
		if u, err := a.SignIn(t.Context(), "disabled", again, "192.0.2.1"); err != nil || !u.Disabled.IsZero() {
			t.Errorf("after a reset: %v", err)
		}
	})
}

func TestRefusedNames(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		a := Open(db)
		if _, err := a.Add(t.Context(), "jo", ""); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]error{"JO": ErrExists, "j": ErrName, "jo lee": ErrName, "": ErrName} {
			if _, err := a.Add(t.Context(), name, ""); !errors.Is(err, want) {
				t.Errorf("%q: got %v, want %v", name, err, want)
			}
		}
		if _, err := a.Add(t.Context(), "sam", "855"); !errors.Is(err, ErrAuthority) {
			t.Errorf("unknown authority: %v", err)
		}
		if _, err := a.Reset(t.Context(), "nobody"); !errors.Is(err, ErrNoUser) {
			t.Errorf("unknown user: %v", err)
		}
		list, err := a.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Name != "jo" {
			t.Errorf("%v %v", list, err)
		}
	})
}

func TestWrongTriesMustWait(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	a := Open(db)
	oneTime, err := a.Add(t.Context(), "jo", "")
	if err != nil {
		t.Fatal(err)
	}
	var wait *WaitError
	for _, name := range []string{"jo", "unknown"} {
		for range 4 {
			if _, err := a.SignIn(t.Context(), name, "wrong", "192.0.2.1"); err != ErrSignIn {
				t.Fatalf("%s: %v", name, err)
			}
		}
		// A slow machine may sleep through the first delays; they double. While
		// one lasts the right password waits like any other.
		a.names.entries[sha256.Sum256([]byte(name))].until = time.Now().Add(time.Hour)
		if _, err := a.SignIn(t.Context(), name, oneTime, "192.0.2.2"); !errors.As(err, &wait) || wait.Wait <= 0 {
			t.Errorf("%s: the try was made: %v", name, err)
		}
		if n := a.names.entries[sha256.Sum256([]byte(name))].wrong; n != 4 {
			t.Errorf("%s: %d wrong tries count, want 4", name, n)
		}
	}
	a.addresses = newThrottle(4, time.Minute)
	for i := range 6 {
		_, err = a.SignIn(t.Context(), "guess"+string(rune('a'+i)), "wrong", "192.0.2.9")
		if errors.As(err, &wait) {
			break
		}
	}
	if !errors.As(err, &wait) {
		t.Error("an address that guesses many names never waits")
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
