package entry_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/entry"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// A door is a site with the pages of this package, and one more that needs a right.
type door struct {
	*testing.T
	site   *web.Site
	server *webtest.Server
}

func newDoor(t *testing.T, db *database.DB, service entry.Service) *door {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	if err := vault.Init(dir); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	st := store.New(db)
	for _, code := range []string{"330", "855"} {
		if err := st.PutAuthority(t.Context(), store.Authority{Code: code, Why: "A reason"}); err != nil {
			t.Fatal(err)
		}
	}
	d := &door{T: t, site: &web.Site{DB: db, Store: st, Vault: v, Accounts: account.Open(db, v), Audit: audit.New(db, v)}}
	routes := append(entry.Routes(d.site, service), web.Route{Method: "GET", Path: "/{$}", Right: account.SeeToday, Do: func(v *web.Visit) error {
		_, err := v.W.Write([]byte("inside"))
		return err
	}})
	d.server = webtest.Serve(t, d.site, routes)
	return d
}

func caller(name string) account.Person {
	return account.Person{Name: name, Role: account.Caller, Authorities: []string{"330", "855"}}
}

// join makes a person whose second factor was set up long enough ago that the
// present code is not spent.
func (d *door) join(p account.Person) accounttest.Member {
	d.Helper()
	return accounttest.Join(d.T, d.site.Accounts, p)
}

// next is a code that the person has not used yet.
func (d *door) next(m accounttest.Member) string {
	d.Helper()
	return accounttest.Code(d.T, m.Key, clock.Now().Add(30*time.Second))
}

func (d *door) expect(a webtest.Answer, code int, location string, says ...string) {
	d.Helper()
	if a.Code != code || a.Location != location {
		d.Errorf("answered with %d to %q, want %d to %q", a.Code, a.Location, code, location)
	}
	for _, s := range says {
		if !strings.Contains(a.Body, s) {
			d.Errorf("the page does not say %q", s)
		}
	}
	if strings.Contains(a.Body, ">entry.") {
		d.Error("a text is missing")
	}
}

// actions are what the audit log of an authority says, the oldest first.
func (d *door) actions(chain audit.Chain) (list []audit.Action) {
	d.Helper()
	err := d.site.DB.Read(d.Context(), func(tx *database.Tx) error {
		list = nil
		rows, err := tx.Query(d.Context(), "SELECT action FROM audit WHERE chain = ? ORDER BY seq", string(chain))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var a audit.Action
			if err := rows.Scan((*string)(&a)); err != nil {
				return err
			}
			list = append(list, a)
		}
		return rows.Err()
	})
	if err != nil {
		d.Fatal(err)
	}
	return list
}

var (
	keyText  = regexp.MustCompile(`class="portal-key">([^<]+)</code>`)
	imageURL = regexp.MustCompile(`src="data:image/png;base64,(?:[A-Za-z0-9/=]|&#43;)+"`)
)

const own = accounttest.Password

func TestFirstSignInByPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		d := newDoor(t, db, nil)
		oneTime, err := d.site.Accounts.Invite(t.Context(), account.User{}, caller("jo"))
		if err != nil {
			t.Fatal(err)
		}
		b := d.server.Anybody()
		d.expect(b.Get("/"), 303, "/sign-in")
		d.expect(b.Get("/sign-in"), 200, "", `autocomplete="username"`, `autocomplete="current-password"`)
		d.expect(b.Post("/sign-in", "name", "Jo", "password", oneTime), 303, "/password")
		token := b.Cookie("__Host-rollbridge")
		d.expect(b.Get("/"), 303, "/sign-in?ended")
		for _, path := range []string{"/account", "/recovery-codes"} {
			d.expect(b.Get(path), 303, "/sign-in")
		}
		for _, path := range []string{"/sign-in/code", "/sign-in/recovery", "/second-factor"} {
			d.expect(b.Get(path), 303, "/password")
		}
		b.Post("/sign-in", "name", "jo", "password", oneTime)
		d.expect(b.Get("/password"), 200, "", `autocomplete="new-password"`)
		for _, c := range []struct{ password, again, says string }{
			{"", "", "Enter a new password"},
			{"short", "short", "12 characters or more"},
			{own, own + "x", "not the same"},
			{oneTime, oneTime, "Choose another"},
			{strings.Repeat("x", 1001), strings.Repeat("x", 1001), "1,000 characters or fewer"},
		} {
			a := b.Post("/password", "password", c.password, "again", c.again)
			d.expect(a, 422, "", c.says, "<title>Error: ")
			if c.password != "" && strings.Contains(a.Body, c.password) {
				t.Errorf("%q: the page repeats the password", c.says)
			}
		}
		d.expect(b.Post("/password", "password", own, "again", own), 303, "/second-factor")
		second := b.Get("/second-factor")
		d.expect(second, 200, "", `autocomplete="one-time-code"`, `inputmode="numeric"`)
		key := keyText.FindStringSubmatch(second.Body)
		if key == nil || !imageURL.MatchString(second.Body) {
			t.Fatal("the page shows no key or no picture")
		}
		d.expect(b.Get("/"), 303, "/sign-in?ended")
		b.Post("/sign-in", "name", "jo", "password", oneTime)
		b.Post("/password", "password", own, "again", own)
		key = keyText.FindStringSubmatch(b.Get("/second-factor").Body)
		d.expect(b.Post("/second-factor", "code", ""), 422, "", "Enter the code")
		d.expect(b.Post("/second-factor", "code", "12345"), 422, "", "not right")
		code := accounttest.Code(t, strings.ReplaceAll(key[1], " ", ""), clock.Now())
		d.expect(b.Post("/second-factor", "code", " "+code[:3]+" "+code[3:]), 303, "/recovery-codes")
		if b.Cookie("__Host-rollbridge") == token {
			t.Error("the session's token is that of before")
		}
		codes := b.Get("/recovery-codes")
		d.expect(codes, 200, "", "shown only now")
		if n := len(keyText.FindAllString(codes.Body, -1)); n != 10 {
			t.Errorf("%d recovery codes", n)
		}
		d.expect(b.Get("/recovery-codes"), 303, "/account")
		d.expect(b.Get("/"), 200, "", "inside")
		for _, chain := range []audit.Chain{audit.OfAuthority("330"), audit.OfAuthority("855")} {
			want := []audit.Action{audit.PersonInvited, audit.PersonAccepted, audit.SecondFactorSet, audit.SignedIn}
			if got := d.actions(chain); !slices.Equal(got, want) {
				t.Errorf("%s says %v", chain, got)
			}
		}
		for _, secret := range []string{"jo", oneTime, own, code, strings.ReplaceAll(key[1], " ", "")} {
			if strings.Contains(d.server.Log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
}

func TestSignInAndOut(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		d := newDoor(t, db, nil)
		m := d.join(caller("jo"))
		b := d.server.Anybody()
		d.expect(b.Post("/sign-in", "name", "jo", "password", own), 303, "/sign-in/code")
		d.expect(b.Get("/sign-in/code"), 200, "", `autocomplete="one-time-code"`)
		d.expect(b.Get("/password"), 303, "/sign-in/code")
		d.expect(b.Post("/sign-in/code", "code", ""), 422, "", "Enter the code")
		d.expect(b.Post("/sign-in/code", "code", accounttest.Code(t, m.Key, clock.Now().Add(-time.Hour))), 422, "", "not right", "<title>Error: ")
		code := d.next(m)
		d.expect(b.Post("/sign-in/code", "code", code), 303, "/")
		d.expect(b.Get("/"), 200, "", "inside")
		d.expect(b.Get("/sign-in"), 303, "/")

		other := d.server.Anybody()
		other.Post("/sign-in", "name", "jo", "password", own)
		d.expect(other.Post("/sign-in/code", "code", code), 422, "", "used already")
		d.expect(other.Post("/sign-in/recovery", "code", "aaaa-bbbb-cccc-dddd"), 422, "", "recovery code is not right")
		recovery := strings.ToUpper(strings.ReplaceAll(m.Recovery[0], "-", " "))
		d.expect(other.Post("/sign-in/recovery", "code", recovery), 303, "/account")
		d.expect(other.Get("/account"), 200, "", "9 are left", "9 left")

		stolen := b.Cookie("__Host-rollbridge")
		d.expect(b.Post("/sign-out"), 303, "/sign-in")
		a := b.Do(http.MethodGet, "/", nil, "Cookie", "__Host-rollbridge="+stolen)
		d.expect(a, 303, "/sign-in?ended")
		d.expect(b.Get("/sign-in?ended"), 200, "", "Your session has ended")
		got := d.actions(audit.OfAuthority("330"))
		for _, want := range []audit.Action{audit.SignInRefused, audit.RecoveryCodeUsed, audit.SignedOut} {
			if !slices.Contains(got, want) {
				t.Errorf("the audit log does not say %s: %v", want, got)
			}
		}
	})
}

