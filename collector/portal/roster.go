package portal

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"rollbridge/collector/portal/account"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A rosterPage is what authorities say of children whom no school sends.
type rosterPage struct {
	Correct string
	// Authorities are those that have a roster: one, for a person of one.
	Authorities []rosterPart
	// Own says that the person belongs to the authority, and so may see children.
	Own bool
}

type rosterPart struct {
	Name     string
	Imported string
	Listed   int
	Unsent   int
	Rows     []rosterRow
}

// Sent says in a sentence how many are sent.
func (p rosterPart) Sent() string {
	if p.Unsent == 0 && p.Listed == 1 {
		return "The one child on the roster is sent by a school."
	}
	if p.Unsent == 0 {
		return fmt.Sprintf("All %d children on the roster are sent by a school.", p.Listed)
	}
	if p.Unsent == 1 {
		return fmt.Sprintf("1 of %s on the roster is not sent by any school.", children(p.Listed))
	}
	return fmt.Sprintf("%d of %s on the roster are not sent by any school.", p.Unsent, children(p.Listed))
}

func children(n int) string {
	if n == 1 {
		return "1 child"
	}
	return fmt.Sprintf("%d children", n)
}

// A rosterRow is the children of one school who are missed for one reason.
type rosterRow struct {
	School string
	// Phone is empty where the school is not to be asked.
	Phone            string
	Whom             string
	Count            int
	Why, Next, Owner string
	Children         []rosterChild
}

type rosterChild struct{ UPN, DOB string }

// readRoster finds what is missed of the rosters that a person may know of: of
// an authority its own, of none how many of each.
func (p *Portal) readRoster(ctx context.Context, u account.User, now time.Time) (*rosterPage, error) {
	page := &rosterPage{Correct: longTime(now), Own: one(u) != ""}
	list, err := p.store.MissingCounts(ctx)
	for _, m := range list {
		if page.Own && m.Authority.Code != one(u) {
			continue
		}
		if err == nil && page.Own {
			m, err = p.store.Missing(ctx, p.vault, one(u))
		}
		page.Authorities = append(page.Authorities, rosterPartOf(m, now))
	}
	return page, err
}

func rosterPartOf(m store.Missing, now time.Time) rosterPart {
	part := rosterPart{Name: m.Authority.Name, Imported: shortTime(m.Imported, now), Listed: m.Listed, Unsent: m.Unsent}
	for _, u := range m.Schools {
		part.Rows = append(part.Rows, rosterRows(u, now)...)
	}
	return part
}

// rosterRows sets those whom the school may not know apart: nobody may ask the
// school about them, whatever else is wrong there.
func rosterRows(u store.Unsent, now time.Time) (rows []rosterRow) {
	var told, kept []store.Listed
	for _, c := range u.Children {
		if c.MayKnow {
			told = append(told, c)
		} else {
			kept = append(kept, c)
		}
	}
	for _, part := range []struct {
		children    []store.Listed
		why         func(store.Unsent, time.Time) reason
		phone, whom string
	}{{told, reasonOf, u.School.Phone, "of whom the school may know"}, {kept, mayNotKnow, "", "of whom the school may not know"}} {
		if len(part.children) == 0 {
			continue
		}
		r := part.why(u, now)
		row := rosterRow{School: u.School.Name, Phone: part.phone, Whom: part.whom, Count: len(part.children), Why: r.why, Next: r.next, Owner: r.owner}
		for _, c := range part.children {
			row.Children = append(row.Children, rosterChild{c.UPN, dateWords(c.DOB)})
		}
		slices.SortFunc(row.Children, func(a, b rosterChild) int { return cmp.Compare(a.UPN, b.UPN) })
		rows = append(rows, row)
	}
	return rows
}

// A reason says why children are missed, what to do next and who acts.
type reason struct{ why, next, owner string }

const (
	ownerYou      = "You"
	ownerOperator = "The operator"
)

func mayNotKnow(u store.Unsent, _ time.Time) reason {
	return reason{"The school may not know of the child, by the roster, and does not mark the child itself.",
		"Ask those who may know, not the school. If the school may know now, change that in the roster." + nameless(u), ownerYou}
}

// reasonOf says why children are missed whom the school may know. The first
// that applies is the one to act on.
func reasonOf(u store.Unsent, now time.Time) reason {
	switch {
	case !u.School.Stopped.IsZero():
		return reason{string(status.Stopped) + " " + shortTime(u.School.Stopped, now) + ".", status.Stopped.Info().NextStep, ownerYou}
	case !u.Asked:
		return reason{"You do not ask this school for data any more.",
			"If the child is still there, ask the operator to make a provision again. Otherwise change the school in the roster.", ownerYou}
	case !u.SetUp:
		return reason{"The school is not set up yet.", status.NotSetUp.Info().NextStep, status.NotSetUp.Info().Owner}
	case u.Told.IsZero():
		return reason{"The school has not been told of its part of the roster yet.", "Nothing to do within the hour. After that, tell the operator.", ownerOperator}
	case u.Use == nil:
		return reason{"The school was told " + shortTime(u.Told, now) + ", and has not said what it found since.",
			"Look again after its next delivery." + nameless(u), "Nobody until then"}
	}
	return reasonOfUse(u, now)
}

// reasonOfUse says what the school's agent found. It says so in counts, never
// of whom.
func reasonOfUse(u store.Unsent, now time.Time) reason {
	at := " As at " + shortTime(u.Use.AsAt, now) + "."
	const accept = "Ask the school to accept the child (its IT staff see the list with rollbridge-agent roster list), or to mark the child in its management information system."
	const look = "Check the UPN, the date of birth and the school that the roster has for the child, and correct it there."
	switch w, n := u.Use.Waiting, u.Use.NotFound; {
	case w > 0 && n == 0:
		return reason{"At the school, but not marked there as looked after: " + children(w) + "." + at, accept, "School IT, when you have asked"}
	case n > 0 && w == 0:
		return reason{"Not found at this school: " + children(n) + "." + at, look + nameless(u), ownerYou}
	case n > 0:
		return reason{fmt.Sprintf("At the school but not marked there: %s. Not found there: %s. The school says how many, not who.%s", children(w), children(n), at),
			accept + " " + look + nameless(u), "You, and school IT"}
	}
	return reason{"The school has found them all." + at,
		"Look again after its next delivery. If the child is still missed then, tell the operator." + nameless(u), "Nobody until then"}
}

// nameless warns that a missed child may be there without a UPN.
func nameless(u store.Unsent) string {
	if u.Nameless == 0 {
		return ""
	}
	return fmt.Sprintf(" The school sends %s without a UPN, who may be among these: ask it to allow the field UPN.", children(u.Nameless))
}

// dateWords is a date of birth as people read it.
func dateWords(d record.Date) string {
	t := d.Time()
	if t.IsZero() {
		return "not known"
	}
	return t.Format("2 January 2006")
}

// roster shows the children themselves, to people of their authority.
func (p *Portal) roster(w http.ResponseWriter, r *http.Request, u account.User) {
	if one(u) == "" {
		p.plain(w, r, http.StatusNotFound)
		return
	}
	roster, err := p.readRoster(r.Context(), u, clock.Now())
	if err != nil {
		p.fault(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, page{Template: "roster", Title: "Children not sent by any school", User: u.Name, Roster: roster})
}
