package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
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
