package call

import (
	"fmt"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/register"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

const (
	north  = registertest.Northshire
	south  = registertest.Southshire
	monday = record.Date("2026-11-23")
)

var (
	northSight = store.Sight{Authority: north}
	southSight = store.Sight{Authority: south}
)

// at is a time of the Monday of the tests.
func at(hour, minute int) time.Time { return registertest.At(hour, minute) }

// A rig is a book over a collector's data.
type rig struct {
	*registertest.Rig
	book      *Book
	registers *register.Registers
	pupils    int
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	r := &rig{Rig: registertest.New(t, db)}
	r.book, r.registers = New(r.Store, r.Vault), register.New(r.Store, r.Vault)
	for _, name := range []string{"alex", "sam"} {
		r.Exec("INSERT INTO users (id, name, password, created_at, role) VALUES (?, ?, '', 1, 'caller')", name+"-id", name)
	}
	return r
}

// child puts a child of an authority on a school's list.
func (r *rig) child(school, authority string) store.Child {
	r.Helper()
	r.pupils++
	return r.Pupil(school, record.Pupil{ID: registertest.PupilID(r.pupils), Forename: fmt.Sprintf("Forename%d", r.pupils), Surname: "Surnamely", CareAuthority: authority})
}

// said is a call to a school at 10:20am about the morning.
func said(school string, outcome Outcome, children ...Child) Call {
	return Call{ID: NewID(), School: school, Day: monday, Session: status.AM, Outcome: outcome, Children: children, By: "alex-id", At: at(10, 20)}
}

// keep records a call that must be taken.
func (r *rig) keep(c Call) Recorded {
	r.Helper()
	done, err := r.book.Record(r.Context(), northSight, c, at(10, 15), nil)
	r.Must(err)
	return done
}

func (r *rig) ofDay(sight store.Sight) []Call {
	r.Helper()
	list, err := r.book.OfDay(r.Context(), sight, monday)
	r.Must(err)
	return list
}

// stop stops a school at a time as enrolment does.
func (r *rig) stop(school string, when time.Time) store.Stop {
	r.Helper()
	when = when.Truncate(time.Microsecond)
	s := store.Stop{School: school, Source: protocol.StoppedByAgent, Said: when, Hidden: when, Destroy: when.Add(protocol.DestroyAfter)}
	r.Must(r.Store.Write(r.Context(), func(tx *store.Tx) (err error) {
		if s.Generation, err = tx.Newest(r.Context(), school); err != nil {
			return err
		}
		s.Generation++
		h, err := r.Vault.NewHold(vault.Hold{School: school, Generation: s.Generation, Created: when})
		s.Hold = h.ID
		if err == nil {
			err = tx.StopSchool(r.Context(), r.Vault, h, s)
		}
		return err
	}))
	return s
}

// fsck fails the test for anything that it finds of calls.
func (r *rig) fsck() (found []store.Finding) {
	r.Helper()
	list, err := r.Store.Fsck(r.Context(), r.Vault)
	r.Must(err)
	for _, f := range list {
		if f.Check == store.CheckCalls {
			found = append(found, f)
		}
	}
	return found
}

// list is the list of Northshire at a time.
func (r *rig) list(now time.Time) []Item {
	r.Helper()
	o := r.Overview(north, now)
	d, err := r.book.Day(r.Context(), r.registers, northSight, store.Authority{Code: north}, o, o.Session)
	r.Must(err)
	return List(d)
}
