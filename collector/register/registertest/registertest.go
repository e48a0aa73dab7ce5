// Package registertest fills a collector's database for tests with schools,
// children and marks, as apply would, without agents and batches. Start reading
// at New. It belongs to no program.
package registertest

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

// Two authorities of which both ask every school.
const (
	Northshire = "301"
	Southshire = "302"
)

// Monday is a school day in winter time.
var Monday = time.Date(2026, time.November, 23, 0, 0, 0, 0, status.London())

// At is a time of Monday.
func At(hour, minute int) time.Time { return On(Monday, hour, minute) }

// On is a time of a day in London.
func On(day time.Time, hour, minute int) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, hour, minute, 0, 0, status.London())
}

// A Rig is a collector's data.
type Rig struct {
	testing.TB
	DB    *database.DB
	Store *store.Store
	Vault *vault.Vault

	batch map[string]uint64
}

// New puts two authorities into a database.
func New(t testing.TB, db *database.DB) *Rig {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	r := &Rig{TB: t}
	r.Must(vault.Init(dir))
	v, err := vault.Open(dir)
	r.Must(err)
	t.Cleanup(func() { _ = v.Close() })
	return With(t, db, v)
}

// With is New for a collector that has a vault.
func With(t testing.TB, db *database.DB, v *vault.Vault) *Rig {
	t.Helper()
	r := &Rig{TB: t, DB: db, Store: store.New(db), Vault: v, batch: map[string]uint64{}}
	for _, code := range []string{Northshire, Southshire} {
		r.Must(r.Store.PutAuthority(t.Context(), store.Authority{Code: code, Why: "A reason"}))
	}
	return r
}

// Must ends the test with an error.
func (r *Rig) Must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// Exec runs a statement.
func (r *Rig) Exec(query string, args ...any) {
	r.Helper()
	r.Must(r.DB.Write(r.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(r.Context(), query, args...)
		return err
	}))
}

// School adds a school that both authorities ask, with an agent that was heard
// from, and that sent nothing yet.
func (r *Rig) School(id, name string) {
	r.Helper()
	r.Must(r.Store.AddSchool(r.Context(), store.School{ID: id, Name: name, Phone: "01632 960101"}))
	for _, authority := range []string{Northshire, Southshire} {
		r.Must(r.Store.SetProvision(r.Context(), store.Provision{School: id, Authority: authority, Datasets: map[record.Dataset][]string{
			record.DatasetPupil: {"UPN", "Surname", "Forename"}, record.DatasetAttendance: {"localAM"}, record.DatasetExclusion: {"Category", "StartDate"}}}))
	}
	agent := fmt.Appendf(nil, "%-16s", id)
	r.Exec("INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state, created_at, confirmed_at) VALUES (?, ?, 1, ?, ?, ?, 'a', 'confirmed', 1, 1)",
		id, agent, []byte("k"), []byte("k"), []byte("k"))
	r.Exec("INSERT INTO attempts (school, agent, counter, heard_at) VALUES (?, ?, 1, ?)", id, agent, database.Micros(At(8, 58)))
	r.Exec("INSERT INTO positions (school, agent, generation, sequence, digest, state, applied_at) VALUES (?, ?, 1, 1, ?, ?, 1)",
		id, make([]byte, 16), make([]byte, 32), make([]byte, 32))
}

// Heard says when a school's agent last spoke.
func (r *Rig) Heard(school string, when time.Time) {
	r.Helper()
	r.Exec("UPDATE attempts SET heard_at = ? WHERE school = ?", database.Micros(when), school)
}

// AsAt says for when a school's list and register are true.
func (r *Rig) AsAt(school string, when time.Time) {
	r.Helper()
	r.Exec("UPDATE positions SET pupils_as_at = ?, attendance_as_at = ?, applied_at = ? WHERE school = ?",
		database.Micros(when), database.Micros(when), database.Micros(when), school)
}

// Write does what apply does with a batch that arrived on Monday at 9:40am.
func (r *Rig) Write(school string, f func(*store.Writer) error) {
	r.Helper()
	r.batch[school]++
	r.Must(r.Store.Write(r.Context(), func(tx *store.Tx) error {
		now := At(9, 40).Add(time.Duration(r.batch[school]) * time.Second)
		if err := f(tx.Writer(r.Vault, store.Arrival{School: school, Generation: 1, Sequence: r.batch[school], Received: now, Now: now}, record.Digest{})); err != nil {
			return err
		}
		_, err := tx.Exec(r.Context(), "UPDATE positions SET sequence = sequence + 1 WHERE school = ?", school)
		return err
	}))
}

// PupilID is the id of the nth child.
func PupilID(n int) record.PupilID { return record.PupilID(fmt.Sprintf("%032x", n)) }

// Pupil puts a child on a school's list.
func (r *Rig) Pupil(school string, p record.Pupil) store.Child {
	r.Helper()
	p.InCare = true
	r.Write(school, func(w *store.Writer) error {
		if err := w.Store(r.Context(), []store.Version{r.version(&p)}); err != nil {
			return err
		}
		return w.Describe(r.Context(), &p)
	})
	return store.Child{School: school, Pupil: p.ID}
}

// Put stores a record.
func (r *Rig) Put(school string, rec record.Record) {
	r.Helper()
	r.Write(school, func(w *store.Writer) error { return w.Store(r.Context(), []store.Version{r.version(rec)}) })
}

func (r *Rig) version(rec record.Record) store.Version {
	r.Helper()
	text, err := record.Encode(rec)
	r.Must(err)
	ref := store.Ref{Dataset: rec.Dataset(), Key: rec.Key()}
	return store.Version{Ref: ref, Canonical: text, Tag: record.NewTag([]byte("id key"), ref.Dataset, ref.Key, text), AsAt: At(9, 35)}
}

// Week puts a child's marks of Monday's week.
func (r *Rig) Week(c store.Child, am, pm []string) {
	r.Helper()
	r.Put(c.School, &record.Attendance{PupilID: c.Pupil, Week: "2026-11-23", AM: am, PM: pm})
}

// Today puts a child's mark of Monday morning.
func (r *Rig) Today(c store.Child, mark string) {
	r.Helper()
	r.Week(c, []string{mark, "", "", "", ""}, make([]string, 5))
}

// Overview is what is known of an authority's schools at a time.
func (r *Rig) Overview(authority string, now time.Time) overview.Overview {
	r.Helper()
	o, err := overview.Read(r.Context(), r.Store, authority, now)
	r.Must(err)
	return o
}

// UPN is the nth permanent UPN.
func UPN(n int) string {
	u, err := codes.MakeUPN(fmt.Sprintf("855%09d", n))
	if err != nil {
		panic(err)
	}
	return u.Reveal()
}
