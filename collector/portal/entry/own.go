package entry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/vault"
)

type accountData struct {
	Role        string
	Authorities []string
	Until       time.Time
	// Last is the day that the access still has.
	Last     time.Time
	SignedIn time.Time
	Left     int // recovery codes
	OpenID   bool
}

func (e *entrance) showAccount(v *web.Visit) error {
	u := v.User
	d := accountData{Role: roleText(v, u.Role), Until: u.Until, SignedIn: u.SignedIn, OpenID: u.OpenID}
	if !u.Until.IsZero() {
		d.Last = u.Until.Add(-time.Second)
	}
	all, err := e.site.Store.Authorities(v.Context())
	if err != nil {
		return err
	}
	for _, a := range all {
		if u.Of(a.Code) {
			d.Authorities = append(d.Authorities, a.Name)
		}
	}
	if d.Left, err = e.site.Accounts.RecoveryLeft(v.Context(), u); err != nil {
		return err
	}
	return v.Show(pages, web.Page{Name: "account", Title: v.T("entry.account.title"), Data: d})
}

func roleText(v *web.Visit, r account.Role) string {
	switch r {
	case account.Administrator:
		return v.T("entry.role.administrator")
	case account.Caller:
		return v.T("entry.role.caller")
	case account.Viewer:
		return v.T("entry.role.viewer")
	case account.Caseload:
		return v.T("entry.role.caseload")
	case account.Operator:
		return v.T("entry.role.operator")
	case account.SchoolRole:
		return v.T("entry.role.school")
	}
	return string(r)
}

func changePage(v *web.Visit, p web.Problems) web.Page {
	return web.Page{Name: "change", Title: v.T("entry.change.title"), Problems: p, Data: passwordData{v.User.Name, v.Number(account.MinPassword)}}
}

// hasPassword sends those away who sign in at the authority's own service.
func hasPassword(v *web.Visit) error {
	if v.User.OpenID {
		return web.ErrNotFound
	}
	return nil
}

func (e *entrance) showChange(v *web.Visit) error {
	if err := hasPassword(v); err != nil {
		return err
	}
	return v.Show(pages, changePage(v, nil))
}

func (e *entrance) change(v *web.Visit) error {
	if err := hasPassword(v); err != nil {
		return err
	}
	f := v.Form()
	present := f.Raw("password-now")
	if present == "" {
		f.Add("password-now", "entry.password.missing")
	}
	password := twice(f)
	if !f.OK() {
		return v.Show(pages, changePage(v, f.Problems()))
	}
	u, err := e.site.Accounts.ChangePassword(v.Context(), v.User, present, password)
	field := "password"
	if errors.Is(err, account.ErrPassword) {
		field = "password-now"
	}
	if e.refused(v, err, field) {
		return e.again(v, changePage(v, f.Problems()), err)
	}
	if err != nil {
		return err
	}
	if err := e.note(v, u, audit.PasswordChosen); err != nil {
		return err
	}
	if err := v.Stay(u); err != nil {
		return err
	}
	v.Flash("entry.change.done")
	return v.Redirect("/account")
}

// confirmData is the page that asks for the password before something is changed.
type confirmData struct{ Name, Path, Text, Button string }

func secondAgain(v *web.Visit, p web.Problems) web.Page {
	return web.Page{Name: "confirm", Title: v.T("entry.new-second.title"), Problems: p, Data: confirmData{
		v.User.Name, "/account/second-factor", v.T("entry.new-second.text"), v.T("entry.new-second.button"),
	}}
}

func codesAgain(v *web.Visit, p web.Problems) web.Page {
	return web.Page{Name: "confirm", Title: v.T("entry.new-codes.title"), Problems: p, Data: confirmData{
		v.User.Name, "/account/recovery-codes", v.T("entry.new-codes.text"), v.T("entry.new-codes.button"),
	}}
}

func (e *entrance) showNewSecond(v *web.Visit) error {
	if err := hasPassword(v); err != nil {
		return err
	}
	return v.Show(pages, secondAgain(v, nil))
}

// confirmed asks for the password again; it shows the page where it is not right.
func (e *entrance) confirmed(v *web.Visit, page func(*web.Visit, web.Problems) web.Page) (bool, error) {
	if err := hasPassword(v); err != nil {
		return false, err
	}
	f := v.Form()
	password := f.Raw("password")
	if password == "" {
		f.Add("password", "entry.password.missing")
		return false, v.Show(pages, page(v, f.Problems()))
	}
	err := e.site.Accounts.CheckPassword(v.Context(), v.User, password)
	if e.refused(v, err, "password") {
		return false, e.again(v, page(v, f.Problems()), err)
	}
	return err == nil, err
}

