package calls

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// listData is the page of whom to call.
type listData struct {
	At      time.Time
	Session status.Session
	// Several says that the person works for more than one authority; Authorities
	// are the choices of the filter, One the chosen one's code.
	Several     bool
	Authorities []web.Option
	One         string
	Settled     bool // the settled are shown, not the open
	Counts      map[call.Standing]int
	Items       []call.Item
	Paging      web.Paging
	User        string
}

func (c *section) list(v *web.Visit) error {
	all, err := c.mine(v)
	if err != nil {
		return err
	}
	q := v.R.URL.Query()
	d := listData{At: v.Now, Several: len(all) > 1, Counts: map[call.Standing]int{}, Settled: q.Get("show") == "settled", User: v.User.ID}
	if d.Several {
		d.Authorities = append(d.Authorities, web.Option{Text: v.T("calls.all-authorities")})
	}
	var items []call.Item
	for _, a := range all {
		d.Authorities = append(d.Authorities, web.Option{Value: a.Code, Text: a.Name})
		if one := q.Get("authority"); one != "" && one != a.Code {
			continue
		}
		if q.Get("authority") != "" {
			d.One = a.Code
		}
		own, m, err := c.items(v, a)
		if err != nil {
			return err
		}
		d.Session = m.Session
		items = append(items, own...)
		if err := c.log(v, a, audit.CallsListed, audit.Subject{About: "list"}); err != nil {
			return err
		}
	}
	if d.Session == "" {
		return web.ErrNotFound // an authority that is not the person's
	}
	call.Sort(items)
	for _, i := range items {
		d.Counts[i.Standing]++
		if (i.Standing == call.Settled) == d.Settled {
			d.Items = append(d.Items, i)
		}
	}
	d.Paging = v.Paging(len(d.Items))
	d.Items = d.Items[d.Paging.From():d.Paging.To()]
	return v.Show(templates, web.Page{Name: "list", Title: v.T("calls.title"), Data: d})
}

// FormPath is the address of the form for an item.
func (d listData) FormPath(i call.Item) string {
	q := url.Values{"school": {i.School.School.School.ID}, "authority": {i.Authority.Code}}
	if i.Carried {
		q.Set("session", string(i.Session))
	}
	return "/calls/new?" + q.Encode()
}

// Count counts the items of a standing.
func (d listData) Count(standing string) int { return d.Counts[call.Standing(standing)] }

// Mine says whether the claim of an item is the reader's own.
func (d listData) Mine(i call.Item) bool { return i.Claim != nil && i.Claim.By == d.User }

// claimedData is the page that says that somebody else is calling.
type claimedData struct {
	School    store.School
	Authority store.Authority
	Claim     call.Claim
	Session   status.Session // which the form is to be about, empty for the present one
}

// claim says that the reader is calling a school, and goes on to the form.
func (c *section) claim(v *web.Visit) error {
	f := v.Form()
	a, err := c.of(v, f.Raw("authority"))
	if err != nil {
		return err
	}
	school, session := f.Raw("school"), status.CurrentSession(v.Now, nil)
	day := record.DateOf(v.Now.In(status.London()))
	var about status.Session
	if s := status.Session(strings.ToUpper(f.Raw("session"))); s == status.AM || s == status.PM {
		about = s
	}
	log := c.logIn(v.Context(), entry(v, a, audit.CallClaimed, audit.Subject{School: school}))
	got, err := c.book.Claim(v.Context(), sight(v, a), call.Claim{School: school, Day: day, Session: session, By: v.User.ID, At: v.Now}, f.Has("take"), log)
	if errors.Is(err, call.ErrClaimed) {
		s, err := c.site.Store.School(v.Context(), school)
		if err != nil {
			return err
		}
		return v.Show(templates, web.Page{Name: "claimed", Title: v.T("calls.claimed.title"), Code: 409,
			Data: claimedData{School: s, Authority: a, Claim: got, Session: about}})
	}
	if err != nil {
		return absent(err)
	}
	q := url.Values{"school": {school}, "authority": {a.Code}}
	if about != "" {
		q.Set("session", string(about))
	}
	return v.Redirect("/calls/new?" + q.Encode())
}

// release takes the reader's claim back.
func (c *section) release(v *web.Visit) error {
	f := v.Form()
	a, err := c.of(v, f.Raw("authority"))
	if err != nil {
		return err
	}
	school := f.Raw("school")
	day := record.DateOf(v.Now.In(status.London()))
	log := c.logIn(v.Context(), entry(v, a, audit.CallReleased, audit.Subject{School: school}))
	if err := c.book.Release(v.Context(), sight(v, a), school, day, v.User.ID, log); err != nil {
		return absent(err)
	}
	v.Flash("calls.released")
	return v.Redirect("/calls")
}