func TestWrongSignIn(t *testing.T) {
	d := newDoor(t, dbtest.Migrated(t, dbtest.SQLite(t)), nil)
	d.join(caller("jo"))
	b := d.server.Anybody()
	known := b.Post("/sign-in", "name", "jo", "password", "wrong")
	unknown := b.Post("/sign-in", "name", "sam", "password", "wrong")
	d.expect(known, 422, "", "not right", "<title>Error: ")
	if strings.ReplaceAll(known.Body, `"jo"`, `"sam"`) != unknown.Body || known.Code != unknown.Code {
		t.Error("the answers for a known and an unknown name differ")
	}
	d.expect(b.Post("/sign-in", "name", "jo"), 422, "", "Enter your password")
	d.expect(b.Post("/sign-in", "password", "x"), 422, "", "Enter your user name")
	for range 3 {
		b.Post("/sign-in", "name", "jo", "password", "wrong")
	}
	a := b.Post("/sign-in", "name", "jo", "password", own)
	d.expect(a, 429, "", "too many wrong tries")
	if a.Header.Get("Retry-After") == "" {
		t.Error("the answer does not say when to try again")
	}
	if b.Cookie("__Host-rollbridge") != "" {
		t.Error("a wrong sign-in began a session")
	}
	if a := b.Post("/sign-in", "name", `"><script>alert(1)</script>`, "password", "x"); strings.Contains(a.Body, "<script>alert") {
		t.Error("what was entered is shown as it is")
	}
	if a := b.Post("/sign-in", "name", strings.Repeat("x", 100<<10), "password", "x"); a.Code == 303 || a.Code >= 500 {
		t.Errorf("a huge form: %d", a.Code)
	}
}

// Nobody guesses a code whatever the password.
func TestCodesAreThrottled(t *testing.T) {
	d := newDoor(t, dbtest.Migrated(t, dbtest.SQLite(t)), nil)
	m := d.join(caller("jo"))
	b := d.server.Anybody()
	b.Post("/sign-in", "name", "jo", "password", own)
	for tries := 0; b.Post("/sign-in/code", "code", "000").Code != 429; tries++ {
		if tries > 20 {
			t.Fatal("a guesser never waits")
		}
	}
	d.expect(b.Post("/sign-in/code", "code", d.next(m)), 429, "", "too many wrong tries")
	d.expect(b.Post("/sign-in/recovery", "code", m.Recovery[0]), 429, "", "too many wrong tries")
}

func TestResetAndDisableEndSessions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		d := newDoor(t, db, nil)
		for name, end := range map[string]func(name string) error{
			"reset": func(name string) error {
				_, err := d.site.Accounts.Reset(t.Context(), account.User{}, name)
				return err
			},
			"disable": func(name string) error { return d.site.Accounts.Disable(t.Context(), account.User{}, name) },
		} {
			m := d.join(caller(name))
			b := d.server.As(m.User)
			half := d.server.Anybody()
			d.expect(half.Post("/sign-in", "name", name, "password", own), 303, "/sign-in/code")
			d.expect(b.Get("/"), 200, "", "inside")
			if err := end(name); err != nil {
				t.Fatal(err)
			}
			d.expect(b.Get("/"), 303, "/sign-in?ended")
			d.expect(half.Post("/sign-in/code", "code", d.next(m)), 303, "/sign-in?ended")
		}
	})
}

