package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	codes := slices.Clone(u.Authorities)
	if became != nil {
		e.About += became.words()
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
		e.Authority = code
		if err := a.audit.AddIn(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// words say what was decided, for the audit log: no name and no address.
func (p Person) words() string {
	text := " role=" + string(p.Role)
	if len(p.Authorities) > 0 {
		text += " authorities=" + strings.Join(p.Authorities[:min(len(p.Authorities), 20)], ",")
	}
	if !p.Until.IsZero() {
		text += " until=" + p.Until.In(status.London()).Format(time.DateOnly)
	}
	if p.Role == Caseload {
		text += fmt.Sprintf(" children=%d", len(p.Only))
	}
	return text
}
