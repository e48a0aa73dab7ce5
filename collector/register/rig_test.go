package register

import (
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

const (
	northshire = registertest.Northshire
	southshire = registertest.Southshire
)

var (
	monday  = registertest.Monday
	at      = registertest.At
	on      = registertest.On
	upn     = registertest.UPN
	pupilID = registertest.PupilID
)

// A rig reads what registertest writes.
type rig struct {
	*registertest.Rig
	registers *Registers
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	r := registertest.New(t, db)
	return &rig{r, New(r.Store, r.Vault)}
}

func (r *rig) school(id string) {
	r.Helper()
	r.School(id, id+" school")
}

func (r *rig) pupil(school string, n int, authority, upn string) store.Child {
	r.Helper()
	return r.Pupil(school, record.Pupil{ID: pupilID(n), UPN: upn, Surname: "Surname", Forename: "Forename", CareAuthority: authority})
}

func (r *rig) read(sight store.Sight, now time.Time, session status.Session) Morning {
	r.Helper()
	m, err := r.registers.Read(r.Context(), sight, r.Overview(sight.Authority, now), session)
	r.Must(err)
	return m
}

// child is what a morning says of one child.
func (m Morning) child(c store.Child) (found Child) {
	for _, s := range m.Schools {
		for _, other := range s.Children {
			if other.Child == c {
				found = other
			}
		}
	}
	return found
}

func (m Morning) school(id string) (found School) {
	for _, s := range m.Schools {
		if s.School.School.ID == id {
			found = s
		}
	}
	return found
}