func TestOwnAccount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		d := newDoor(t, db, nil)
		p := caller("jo")
		p.Until = time.Date(2099, 7, 31, 23, 0, 0, 0, time.UTC)
		m := d.join(p)
		b, other := d.server.As(m.User), d.server.As(m.User)
		d.expect(b.Get("/account"), 200, "", "Your access ends at the end of Friday 31 July", "Caller.", "10 left")

		d.expect(b.Post("/account/sessions"), 303, "/account")
		d.expect(b.Get("/account"), 200, "", "signed out everywhere else")
		d.expect(other.Get("/"), 303, "/sign-in?ended")

		d.expect(b.Post("/account/password", "password-now", "wrong", "password", own+" two", "again", own+" two"), 422, "", "not your present password")
		d.expect(b.Post("/account/password", "password-now", own, "password", own, "again", own), 422, "", "Choose another")
		d.expect(b.Post("/account/password", "password-now", own, "password", own+" two", "again", own+" two"), 303, "/account")
		d.expect(b.Get("/account"), 200, "", "Your password was changed")

		d.expect(b.Post("/account/recovery-codes", "password", "wrong"), 422, "", "not your present password")
		d.expect(b.Post("/account/recovery-codes", "password", own+" two"), 303, "/recovery-codes")
		codes := keyText.FindAllStringSubmatch(b.Get("/recovery-codes").Body, -1)
		if len(codes) != 10 || codes[0][1] == m.Recovery[0] {
			t.Errorf("%d new recovery codes", len(codes))
		}

		d.expect(b.Get("/second-factor"), 303, "/")
		d.expect(b.Post("/account/second-factor", "password", own+" two"), 303, "/second-factor")
		key := strings.ReplaceAll(keyText.FindStringSubmatch(b.Get("/second-factor").Body)[1], " ", "")
		if key == m.Key {
			t.Error("the new second factor is the old one")
		}
		d.expect(b.Post("/second-factor", "code", d.next(m)), 422, "", "not right")
		d.expect(b.Post("/second-factor", "code", accounttest.Code(t, key, clock.Now())), 303, "/recovery-codes")
		d.expect(b.Get("/"), 200, "", "inside")
		half := d.server.Anybody()
		d.expect(half.Post("/sign-in", "name", "jo", "password", own+" two"), 303, "/sign-in/code")
		d.expect(half.Post("/sign-in/code", "code", d.next(m)), 422, "", "not right")
		d.expect(half.Post("/sign-in/recovery", "code", codes[0][1]), 422, "", "not right")
		got := d.actions(audit.OfAuthority("330"))
		for _, want := range []audit.Action{audit.PasswordChosen, audit.RecoveryCodesMade, audit.SecondFactorSet, audit.SessionsEnded} {
			if !slices.Contains(got, want) {
				t.Errorf("the audit log does not say %s: %v", want, got)
			}
		}
	})
}

// The steps take no longer than they may.
func TestHalfASignInEnds(t *testing.T) {
	d := newDoor(t, dbtest.Migrated(t, dbtest.SQLite(t)), nil)
	d.join(caller("jo"))
	for _, path := range []string{"/sign-in/code", "/sign-in/recovery", "/password", "/second-factor"} {
		d.expect(d.server.Anybody().Get(path), 303, "/sign-in?ended")
		d.expect(d.server.Anybody().Post(path, "code", "123456", "password", own, "again", own), 303, "/sign-in?ended")
	}
	for _, path := range []string{"/account/password", "/account/second-factor", "/account/recovery-codes", "/account/sessions"} {
		d.expect(d.server.Anybody().Post(path, "password", own), 303, "/sign-in")
	}
}

// Every page is there in Welsh, and no text is missing.
func TestPagesInWelsh(t *testing.T) {
	d := newDoor(t, dbtest.Migrated(t, dbtest.SQLite(t)), nil)
	m := d.join(caller("jo"))
	b := d.server.As(m.User)
	b.Language = "cy"
	for path, says := range map[string]string{
		"/account": "Eich cyfrif", "/account/password": "Newid eich cyfrinair", "/account/second-factor": "Newid eich ail ffactor",
		"/account/recovery-codes": "Gwneud codau adfer newydd",
	} {
		d.expect(b.Get(path), 200, "", says, `<html lang="cy"`)
	}
	// What somebody chooses goes with the person, to another browser too.
	d.expect(b.Post("/language", "language", "cy", "back", "/account"), 303, "/account")
	d.expect(d.server.As(m.User).Get("/account"), 200, "", "Eich cyfrif")
	half := d.server.Anybody()
	half.Language = "cy"
	d.expect(half.Get("/sign-in"), 200, "", "Mewngofnodi")
	half.Post("/sign-in", "name", "jo", "password", own)
	d.expect(half.Get("/sign-in/code"), 200, "", "Rhowch god")
	d.expect(half.Get("/sign-in/recovery"), 200, "", "Defnyddio cod adfer")
}
