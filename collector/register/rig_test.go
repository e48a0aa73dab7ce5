package register

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/overview"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A rig is a collector's data without agents: it writes what apply writes.
type rig struct {
	*testing.T
	db        *database.DB
	store     *store.Store
	vault     *vault.Vault
	registers *Registers
	batch     map[string]uint64
}

const (
	northshire = "301"
	southshire = "302"
)

// monday is a school day in winter time, tuesday the day after.
var monday = time.Date(2026, time.November, 23, 0, 0, 0, 0, status.London())

func at(hour, minute int) time.Time { return on(monday, hour, minute) }

func on(day time.Time, hour, minute int) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, hour, minute, 0, 0, status.London())
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	r := &rig{T: t, db: db, store: store.New(db), batch: map[string]uint64{}}
	r.must(vault.Init(dir))
	v, err := vault.Open(dir)
	r.must(err)
	t.Cleanup(func() { _ = v.Close() })
	r.vault, r.registers = v, New(r.store, v)
	for _, code := range []string{northshire, southshire} {
		r.must(r.store.PutAuthority(t.Context(), store.Authority{Code: code, Why: "A reason"}))
	}
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) exec(query string, args ...any) {
	r.Helper()
	r.must(r.db.Write(r.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(r.Context(), query, args...)
		return err
	}))
}

// school adds a school that both authorities ask, with an agent.
func (r *rig) school(id string) {
	r.Helper()
	r.must(r.store.AddSchool(r.Context(), store.School{ID: id, Name: id + " school", Phone: "01632 960101"}))
	for _, authority := range []string{northshire, southshire} {
		r.must(r.store.SetProvision(r.Context(), store.Provision{School: id, Authority: authority, Datasets: map[record.Dataset][]string{"pupil": {"UPN"}, "attendance": {"localAM"}}}))
	}
	r.exec("INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state, created_at, confirmed_at) VALUES (?, ?, 1, ?, ?, ?, 'a', 'confirmed', 1, 1)",
		id, fmt.Appendf(nil, "%-16s", id), []byte("k"), []byte("k"), []byte("k"))
	r.exec("INSERT INTO positions (school, agent, generation, sequence, digest, state, applied_at) VALUES (?, ?, 1, 1, ?, ?, 1)",
		id, make([]byte, 16), make([]byte, 32), make([]byte, 32))
}

// asAt says for when the school's register is true.
func (r *rig) asAt(school string, when time.Time) {
	r.Helper()
	r.exec("UPDATE positions SET pupils_as_at = ?, attendance_as_at = ?, applied_at = ? WHERE school = ?",
		database.Micros(when), database.Micros(when), database.Micros(when), school)
}

func (r *rig) write(school string, f func(*store.Writer) error) {
	r.Helper()
	r.batch[school]++
	r.must(r.store.Write(r.Context(), func(tx *store.Tx) error {
		now := at(9, 40).Add(time.Duration(r.batch[school]) * time.Second)
		return f(tx.Writer(r.vault, store.Arrival{School: school, Generation: 1, Sequence: r.batch[school], Received: now, Now: now}, record.Digest{}))
	}))
}

func pupilID(n int) record.PupilID { return record.PupilID(fmt.Sprintf("%032x", n)) }

// pupil puts a child on a school's list.
func (r *rig) pupil(school string, n int, authority, upn string) store.Child {
	r.Helper()
	p := &record.Pupil{ID: pupilID(n), UPN: upn, Surname: "Surname", Forename: "Forename", InCare: true, CareAuthority: authority}
	r.write(school, func(w *store.Writer) error {
		if err := w.Store(r.Context(), []store.Version{r.version(p)}); err != nil {
			return err
		}
		return w.Describe(r.Context(), p)
	})
	return store.Child{School: school, Pupil: p.ID}
}

func (r *rig) version(rec record.Record) store.Version {
	r.Helper()
	text, err := record.Encode(rec)
	r.must(err)
	ref := store.Ref{Dataset: rec.Dataset(), Key: rec.Key()}
	return store.Version{Ref: ref, Canonical: text, Tag: record.NewTag([]byte("id key"), ref.Dataset, ref.Key, text), AsAt: at(9, 35)}
}

// week puts a child's marks of the week of monday: mornings, then afternoons.
func (r *rig) week(c store.Child, am, pm []string) {
	r.Helper()
	r.marks(&record.Attendance{PupilID: c.Pupil, Week: "2026-11-23", AM: am, PM: pm}, c.School)
}

func (r *rig) marks(a *record.Attendance, school string) {
	r.Helper()
	r.write(school, func(w *store.Writer) error { return w.Store(r.Context(), []store.Version{r.version(a)}) })
}

// today puts a child's mark of Monday morning.
func (r *rig) today(c store.Child, mark string) {
	r.Helper()
	r.week(c, []string{mark, "", "", "", ""}, make([]string, 5))
}

func (r *rig) read(sight store.Sight, now time.Time, session status.Session) Morning {
	r.Helper()
	o, err := overview.Read(r.Context(), r.store, sight.Authority, now)
	r.must(err)
	m, err := r.registers.Read(r.Context(), sight, o, session)
	r.must(err)
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

func upn(t *testing.T, n int) string {
	t.Helper()
	u, err := codes.MakeUPN(fmt.Sprintf("855%09d", n))
	if err != nil {
		t.Fatal(err)
	}
	return u.Reveal()
}
