package schoolpage

import (
	"errors"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/hosted"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/logkey"
	"rollbridge/shared/status"
)

// A homePage is the first page of a school.
type homePage struct {
	School   string
	Sessions []sessionLine
	// Heard, Register and List are the clocks: the agent is alive, the register and the
	// list of pupils that the authority has.
	Heard, Register, List time.Time
	Children              int
	Problems              []problemLine
	// Agent is how the hosted agent stands; nil where none is hosted, with Off, or where
	// it cannot be told, with Away.
	Agent *hosted.Status
	Off   bool
	Away  string
	// Held are what safety stops keep back.
	Held []heldLine
	// Waits counts what waits for the school's yes.
	Waits int
	Stop  *stopped
}

// A problemLine is what the agent reports, what comes next and who acts.
type problemLine struct{ What, Next, Owner string }

type sessionLine struct {
	Name, Meaning, Acts string
	Word                status.Word
	Since               time.Time
}

// stopped is what becomes of the data of a school that stopped.
type stopped struct {
	Hidden, Destroy, Destroyed time.Time
	Certificate                bool
}

func (c *section) home(v *web.Visit) error {
	if err := c.log(v, audit.SchoolViewed, "own page"); err != nil {
		return err
	}
	o, err := overview.Read(v.Context(), c.site.Store, "", v.Now)
	if err != nil {
		return err
	}
	for _, s := range o.Schools {
		if s.School.ID != v.User.School {
			continue
		}
		p, err := c.homeOf(v, s)
		if err != nil {
			return err
		}
		return v.Show(pages, web.Page{Name: "home", Title: v.T("school.title"), Data: p})
	}
	return web.ErrNotFound
}

func (c *section) homeOf(v *web.Visit, s overview.School) (homePage, error) {
	p := homePage{School: s.School.Name, Heard: s.LastHeard, Register: s.AttendanceAsAt, List: s.PupilsAsAt, Children: s.Children}
	for _, session := range []status.Session{status.AM, status.PM} {
		d := s.Now(session)
		line := sessionLine{Name: v.T("school.session.am"), Word: d.Word, Meaning: v.Part(d.Word.Meaning(), v.Now), Acts: v.Acts(d)}
		if session == status.PM {
			line.Name = v.T("school.session.pm")
		}
		switch d.Word {
		case status.Due, status.NotInSession: // since midnight, which says nothing
		default:
			line.Since = d.Since
		}
		p.Sessions = append(p.Sessions, line)
	}
	for _, problem := range s.Problems {
		words := overview.ProblemWords(problem)
		p.Problems = append(p.Problems, problemLine{v.Parts(words.What, v.Now), v.Part(words.Next, v.Now), v.Part(words.Owner, v.Now)})
	}
	if err := c.fillStop(v, &p); err != nil {
		return p, err
	}
	c.fillAgent(v, &p)
	return p, nil
}

// fillAgent asks the agent. That it cannot be asked is said, and spoils nothing else.
func (c *section) fillAgent(v *web.Visit, p *homePage) {
	st, err := c.Agents.Status(v.Context(), v.User.School)
	var fault *hosted.Fault
	switch {
	case err == nil:
		p.Agent = &st
		for _, h := range st.Holds {
			p.Held = append(p.Held, heldLineOf(v, h))
		}
		for _, g := range st.NotGiven {
			if !g.Denied {
				p.Waits++
			}
		}
	case hosted.KindOf(err) == hosted.Off && errors.As(err, &fault):
		p.Off = true
	default:
		p.Away = sayFault(v, hosted.KindOf(err))
		if !theirs[hosted.KindOf(err)] && v.Context().Err() == nil {
			c.site.Log.Error("a hosted agent cannot be asked how it stands", logkey.School, v.User.School, logkey.Reason, string(hosted.KindOf(err)), logkey.Error, err.Error())
		}
	}
}

// fillStop finds the newest stop of the school, if it has not begun anew since.
func (c *section) fillStop(v *web.Visit, p *homePage) error {
	return c.site.Store.Read(v.Context(), func(tx *store.Tx) error {
		p.Stop = nil
		school, err := tx.School(v.Context(), v.User.School)
		if err != nil || school.Stopped.IsZero() {
			return err
		}
		stops, err := tx.Stops(v.Context(), v.User.School)
		if err != nil || len(stops) == 0 {
			return err
		}
		s := stops[0]
		p.Stop = &stopped{Hidden: s.Hidden, Destroy: s.Destroy, Destroyed: s.Destroyed}
		_, err = certificateOf(v, tx)
		p.Stop.Certificate = err == nil
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
}
