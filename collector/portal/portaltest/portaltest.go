// Package portaltest fills a collector with a school of every kind, for tests that look at
// all pages of the portal: every status word, names in every script, a school without
// children and one with many, and another authority's school of each.
//
// All of it is true at Now, a Monday morning. Start reading at Fill. It belongs to no
// program.
package portaltest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// The authorities. Whatever belongs to Other alone has Canary in it, and must be on no
// page of the others.
const (
	Busy  = "301" // something of everything
	Other = "302"
	Empty = "303" // no school
	Good  = "304" // every register is in, every child present

	Canary = "Xanary"
)

// Now is when all of it is true.
func Now() time.Time { return registertest.At(10, 20) }

// A World is what was filled in.
type World struct {
	*registertest.Rig
	// Child is one of Busy's with something of everything, Foreign one of Other's at the
	// same school.
	Child, Foreign store.Child
	// Elsewhere is a child of Other's at a school that Busy does not know.
	Elsewhere store.Child

	children int
}

// names are long, short and of every script.
var names = [][2]string{
	{"Żaneta", "Łąć-Brzęczyszczykiewicz"}, {"محمد", "عبد الرحمن"}, {"小龍", "歐陽"}, {"Nguyễn Thị", "Hồng"}, {"D'Arcy", "O’Neill"}, {"Ὀδυσσεύς", "Παπαδόπουλος"},
	{"Анастасия", "Преображенская"}, {"ਗੁਰਪ੍ਰੀਤ", "ਸਿੰਘ"}, {"Li", "X"}, {"Wolfeschlegelsteinhausenbergerdorff", "Hubert-Blaine-Montgomery-Cholmondeley-Featherstonehaugh"},
	{"Zoë", "van der Berg"}, {"שרה", "כהן"}, {"Siân", "ap Llŷr"},
}

// Fill puts everything in. The database has no school yet.
func Fill(t testing.TB, db *database.DB, v *vault.Vault) *World {
	t.Helper()
	w := &World{Rig: registertest.With(t, db, v)}
	for _, code := range []string{Empty, Good} {
		w.Must(w.Store.PutAuthority(t.Context(), store.Authority{Code: code, Why: "A reason"}))
	}
	w.busy()
	w.words()
	for i := range 24 {
		id := fmt.Sprintf("wood-%02d", i+1)
		w.school(id, fmt.Sprintf("Fictional School %02d", i+1), Busy)
		w.child(id, Busy, "/")
		if w.AsAt(id, registertest.On(registertest.Monday.AddDate(0, 0, -3), 15, 0)); i%3 == 0 {
			w.received(id)
		}
	}
	w.school("yew", Canary+" School", Other)
	w.Elsewhere = w.child("yew", Other, "N")
	w.received("yew")
	for _, id := range []string{"zelkova", "zinnia"} {
		w.school(id, strings.ToUpper(id[:1])+id[1:]+" School", Good)
		w.child(id, Good, "/")
		w.received(id)
	}
	return w
}

// busy has a school with children in every state, some of another authority.
func (w *World) busy() {
	w.Helper()
	w.school("ash", "Ash Tree Primary School and Nursery of the Very Long Name in the Valley of Ystradgynlais", Busy, Other)
	w.Child = w.child("ash", Busy, "I")
	w.full(w.Child)
	for _, mark := range []string{"/", "N", "", "O", "C", "/", "L", "/", "Y", "#", "/", "/", "B"} {
		w.child("ash", Busy, mark)
	}
	w.Foreign = w.child("ash", Other, "N")
	w.received("ash")

	w.school("beech", "Ysgol Gynradd Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", Busy)
	w.child("beech", Busy, "")
	w.child("beech", Busy, "")
	w.received("beech") // received, but no register was taken

	w.school("lime", "Lime School", Busy)
	for range 200 {
		w.child("lime", Busy, "/")
	}
	w.received("lime")
}

