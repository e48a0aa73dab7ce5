package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/language"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/store"
)

// A Visit is one request for a page, with who asks.
type Visit struct {
	W http.ResponseWriter
	R *http.Request
	// User is who is signed in; zero on a public page for who is not.
	User account.User
	// Authority is whose pages these are; zero for an operator, for a school's own
	// person and on public pages.
	Authority store.Authority
	Now       time.Time
	*language.Printer

	site  *Site
	route Route
	// mine are the authorities that this person may choose from.
	mine []store.Authority
	form *Form
	// kept is what was typed into this page before a session ended.
	kept url.Values
}

// Context is the request's.
func (v *Visit) Context() context.Context { return v.R.Context() }

// Sight is whose children this person may see on this visit.
func (v *Visit) Sight() store.Sight {
	return store.Sight{Authority: v.Authority.Code, Only: v.User.Only}
}

// Address is the peer's, without its port.
func (v *Visit) Address() string {
	address, _, err := net.SplitHostPort(v.R.RemoteAddr)
	if err != nil {
		return v.R.RemoteAddr
	}
	return address
}

// Redirect sends the browser on with a GET.
func (v *Visit) Redirect(path string) error {
	http.Redirect(v.W, v.R, path, http.StatusSeeOther)
	return nil
}

// flashKey is where a session keeps what the next page says once.
const flashKey = "flash"

type flash struct {
	Key   string
	Pairs []string
}

// Flash says on the next page, once, that something was done. key is a text's, pairs are
// its placeholders with their values.
func (v *Visit) Flash(key string, pairs ...any) {
	f := flash{Key: key}
	for _, p := range pairs {
		f.Pairs = append(f.Pairs, fmt.Sprint(p))
	}
	kept, err := json.Marshal(f)
	if err == nil { // strings always can be
		v.Put(flashKey, string(kept))
	}
}

func (v *Visit) takeFlash() string {
	var f flash
	if err := json.Unmarshal([]byte(v.Pop(flashKey)), &f); err != nil {
		return ""
	}
	pairs := make([]any, len(f.Pairs))
	for i, p := range f.Pairs {
		pairs[i] = p
	}
	return v.T(f.Key, pairs...)
}

// Put keeps a value in the session, Get reads it and Pop reads it for the last time.
func (v *Visit) Put(key, value string) { v.site.sessions.Put(v.Context(), key, value) }

// Get is of Put.
func (v *Visit) Get(key string) string { return v.site.sessions.GetString(v.Context(), key) }

// Pop is of Put.
func (v *Visit) Pop(key string) string {
	if !v.site.sessions.Exists(v.Context(), key) {
		return "" // a session that is not changed is not written
	}
	return v.site.sessions.PopString(v.Context(), key)
}

// Download sends a file that the browser saves. name is fixed by the page and holds
// nothing about a person. What was begun and fails is broken off, so that nobody takes
// half a file for a whole one.
func (v *Visit) Download(name, contentType string, write func(io.Writer) error) error {
	h := v.W.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	counted := &counter{w: v.W}
	err := write(counted)
	if err != nil && counted.n == 0 {
		h.Del("Content-Disposition")
		return err
	}
	if err != nil {
		v.site.logFault(v, err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += n
	return n, err
}

// Log enters in the audit log that this person did or looked at something. Every look at,
// export or change of a child, a school or a person is logged before it is shown.
func (v *Visit) Log(action audit.Action, about audit.Subject) error {
	return v.site.Audit.Add(v.Context(), v.Entry(action, about))
}

// Entry is what Log enters, for a change that is logged in its own transaction.
func (v *Visit) Entry(action audit.Action, about audit.Subject) audit.Entry {
	return audit.Entry{Authority: v.Authority.Code, User: v.User.ID, Action: action, Subject: about}
}

// local makes sure that a path leads to a page of ours.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

// choose finds the authority that a visit is about: the chosen one of a person of
// several, otherwise the only one.
func (v *Visit) choose() error {
	if len(v.User.Authorities) == 0 {
		return nil
	}
	all, err := v.site.Store.Authorities(v.Context())
	if err != nil {
		return err
	}
	v.mine = slices.DeleteFunc(all, func(a store.Authority) bool { return !v.User.Of(a.Code) })
	if len(v.mine) == 0 {
		return nil
	}
	v.Authority = v.mine[0]
	chosen := v.Get(authorityKey)
	for _, a := range v.mine {
		if a.Code == chosen {
			v.Authority = a
		}
	}
	return nil
}
