package schoolpage

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/hosted"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// maxPause is how long a pause with an end may be: a year and a day.
const maxPause = 366 * 24 * time.Hour

func (c *section) pause(v *web.Visit) error {
	if !c.Agents.Has(v.User.School) {
		return c.away(v, &hosted.Fault{Kind: hosted.Off})
	}
	return c.showPause(v, nil)
}

func (c *section) showPause(v *web.Visit, problems web.Problems) error {
	options := []web.Option{
		{Value: "until", Text: v.T("school.pause.until")},
		{Value: "open", Text: v.T("school.pause.open"), Hint: v.T("school.pause.open-hint")},
	}
	return v.Show(pages, web.Page{Name: "pause", Title: v.T("school.pause.title"), Problems: problems, Data: options})
}

func (c *section) postPause(v *web.Visit) error {
	f := v.Form()
	var until time.Time
	about := "without an end"
	switch f.Choice("how", "until", "open") {
	case "until":
		day := f.Date("day", "school.pause.day")
		if day == "" && f.OK() {
			f.Add("day", "school.pause.no-day")
		}
		if until, about = startOf(day), "until "+string(day); f.OK() && (!until.After(v.Now) || until.After(v.Now.Add(maxPause))) {
			f.Add("day", "school.pause.bad-day")
		}
	case "":
		if f.OK() {
			f.Add("how", "school.pause.choose")
		}
	}
	if !f.OK() {
		return c.showPause(v, f.Problems())
	}
	done, err := c.do(v, audit.SchoolPaused, about, func() error { return c.Agents.Pause(v.Context(), v.User.School, until) })
	if !done {
		return err
	}
	v.Flash("school.pause.done")
	return v.Redirect(Home)
}

// startOf is when a day begins in England.
func startOf(d record.Date) time.Time {
	t := d.Time()
	if t.IsZero() {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, status.London())
}

func (c *section) postResume(v *web.Visit) error {
	done, err := c.do(v, audit.SchoolResumed, "", func() error { return c.Agents.Resume(v.Context(), v.User.School) })
	if !done {
		return err
	}
	v.Flash("school.resume.done")
	return v.Redirect(Home)
}

// revoke says what happens, and asks for a yes.
func (c *section) revoke(v *web.Visit) error {
	st, err := c.Agents.Status(v.Context(), v.User.School)
	if err != nil {
		return c.away(v, err)
	}
	if st.Over() {
		return v.Redirect(Home)
	}
	return c.showRevoke(v, nil)
}

func (c *section) showRevoke(v *web.Visit, problems web.Problems) error {
	return v.Show(pages, web.Page{Name: "revoke", Title: v.T("school.revoke.title"), Problems: problems, Data: v.Now.Add(protocol.DestroyAfter)})
}

func (c *section) postRevoke(v *web.Visit) error {
	f := v.Form()
	if !f.Has("sure") {
		f.Add("sure", "school.revoke.say-so")
		return c.showRevoke(v, f.Problems())
	}
	done, err := c.do(v, audit.SchoolRevoked, "", func() error { return c.Agents.Revoke(v.Context(), v.User.School) })
	if !done {
		return err
	}
	v.Flash("school.revoke.done")
	return v.Redirect(Home)
}

// certificateOf is the newest certificate of deletion of the school.
func certificateOf(v *web.Visit, tx *store.Tx) (f protocol.CertificateFile, err error) {
	agents, err := tx.Agents(v.Context(), v.User.School)
	if err != nil {
		return f, err
	}
	for i := len(agents) - 1; i >= 0; i-- {
		f, err := tx.Certificate(v.Context(), agents[i])
		if !errors.Is(err, store.ErrNotFound) {
			return f, err
		}
	}
	return f, store.ErrNotFound
}

// certificate is the collector's signed proof that everything is destroyed, as a file.
func (c *section) certificate(v *web.Visit) error {
	var f protocol.CertificateFile
	err := c.site.Store.Read(v.Context(), func(tx *store.Tx) (err error) {
		f, err = certificateOf(v, tx)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return web.ErrNotFound
	}
	if err == nil {
		err = c.log(v, audit.SchoolLogViewed, "certificate")
	}
	if err != nil {
		return err
	}
	return v.Download("rollbridge-deletion-certificate.json", "application/json", func(w io.Writer) error {
		return json.NewEncoder(w).Encode(f)
	})
}
