package account

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// tell enters in the audit log, in the transaction of the change, what by did about a
// person: in the chain of each authority that the person belongs to or belonged to, in
// the school's of a school's person, and in the operator's of an operator. became is what
// was decided; nil where that is not what changed.
func (a *Accounts) tell(ctx context.Context, tx *database.Tx, by User, action audit.Action, u User, became *Person) error {
	e := audit.Entry{User: by.ID, Action: action, Subject: audit.Subject{School: u.School, About: "person=" + u.ID}}
	if by.ID == "" {
		e.User = audit.ByCommand
	}
	codes, about := slices.Clone(u.Authorities), e.About
	if became != nil {
		e.School = became.School
		codes = append(codes, became.Authorities...)
	}
	// Chains are locked in one order by everybody.
	slices.Sort(codes)
	codes = slices.Compact(codes)
	if len(codes) == 0 {
		codes = []string{""}
	}
	for _, code := range codes {
		e.Authority, e.About = code, about+became.words(code)
		if err := a.audit.AddIn(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// tellCaseload enters in the audit log which children came into a person's caseload and
// which were taken out of it: in the chains of their authorities and of their schools, so
// that it can be answered since when somebody might see a child.
func (a *Accounts) tellCaseload(ctx context.Context, tx *database.Tx, by, u User, became Person) error {
	var entries []audit.Entry
	for what, of := range map[string][2][]store.Child{"added": {became.Only, u.Only}, "taken out": {u.Chosen, became.Only}} {
		for _, c := range of[0] {
			if slices.Contains(of[1], c) {
				continue
			}
			e := audit.Entry{User: by.ID, Action: audit.CaseloadChanged, Subject: audit.Subject{School: c.School, Children: []record.PupilID{c.Pupil}, About: "person=" + u.ID + " " + what}}
			if by.ID == "" {
				e.User = audit.ByCommand
			}
			err := tx.QueryRow(ctx, "SELECT authority FROM pupils WHERE school = ? AND pupil = ?", c.School, string(c.Pupil)).Scan(&e.Authority)
			if errors.Is(err, sql.ErrNoRows) {
				continue // forgotten meanwhile
			}
			if err != nil {
				return err
			}
			same := func(o audit.Entry) bool {
				return o.Authority == e.Authority && o.School == e.School && o.About == e.About
			}
			if i := slices.IndexFunc(entries, same); i >= 0 {
				entries[i].Children = append(entries[i].Children, c.Pupil)
				continue
			}
			entries = append(entries, e)
		}
	}
	// The authorities' chains are locked by tell; the schools' follow in the order of everybody.
	slices.SortFunc(entries, func(a, b audit.Entry) int {
		return cmp.Or(cmp.Compare(a.School, b.School), cmp.Compare(a.Authority, b.Authority), cmp.Compare(a.About, b.About))
	})
	for _, e := range entries {
		if err := a.audit.AddIn(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// words say what was decided, for the audit log of one authority: no name, no address, and
// not for whom else the person works, which is not that one's to know.
func (p *Person) words(authority string) string {
	if p == nil {
		return ""
	}
	text := " role=" + string(p.Role)
	switch {
	case slices.Contains(p.Authorities, authority):
		text += " authorities=" + authority
	case authority != "":
		text += " authorities=none"
	}
	if !p.Until.IsZero() {
		text += " until=" + p.Until.In(status.London()).Format(time.DateOnly)
	}
	if p.Role == Caseload {
		text += fmt.Sprintf(" children=%d", len(p.Only))
	}
	return text
}