// confirmedKey is where a session keeps when its person gave the password to set up
// another second factor.
const confirmedKey = "second-confirmed"

// confirmedNow says that this was in this session and not long ago: a setting-up that
// somebody left is nothing for whoever comes to the screen later.
func confirmedNow(v *web.Visit) bool {
	at, err := time.Parse(time.RFC3339, v.Get(confirmedKey))
	return err == nil && v.Now.Before(at.Add(web.BeginLife))
}

func (e *entrance) newSecond(v *web.Visit) error {
	if ok, err := e.confirmed(v, secondAgain); err != nil || !ok {
		return err
	}
	if err := e.site.Accounts.BeginSecond(v.Context(), v.User); err != nil {
		return err
	}
	v.Put(confirmedKey, v.Now.Format(time.RFC3339))
	return v.Redirect("/second-factor")
}

func (e *entrance) showNewCodes(v *web.Visit) error {
	if err := hasPassword(v); err != nil {
		return err
	}
	return v.Show(pages, codesAgain(v, nil))
}

func (e *entrance) newCodes(v *web.Visit) error {
	if ok, err := e.confirmed(v, codesAgain); err != nil || !ok {
		return err
	}
	codes, err := e.site.Accounts.NewRecovery(v.Context(), v.User)
	if err != nil {
		return err
	}
	if err := e.note(v, v.User, audit.RecoveryCodesMade); err != nil {
		return err
	}
	return e.toCodes(v, codes)
}

// codesKey is where a session keeps recovery codes, sealed, from the form that made
// them to the page that shows them once.
const codesKey = "recovery-codes"

func codesName(v *web.Visit) vault.Name { return vault.Name{Dataset: "recovery_codes", Key: v.User.ID} }

func (e *entrance) toCodes(v *web.Visit, codes []string) error {
	plain, err := json.Marshal(codes)
	if err != nil {
		return fmt.Errorf("keep recovery codes: %w", err)
	}
	key, err := e.site.Vault.Own("recovery codes")
	if err != nil {
		return err
	}
	sealed, err := key.Seal(codesName(v), plain)
	if err != nil {
		return err
	}
	v.Put(codesKey, base64.StdEncoding.EncodeToString(sealed))
	return v.Redirect("/recovery-codes")
}

// showCodes shows recovery codes for the only time.
func (e *entrance) showCodes(v *web.Visit) error {
	kept := v.Pop(codesKey)
	if kept == "" {
		return v.Redirect("/account")
	}
	sealed, err := base64.StdEncoding.DecodeString(kept)
	if err != nil {
		return fmt.Errorf("show recovery codes: %w", err)
	}
	key, err := e.site.Vault.Own("recovery codes")
	if err != nil {
		return err
	}
	plain, err := key.Open(codesName(v), sealed)
	if err != nil {
		return err
	}
	var codes []string
	if err := json.Unmarshal(plain, &codes); err != nil {
		return fmt.Errorf("show recovery codes: %w", err)
	}
	return v.Show(pages, web.Page{Name: "codes", Title: v.T("entry.codes.title"), Data: codesData{codes, v.AfterSignIn()}})
}

type codesData struct {
	Codes []string
	Next  string
}

func (e *entrance) endOthers(v *web.Visit) error {
	u, err := e.site.Accounts.EndOthers(v.Context(), v.User)
	if err != nil {
		return err
	}
	if err := e.note(v, u, audit.SessionsEnded); err != nil {
		return err
	}
	if err := v.Stay(u); err != nil {
		return err
	}
	v.Flash("entry.sessions.done")
	return v.Redirect("/account")
}

// alerts keeps whether the person wants e-mails about sessions.
func (e *entrance) alerts(v *web.Visit) error {
	if !v.User.MayHaveAlerts() || v.User.Email == "" {
		return web.ErrNotFound
	}
	wants := v.Form().Raw("alerts") == "yes"
	if err := e.site.Accounts.SetAlerts(v.Context(), v.User, wants); err != nil {
		return err
	}
	v.Flash(map[bool]string{true: "entry.alerts.on", false: "entry.alerts.off"}[wants])
	return v.Redirect("/account")
}
