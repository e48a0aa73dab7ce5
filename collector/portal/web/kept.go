package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A form that is sent after its session has ended is kept until its reader has signed in
// again, and then shown, filled in as it was, to be looked at and sent again: nothing is
// done with it by itself.
//
// It may hold what somebody wrote about a child, so the database holds it sealed and the
// key is in the browser's cookie only: a copy of either opens nothing. It is shown once,
// to the person whose session it was, within keptLife.

const (
	keptKey    = "kept"
	keptCookie = "rollbridge-form"
	keptLife   = 30 * time.Minute
	// nextCookie is the page that somebody asked for before signing in.
	nextCookie = "rollbridge-next"
	nextMax    = 1000
)

type keptForm struct {
	Page   string // path and query of the page with the form
	User   string // whose session it was
	Until  int64
	Values url.Values
}

// askToSignIn sends somebody to the page where they can go on, and keeps what they were
// about to do.
func (s *Site) askToSignIn(v *Visit, ended bool) error {
	former := v.Get(userKey)
	if former != "" {
		if err := v.SignOut(); err != nil {
			return err
		}
	}
	switch v.R.Method {
	case http.MethodPost:
		// After a sign-out nobody knows whose the form is, and the next person at this
		// browser may be another.
		if former == "" {
			break
		}
		if err := s.keep(v, former); err != nil {
			return err
		}
	case http.MethodGet:
		if uri := v.R.URL.RequestURI(); len(uri) <= nextMax && uri != "/" {
			setCookie(v, nextCookie, base64.RawURLEncoding.EncodeToString([]byte(uri)), keptLife)
		}
	}
	if ended {
		return v.Redirect("/sign-in?ended")
	}
	return v.Redirect("/sign-in")
}

// secret says that a field is never kept.
func secret(field string) bool {
	return strings.HasPrefix(field, "password") || strings.HasPrefix(field, "code") || field == "again"
}

func (s *Site) keep(v *Visit, user string) error {
	if err := v.R.ParseForm(); err != nil {
		return nonsense(err)
	}
	form := keptForm{Page: v.R.URL.Path, User: user, Until: v.Now.Add(keptLife).UnixMicro(), Values: url.Values{}}
	if from, err := url.Parse(v.R.Referer()); err == nil && from.Host == v.R.Host {
		form.Page = local(from.RequestURI())
	}
	for field, values := range v.R.PostForm {
		if !secret(field) {
			form.Values[field] = values
		}
	}
	if len(form.Values) == 0 {
		return nil
	}
	plain, err := json.Marshal(form)
	if err != nil {
		return fmt.Errorf("keep a form: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24: the program ends instead
	box, err := seal(key)
	if err != nil {
		return err
	}
	if err := s.sessions.RenewToken(v.Context()); err != nil {
		return fmt.Errorf("keep a form: %w", err)
	}
	v.Put(keptKey, string(box.Seal(nil, make([]byte, box.NonceSize()), plain, nil))) // a key of its own needs no nonce
	setCookie(v, keptCookie, base64.RawURLEncoding.EncodeToString(key), keptLife)
	return nil
}

func seal(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal a form: %w", err)
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal a form: %w", err)
	}
	return box, nil
}

// openKept reads what is kept for the person who is signed in now.
func (v *Visit) openKept() (keptForm, bool) {
	sealed := v.Get(keptKey)
	if sealed == "" || v.User.ID == "" {
		return keptForm{}, false
	}
	form, err := unseal(v, []byte(sealed))
	if err != nil || form.Until < v.Now.UnixMicro() || form.User != v.User.ID {
		v.Pop(keptKey)
		return keptForm{}, false
	}
	return form, true
}

func unseal(v *Visit, sealed []byte) (form keptForm, err error) {
	c, err := v.R.Cookie(v.site.cookie(keptCookie))
	if err != nil {
		return keptForm{}, err
	}
	key, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return keptForm{}, err
	}
	box, err := seal(key)
	if err != nil {
		return keptForm{}, err
	}
	plain, err := box.Open(nil, make([]byte, box.NonceSize()), sealed, nil)
	if err != nil {
		return keptForm{}, err
	}
	return form, json.Unmarshal(plain, &form)
}

// takeKept gives this page back what was typed into it, once.
func (v *Visit) takeKept() {
	form, found := v.openKept()
	if !found || v.R.Method != http.MethodGet {
		return
	}
	if path, _, _ := strings.Cut(form.Page, "?"); path != v.R.URL.Path {
		return
	}
	v.Pop(keptKey)
	setCookie(v, keptCookie, "", -1)
	v.kept = form.Values
}

// AfterSignIn is the page to go on with: that of a form that was kept, else the one that
// was asked for, else the person's first.
func (v *Visit) AfterSignIn() string {
	if form, found := v.openKept(); found {
		return form.Page
	}
	home := v.home()
	c, err := v.R.Cookie(v.site.cookie(nextCookie))
	if err != nil {
		return home
	}
	setCookie(v, nextCookie, "", -1)
	uri, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return home
	}
	return local(string(uri))
}

func setCookie(v *Visit, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	http.SetCookie(v.W, &http.Cookie{
		Name: v.site.cookie(name), Value: value, Path: "/", MaxAge: age, Secure: !v.site.Plain, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// nonsense is a body that is no form; one that is too large keeps its own error.
func nonsense(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return err
	}
	return errNonsense
}
