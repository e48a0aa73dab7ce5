package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
)

const cookie = "__Host-rollbridge"

func TestASessionEndsWhenNobodyUsesItAndAfterADay(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Viewer))
	start := r.now
	for _, c := range []struct {
		after time.Duration
		open  bool
	}{
		{0, true},
		{59 * time.Minute, true},
		{118 * time.Minute, true}, // an hour after the last page, not after the first
		{178 * time.Minute, false},
	} {
		r.now = start.Add(c.after)
		if a := b.Get("/"); (a.Code == http.StatusOK) != c.open {
			t.Errorf("after %s: %d to %q", c.after, a.Code, a.Location)
		}
	}
	b = r.server.As(r.person(account.Viewer))
	start = r.now
	for r.now = start; r.now.Before(start.Add(web.SessionLife)); r.now = r.now.Add(50 * time.Minute) {
		if a := b.Get("/"); a.Code != http.StatusOK {
			t.Fatalf("after %s: %d", r.now.Sub(start), a.Code)
		}
	}
	r.now = start.Add(web.SessionLife)
	if a := b.Get("/"); a.Location != "/sign-in?ended" {
		t.Errorf("a session used all day lasts longer than a day: %d to %q", a.Code, a.Location)
	}
}

func TestASessionEndsWithWhatItStandsFor(t *testing.T) {
	r := newRig(t)
	u := r.person(account.Viewer)
	for name, end := range map[string]string{
		"password": "UPDATE users SET password = password || '!'",
		"disabled": "UPDATE users SET disabled_at = 1",
	} {
		b := r.server.As(u)
		if a := b.Get("/"); a.Code != http.StatusOK {
			t.Fatalf("%s: %d", name, a.Code)
		}
		r.must(r.site.DB.Write(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), end)
			return err
		}))
		if a := b.Get("/"); a.Location != "/sign-in?ended" {
			t.Errorf("%s: %d to %q", name, a.Code, a.Location)
		}
		r.must(r.site.DB.Write(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE users SET disabled_at = NULL, password = REPLACE(password, '!', '')")
			return err
		}))
	}
}

func TestTheTokenIsFreshAtEachSignInAndWorthNothingAfter(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Viewer))
	first := b.Cookie(cookie)
	b.SignIn(r.person(account.Viewer))
	if b.Cookie(cookie) == first {
		t.Error("a sign-in kept the token of before")
	}
	stolen := b.Cookie(cookie)
	b.Post("/sign-out")
	thief := r.server.Anybody()
	if a := thief.Do(http.MethodGet, "/", nil, "Cookie", cookie+"="+stolen); a.Location != "/sign-in?ended" {
		t.Errorf("the token works after sign-out: %d to %q", a.Code, a.Location)
	}
	a := b.Post("/webtest/sign-in")
	for _, want := range []string{cookie + "=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(a.Header.Get("Set-Cookie"), want) {
			t.Errorf("the cookie has no %s: %s", want, a.Header.Get("Set-Cookie"))
		}
	}
}

// Whoever types for an hour and then sends finds it all again, once, and only them.
func TestAFormSentAfterTheSessionEndedLosesNothing(t *testing.T) {
	r := newRig(t)
	u := r.person(account.Caller)
	b := r.server.As(u)
	b.Get("/calls/7?day=1")
	r.now = r.now.Add(61 * time.Minute)
	const typed = "Mother: <b>zorb</b> €\u202e"
	a := b.Post("/calls/7", "note", typed, "more", "line one\r\nline two", "password", "secret words", "from-day", "9")
	if a.Location != "/sign-in?ended" || len(r.saved) > 0 {
		t.Fatalf("%d to %q, saved %v", a.Code, a.Location, r.saved)
	}
	r.noneHolds("sessions", typed, "line two")
	if to := b.SignIn(u); to != "/calls/7?day=1" {
		t.Fatalf("after signing in: %q", to)
	}
	if a := b.Get("/"); strings.Contains(a.Body, "zorb") {
		t.Error("another page shows what was typed")
	}
	a = b.Get("/calls/7?day=1")
	for _, want := range []string{`value="Mother: &lt;b&gt;zorb&lt;/b&gt; €`, "line one\r\nline two</textarea>", `name="from-day" type="text" inputmode="numeric" value="9"`, "What you typed is still here"} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page has no %q:\n%s", want, a.Body)
		}
	}
	if strings.Contains(a.Body, "secret words") {
		t.Error("a password was kept")
	}
	if a := b.Get("/calls/7"); strings.Contains(a.Body, "zorb") || strings.Contains(a.Body, "still here") {
		t.Error("what was kept is shown twice")
	}
	if len(r.saved) > 0 {
		t.Errorf("something was done by itself: %v", r.saved)
	}
}

func TestAKeptFormIsForWhoTypedItAndNotForLong(t *testing.T) {
	r := newRig(t)
	u, other := r.person(account.Caller), r.person(account.Administrator)
	keep := func(wait time.Duration, who account.User) bool {
		b := r.server.As(u)
		r.now = r.now.Add(61 * time.Minute)
		b.Post("/calls/7", "note", "zorb")
		r.now = r.now.Add(wait)
		b.SignIn(who)
		return strings.Contains(b.Get("/calls/7").Body, `value="zorb"`)
	}
	if !keep(29*time.Minute, u) {
		t.Error("it was not kept for half an hour")
	}
	if keep(31*time.Minute, u) {
		t.Error("it was kept for longer")
	}
	if keep(0, other) {
		t.Error("another person was shown it")
	}
}

// noneHolds fails where a table has one of the texts.
func (r *rig) noneHolds(table string, texts ...string) {
	r.Helper()
	r.must(r.site.DB.Read(r.Context(), func(tx *database.Tx) error {
		rows, err := tx.Query(r.Context(), "SELECT data FROM "+table)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var data []byte
			if err := rows.Scan(&data); err != nil {
				return err
			}
			for _, text := range texts {
				if strings.Contains(string(data), text) {
					r.Errorf("%s holds %q", table, text)
				}
			}
		}
		return rows.Err()
	}))
}

func TestAfterSignInThePageThatWasAskedFor(t *testing.T) {
	r := newRig(t)
	b := r.server.Anybody()
	if a := b.Get("/calls/7?day=2"); a.Location != "/sign-in" {
		t.Fatalf("%d to %q", a.Code, a.Location)
	}
	if to := b.SignIn(r.person(account.Caller)); to != "/calls/7?day=2" {
		t.Errorf("to %q", to)
	}
	if to := b.SignIn(r.person(account.Caller)); to != "/" {
		t.Errorf("the second time to %q", to)
	}
}

func TestStaying(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Viewer))
	start := r.now
	r.now = start.Add(50 * time.Minute)
	if a := b.Post("/session"); a.Code != http.StatusOK || !strings.Contains(a.Body, "You are still signed in") || !strings.Contains(a.Body, `data-ends="3600"`) {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	r.now = start.Add(100 * time.Minute)
	if a := b.Get("/"); a.Code != http.StatusOK {
		t.Errorf("%d", a.Code)
	}
}
