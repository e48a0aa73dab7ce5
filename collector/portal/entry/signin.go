package entry

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/logkey"
)

// maxCode bounds what is read of a code; people paste more than the code.
const maxCode = 60

func (e *entrance) showSignIn(v *web.Visit) error {
	if v.User.ID != "" {
		return v.Redirect(v.AfterSignIn())
	}
	return v.Show(pages, e.signInPage(v, nil))
}

type signInData struct {
	Ended   bool
	Service string
}

func (e *entrance) signInPage(v *web.Visit, p web.Problems) web.Page {
	d := signInData{Ended: v.R.URL.Query().Has("ended") && p == nil}
	if e.service != nil {
		d.Service = e.service.Name()
	}
	return web.Page{Name: "sign-in", Title: v.T("entry.sign-in.title"), Problems: p, Data: d}
}

func (e *entrance) signIn(v *web.Visit) error {
	f := v.Form()
	name, password := f.Raw("name"), f.Raw("password")
	if name == "" {
		f.Add("name", "entry.name.missing")
	}
	if password == "" {
		f.Add("password", "entry.password.missing")
	}
	if !f.OK() {
		return v.Show(pages, e.signInPage(v, f.Problems()))
	}
	u, err := e.site.Accounts.SignIn(v.Context(), name, password, v.Address())
	if e.refused(v, err, "name") {
		e.site.Log.Warn("sign-in refused", logkey.Address, v.Address())
		return e.again(v, e.signInPage(v, f.Problems()), err)
	}
	if err != nil {
		return err
	}
	if err := v.Begin(u); err != nil {
		return err
	}
	return v.Redirect(stepPath[u.Next()])
}

var stepPath = map[account.Step]string{
	account.ChoosePassword: "/password",
	account.SetUpSecond:    "/second-factor",
	account.EnterCode:      "/sign-in/code",
}

// refused says whether an error is the fault of what was entered, and then adds it
// to the problems of the form.
func (e *entrance) refused(v *web.Visit, err error, field string) bool {
	f := v.Form()
	var wait *account.WaitError
	switch {
	case errors.As(err, &wait):
		f.Add(field, "entry.wait", "Wait", v.Spell(wait.Wait))
	case errors.Is(err, account.ErrSignIn):
		f.Add(field, "entry.wrong")
	case errors.Is(err, account.ErrCode):
		f.Add(field, "entry.code.wrong")
	case errors.Is(err, account.ErrPassword):
		f.Add(field, "entry.password.not-present")
	case errors.Is(err, account.ErrShortPassword):
		f.Add(field, "entry.password.short", "Least", v.Number(account.MinPassword))
	case errors.Is(err, account.ErrLongPassword):
		f.Add(field, "entry.password.long")
	case errors.Is(err, account.ErrSamePassword):
		f.Add(field, "entry.password.same")
	case errors.Is(err, account.ErrNamePassword):
		f.Add(field, "entry.password.name")
	default:
		return false
	}
	return true
}

// again shows a form with what was wrong; who must wait is told so in the answer's
// head too.
func (e *entrance) again(v *web.Visit, p web.Page, err error) error {
	var wait *account.WaitError
	if errors.As(err, &wait) {
		p.Code = http.StatusTooManyRequests
		v.W.Header().Set("Retry-After", strconv.Itoa(int((wait.Wait+time.Second-1)/time.Second)))
	}
	return v.Show(pages, p)
}

// at finds who is at a step, and sends everybody else to where they can go on.
func (e *entrance) at(v *web.Visit, step account.Step) (u account.User, here bool, err error) {
	u, found, err := v.Beginner()
	switch {
	case err != nil:
		return u, false, err
	case !found && v.User.ID != "":
		return u, false, v.Redirect("/")
	case !found:
		return u, false, v.Redirect("/sign-in?ended")
	case u.Next() != step:
		return u, false, v.Redirect(stepPath[u.Next()])
	}
	return u, true, nil
}

func codePage(v *web.Visit, p web.Problems) web.Page {
	return web.Page{Name: "code", Title: v.T("entry.code.title"), Problems: p}
}

func (e *entrance) showCode(v *web.Visit) error {
	if _, here, err := e.at(v, account.EnterCode); err != nil || !here {
		return err
	}
	return v.Show(pages, codePage(v, nil))
}

func (e *entrance) code(v *web.Visit) error {
	u, here, err := e.at(v, account.EnterCode)
	if err != nil || !here {
		return err
	}
	f := v.Form()
	code := f.Required("code", "entry.code.label", "entry.code.missing", maxCode)
	if !f.OK() {
		return v.Show(pages, codePage(v, f.Problems()))
	}
	err = e.site.Accounts.Code(v.Context(), u, code)
	if e.refused(v, err, "code") {
		return e.refuse(v, u, codePage(v, f.Problems()), err)
	}
	if err != nil {
		return err
	}
	if err := e.enter(v, u); err != nil {
		return err
	}
	return v.Redirect(v.AfterSignIn())
}

// refuse notes a second factor that was not right: somebody else may have the
// password.
func (e *entrance) refuse(v *web.Visit, u account.User, p web.Page, err error) error {
	e.site.Log.Warn("second factor refused", logkey.User, u.ID, logkey.Address, v.Address())
	if err := e.note(v, u, audit.SignInRefused); err != nil {
		return err
	}
	return e.again(v, p, err)
}

func recoveryPage(v *web.Visit, p web.Problems) web.Page {
	return web.Page{Name: "recovery", Title: v.T("entry.recovery.title"), Problems: p}
}

func (e *entrance) showRecovery(v *web.Visit) error {
	if _, here, err := e.at(v, account.EnterCode); err != nil || !here {
		return err
	}
	return v.Show(pages, recoveryPage(v, nil))
}

