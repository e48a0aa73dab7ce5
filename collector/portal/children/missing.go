package children

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A missingPage is the children on an authority's roster whom no school sends. A
// roster holds a UPN and a date of birth, no name.
type missingPage struct {
	Listed, Unsent int
	Imported       time.Time
	Rows           []missingRow
}

// A missingRow is the children of one school who are missed for one reason.
type missingRow struct {
	ID               string // of the caption
	School, Phone    string // no phone where the school is not to be asked
	Whom             string
	Why, Next, Owner string
	Children         []missingChild
}

type missingChild struct {
	UPN  string
	Born record.Date
}

// missing shows the children themselves. Who may see only some children sees none
// here: a roster does not say whose caseload a child is of.
func (p pages) missing(v *web.Visit) error {
	if v.Sight().Only != nil || v.Authority.Code == "" {
		return web.ErrNotFound
	}
	m, err := p.site.Store.Missing(v.Context(), p.site.Vault, v.Authority.Code)
	if err != nil {
		return err
	}
	page := missingPage{Listed: m.Listed, Unsent: m.Unsent, Imported: m.Imported}
	w := words{v.Printer}
	entries := []audit.Entry{v.Entry(audit.RosterViewed, audit.Subject{})}
	for _, u := range m.Schools {
		page.Rows = append(page.Rows, w.missingRows(u, v.Now)...)
		entries = append(entries, v.Entry(audit.RosterViewed, audit.Subject{School: u.School.ID}))
	}
	for i := range page.Rows {
		page.Rows[i].ID = "missing-" + strconv.Itoa(i+1)
	}
	if err := p.site.Audit.AddAll(v.Context(), entries); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "missing", Title: v.T("children.roster.title"), Data: page})
}

// missingCount tells a list of children how many are missed, to whom may see them.
func (p pages) missingCount(v *web.Visit, page *listPage) error {
	if v.Sight().Only != nil {
		return nil
	}
	all, err := p.site.Store.MissingCounts(v.Context())
	for _, m := range all {
		if m.Authority.Code == v.Authority.Code {
			page.Roster, page.Imported = m.Unsent, m.Imported
		}
	}
	return err
}

// missingRows sets those whom the school may not know apart: nobody may ask the school
// about them, whatever else is wrong there.
func (w words) missingRows(u store.Unsent, now time.Time) (rows []missingRow) {
	var told, kept []store.Listed
	for _, c := range u.Children {
		if c.MayKnow {
			told = append(told, c)
		} else {
			kept = append(kept, c)
		}
	}
	for _, part := range []struct {
		children []store.Listed
		reason   reason
		phone    string
		whom     string
	}{{told, w.reasonOf(u, now), u.School.Phone, w.T("children.roster.may-know")}, {kept, w.mayNotKnow(u), "", w.T("children.roster.may-not-know")}} {
		if len(part.children) == 0 {
			continue
		}
		r := missingRow{School: u.School.Name, Phone: part.phone, Whom: part.whom, Why: part.reason.why, Next: part.reason.next, Owner: part.reason.owner}
		for _, c := range part.children {
			r.Children = append(r.Children, missingChild{c.UPN, c.DOB})
		}
		slices.SortFunc(r.Children, func(a, b missingChild) int { return cmp.Compare(a.UPN, b.UPN) })
		rows = append(rows, r)
	}
	return rows
}

// A reason says why children are missed, what to do next and who acts.
type reason struct{ why, next, owner string }

func (w words) mayNotKnow(u store.Unsent) reason {
	return reason{w.T("children.roster.kept.why"), w.T("children.roster.kept.next") + w.nameless(u), w.T("children.roster.you")}
}

// reasonOf says why children are missed whom the school may know. The first that
// applies is the one to act on.
func (w words) reasonOf(u store.Unsent, now time.Time) reason {
	you, operator, nobody := w.T("children.roster.you"), w.T("children.roster.operator"), w.T("children.roster.nobody")
	switch {
	case !u.School.Stopped.IsZero():
		return reason{w.T("children.roster.stopped.why", "Word", w.Word(status.Stopped), "When", w.Moment(u.School.Stopped, now)), w.T("children.roster.stopped.next"), you}
	case !u.Asked:
		return reason{w.T("children.roster.not-asked.why"), w.T("children.roster.not-asked.next"), you}
	case !u.SetUp:
		return reason{w.T("children.roster.not-set-up.why"), w.T("children.roster.not-set-up.next"), operator}
	case u.Told.IsZero():
		return reason{w.T("children.roster.not-told.why"), w.T("children.roster.not-told.next"), operator}
	case u.Use == nil:
		return reason{w.T("children.roster.told.why", "When", w.Moment(u.Told, now)), w.T("children.roster.told.next") + w.nameless(u), nobody}
	}
	return w.reasonOfUse(u, now)
}

// reasonOfUse says what the school's agent found: in counts, never of whom.
func (w words) reasonOfUse(u store.Unsent, now time.Time) reason {
	at := " " + w.T("children.roster.as-at", "When", w.Moment(u.Use.AsAt, now))
	waiting, notFound := w.N("children.roster.waiting", u.Use.Waiting), w.N("children.roster.not-found", u.Use.NotFound)
	accept, look := w.T("children.roster.accept"), w.T("children.roster.look")
	switch {
	case u.Use.Waiting > 0 && u.Use.NotFound == 0:
		return reason{waiting + at, accept, w.T("children.roster.school")}
	case u.Use.NotFound > 0 && u.Use.Waiting == 0:
		return reason{notFound + at, look + w.nameless(u), w.T("children.roster.you")}
	case u.Use.NotFound > 0:
		return reason{waiting + " " + notFound + " " + w.T("children.roster.not-who") + at, accept + " " + look + w.nameless(u), w.T("children.roster.both")}
	}
	return reason{w.T("children.roster.all-found") + at, w.T("children.roster.look-again") + w.nameless(u), w.T("children.roster.nobody")}
}

// nameless warns that a missed child may be there without a UPN.
func (w words) nameless(u store.Unsent) string {
	if u.Nameless == 0 {
		return ""
	}
	return " " + w.N("children.roster.nameless", u.Nameless)
}