// words has a school of each other status word, but Paused, which only an agent can say.
func (w *World) words() {
	w.Helper()
	t := w.Context()
	before := registertest.On(registertest.Monday.AddDate(0, 0, -3), 15, 0)
	for _, id := range []string{"cherry", "dogwood"} {
		w.school(id, strings.ToUpper(id[:1])+id[1:]+" School", Busy)
		w.child(id, Busy, "/")
		w.AsAt(id, before)
	}
	w.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'dogwood'", database.Micros(before))
	w.Must(w.Store.AddSchool(t, store.School{ID: "fir", Name: "Fir School", Phone: "01632 960105"}))
	w.ask("fir", Busy)
	w.school("hazel", "Hazel School", Busy)
	w.child("hazel", Busy, "/")
	w.AsAt("hazel", before)
	w.Exec("INSERT INTO holds (school, code, why, dataset, authority, gone, of_, since, origin) VALUES ('hazel', 'ABCD', 'disappearance', 'pupil', '', 31, 33, ?, 'agent')", database.Micros(before))
	w.school("ivy", "Ivy School", Busy)
	w.child("ivy", Busy, "/")
	w.Exec("INSERT INTO calendar_entries (school, first_day, session, kind, last_day, authority, changed_by, changed_at) VALUES ('ivy', '2026-11-23', '', 'inset', '2026-11-23', '', 'command', 1)")
	w.school("juniper", "Juniper School", Busy)
	w.child("juniper", Busy, "/")
	w.Must(w.DB.Write(t, func(tx *database.Tx) error {
		return calendar.SetByPhone(t, tx, "juniper", calendar.NoMIS, calendar.Change{Author: calendar.Author{User: "command"}, At: before})
	}))
}

func (w *World) school(id, name string, authorities ...string) {
	w.Helper()
	w.School(id, name)
	w.Exec("DELETE FROM provisions WHERE school = ?", id)
	w.ask(id, authorities...)
}

// ask asks a school for everything.
func (w *World) ask(school string, authorities ...string) {
	w.Helper()
	asked := map[record.Dataset][]string{}
	for _, d := range record.Datasets() {
		asked[d] = []string{}
		for _, f := range record.Fields(d) {
			asked[d] = append(asked[d], f.Name)
		}
	}
	for _, a := range authorities {
		w.Must(w.Store.SetProvision(w.Context(), store.Provision{School: school, Authority: a, Datasets: asked}))
	}
}

// received says that a school's register of this morning is in.
func (w *World) received(school string) {
	w.Helper()
	w.AsAt(school, registertest.At(9, 35))
	w.Heard(school, registertest.At(10, 18))
	var parts []string
	for _, d := range record.Datasets() {
		parts = append(parts, fmt.Sprintf("%q:%d", d, registertest.At(9, 35).UnixMicro()))
	}
	w.Exec("UPDATE positions SET reads = ? WHERE school = ?", "{"+strings.Join(parts, ",")+"}", school)
	w.Exec(`INSERT INTO deliveries (school, generation, sequence, first_sequence, full_, received_at, applied_at, upserts, removals, refused, unchanged, pupils, bytes, attendance_as_at)
		VALUES (?, 1, 1, 1, TRUE, ?, ?, 12, 1, 2, 0, 3, 4100, ?)`,
		school, database.Micros(registertest.At(9, 37)), database.Micros(registertest.At(9, 38)), database.Micros(registertest.At(9, 35)))
}

func (w *World) child(school, authority, mark string) store.Child {
	w.Helper()
	name := names[w.children%len(names)]
	if authority == Other {
		name = [2]string{Canary, Canary}
	}
	w.children++
	c := w.Pupil(school, record.Pupil{ID: registertest.PupilID(w.children), Forename: name[0], Surname: name[1], CareAuthority: authority,
		UPN: registertest.UPN(w.children), DOB: "2013-05-14", NCYearActual: fmt.Sprint(1 + w.children%11)})
	w.Today(c, mark)
	return c
}

// full puts a record of each dataset of a child.
func (w *World) full(c store.Child) {
	w.Helper()
	for _, d := range record.Datasets() {
		if d.OfPupils() && d != record.DatasetPupil && d != record.DatasetAttendance {
			w.Put(c.School, recordtest.Make(d, c.Pupil, 1, 1))
		}
	}
}