func (e *entrance) recovery(v *web.Visit) error {
	u, here, err := e.at(v, account.EnterCode)
	if err != nil || !here {
		return err
	}
	f := v.Form()
	code := f.Required("code", "entry.recovery.label", "entry.recovery.missing", maxCode)
	if !f.OK() {
		return v.Show(pages, recoveryPage(v, f.Problems()))
	}
	left, err := e.site.Accounts.Recover(v.Context(), u, code)
	if errors.Is(err, account.ErrCode) {
		f.Add("code", "entry.recovery.wrong")
		return e.refuse(v, u, recoveryPage(v, f.Problems()), err)
	}
	if e.refused(v, err, "code") {
		return e.refuse(v, u, recoveryPage(v, f.Problems()), err)
	}
	if err != nil {
		return err
	}
	if err := e.note(v, u, audit.RecoveryCodeUsed); err != nil {
		return err
	}
	if err := e.enter(v, u); err != nil {
		return err
	}
	// Whoever had to use one has no app at hand: the page leads to a new one.
	v.Flash("entry.recovery.used", "Left", v.Number(left))
	return v.Redirect("/account")
}

type passwordData struct{ Name, Least string }

func passwordPage(v *web.Visit, u account.User, p web.Problems) web.Page {
	return web.Page{Name: "password", Title: v.T("entry.choose.title"), Problems: p, Data: passwordData{u.Name, v.Number(account.MinPassword)}}
}

func (e *entrance) showPassword(v *web.Visit) error {
	u, here, err := e.at(v, account.ChoosePassword)
	if err != nil || !here {
		return err
	}
	return v.Show(pages, passwordPage(v, u, nil))
}

func (e *entrance) choosePassword(v *web.Visit) error {
	u, here, err := e.at(v, account.ChoosePassword)
	if err != nil || !here {
		return err
	}
	f := v.Form()
	password := twice(f)
	if !f.OK() {
		return v.Show(pages, passwordPage(v, u, f.Problems()))
	}
	_, err = e.site.Accounts.ChooseOwn(v.Context(), u, password)
	switch {
	case e.refused(v, err, "password"):
		return e.again(v, passwordPage(v, u, f.Problems()), err)
	case errors.Is(err, account.ErrChanged):
		return v.Redirect("/sign-in?ended")
	case err != nil:
		return err
	}
	return v.Redirect("/second-factor")
}

// twice reads a new password that is entered twice.
func twice(f *web.Form) string {
	password := f.Raw("password")
	switch {
	case password == "":
		f.Add("password", "entry.password.missing-new")
	case password != f.Raw("again"):
		f.Add("again", "entry.password.differ")
	}
	return password
}

// settingUp finds who is setting up a second factor: at the first sign-in, or
// from the page of one's own account.
func (e *entrance) settingUp(v *web.Visit) (u account.User, here bool, err error) {
	if v.User.ID != "" && v.User.SettingUp() && confirmedNow(v) {
		return v.User, true, nil
	}
	return e.at(v, account.SetUpSecond)
}

type secondData struct {
	account.Setup
	// Picture is the QR code as a data: address, which needs no request of its own.
	Picture template.URL
	First   bool
}

func (e *entrance) secondPage(v *web.Visit, u account.User, p web.Problems) (web.Page, error) {
	setup, err := e.site.Accounts.Setup(u)
	if err != nil {
		return web.Page{}, err
	}
	return web.Page{Name: "second", Title: v.T("entry.second.title"), Problems: p, Data: secondData{
		Setup: setup, First: v.User.ID == "",
		// It is made of base64 by ourselves.
		Picture: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(setup.QR)),
	}}, nil
}

func (e *entrance) showSecond(v *web.Visit) error {
	u, here, err := e.settingUp(v)
	if err != nil || !here {
		return err
	}
	p, err := e.secondPage(v, u, nil)
	if err != nil {
		return err
	}
	return v.Show(pages, p)
}

func (e *entrance) second(v *web.Visit) error {
	u, here, err := e.settingUp(v)
	if err != nil || !here {
		return err
	}
	first := u.MustChange
	f := v.Form()
	code := f.Required("code", "entry.code.label", "entry.code.missing", maxCode)
	var done account.User
	var codes []string
	if f.OK() {
		done, codes, err = e.site.Accounts.FinishSecond(v.Context(), u, code)
	}
	if errors.Is(err, account.ErrChanged) {
		return v.Redirect("/sign-in?ended")
	}
	if !f.OK() || e.refused(v, err, "code") {
		p, problem := e.secondPage(v, u, f.Problems())
		if problem != nil {
			return problem
		}
		return e.again(v, p, err)
	}
	if err != nil {
		return err
	}
	return e.setUp(v, done, codes, first)
}

// setUp goes on after a second factor was set up: signed in, to the recovery codes.
func (e *entrance) setUp(v *web.Visit, u account.User, codes []string, first bool) error {
	actions := []audit.Action{audit.SecondFactorSet}
	if first {
		actions = []audit.Action{audit.PersonAccepted, audit.SecondFactorSet}
	}
	for _, action := range actions {
		if err := e.note(v, u, action); err != nil {
			return err
		}
	}
	if v.User.ID == "" {
		if err := e.enter(v, u); err != nil {
			return err
		}
	} else if err := v.Stay(u); err != nil {
		return err
	}
	v.Pop(confirmedKey)
	return e.toCodes(v, codes)
}

func (e *entrance) signOut(v *web.Visit) error {
	u := v.User
	if u.ID != "" {
		if err := e.note(v, u, audit.SignedOut); err != nil {
			return err
		}
	}
	if err := v.SignOut(); err != nil {
		return err
	}
	return v.Redirect("/sign-in")
}
