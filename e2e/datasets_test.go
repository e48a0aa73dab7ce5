package e2e

import (
	"fmt"
	"iter"
	"os"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// TestEveryDataset takes everything that an authority may ask for over the three
// routes that carry it: what is there at first, then things that are added,
// changed and taken away in each dataset, then a child who comes into care and
// one who leaves it.
func TestEveryDataset(t *testing.T) {
	t.Parallel()
	for _, route := range []struct {
		name    string
		carries oracle.Route
		open    func(w *world) (source stack.Source, write func())
	}{
		{"sql-views", oracle.Views, func(w *world) (stack.Source, func()) {
			w.setUpMIS(w.school.TablesSQL, stack.MISOptions{})
			return w.source(), w.write
		}},
		{"csv", oracle.Views, func(w *world) (stack.Source, func()) {
			w.must(os.Mkdir(w.folder(), 0o755))
			write := func() { w.must(w.school.WriteCSV(w.folder())) }
			write()
			return stack.Folder("csv", w.folder()), write
		}},
		{"ctf", oracle.CTF, func(w *world) (stack.Source, func()) {
			w.must(os.Mkdir(w.folder(), 0o755))
			write := func() { w.must(w.school.WriteCTF(w.folder(), demoschool.CTFOptions{Files: 2})) }
			write()
			return stack.Folder("ctf", w.folder()), write
		}},
	} {
		t.Run(route.name, func(t *testing.T) {
			t.Parallel()
			config := small()
			config.OneCharacterMarks = route.carries == oracle.CTF
			w := emptyWorld(t, config)
			source, write := route.open(w)
			w.asked = record.Datasets()
			w.enrolAt(source, w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
			sync := func() { w.syncAll(route.carries) }
			sync()

			cared := w.school.LookedAfter()
			w.turnPages(cared[0].ID, cared[1].ID)
			write()
			sync()

			w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[1], w.school.Today()))
			w.must(w.school.LeaveCare(cared[2].ID, w.school.Today()))
			write()
			sync()
			w.sound()
		})
	}
}

// syncAll runs a sync and waits until the collector holds all that the route
// carries.
func (w *world) syncAll(route oracle.Route) {
	w.t.Helper()
	_, err := w.agent.Command(w.ctx, "sync")
	w.must(err)
	want, err := oracle.Question{Route: route, Datasets: w.asked}.Answer(w.school)
	w.must(err)
	w.must(stack.Await(w.ctx, "the collector to hold what the MIS holds", func() (bool, error) {
		got, err := w.collector.Records(w.ctx, schoolID)
		if err != nil {
			return false, err
		}
		if route == oracle.CTF {
			got = got.WithoutClosedWeeks()
		}
		err = oracle.Same(want, got)
		return err == nil, err
	}))
}

// turnPages adds, changes and takes away an entry in every book of two pupils,
// and does the same with the staff.
func (w *world) turnPages(a, b string) {
	w.t.Helper()
	s := w.school
	day := s.Today().AddDate(0, 0, -3)
	ref := demoschool.Ref{PupilID: a}
	turn(w, s.SchoolHistory, a, b, demoschool.SchoolHistory{Ref: ref, LEA: "815", Estab: "2222", SchoolName: "An Earlier Fictional School", EntryDate: day.AddDate(-3, 0, 0), LeavingDate: day.AddDate(-2, 0, 0)},
		func(e *demoschool.SchoolHistory) { e.SchoolName = "A Renamed Fictional School" })
	turn(w, s.SEN, a, b, demoschool.SEN{Ref: ref, Provision: "K", StartDate: day, Needs: []string{"SLCN", "MLD"}},
		func(e *demoschool.SEN) { e.Needs = []string{"SEMH"} })
	turn(w, s.PEP, a, b, demoschool.PEP{Ref: ref, StartDate: day, ReviewDate: day.AddDate(0, 3, 0), Status: "Draft"},
		func(e *demoschool.PEP) { e.Status = "Agreed" })
	turn(w, s.AgencyContact, a, b, demoschool.AgencyContact{Ref: ref, Agency: "Fictional Children's Services", Role: "Social worker", Forename: "Ama", Surname: "O'Example", WorkPhone: "01632 960555"},
		func(e *demoschool.AgencyContact) { e.Role = "Team manager" })
	turn(w, s.Behaviour, a, b, demoschool.Conduct{Ref: ref, Date: day, Type: "Disruption", Points: 2, Comments: "kept at school"},
		func(e *demoschool.Conduct) { e.Points++ })
	turn(w, s.Achievement, a, b, demoschool.Conduct{Ref: ref, Date: day, Type: "Merit", Points: 5},
		func(e *demoschool.Conduct) { e.Status = "Certificate sent" })
	turn(w, s.Detention, a, b, demoschool.Detention{Ref: ref, Date: day, StartTime: "15:30", EndTime: "16:00", Type: "Lunch", Attended: demoschool.Yes},
		func(e *demoschool.Detention) { e.Attended = demoschool.No })
	turn(w, s.Exclusion, a, b, demoschool.Exclusion{Ref: ref, Category: "SUSP", Reasons: []string{"PP"}, StartDate: day, EndDate: day, StartSession: demoschool.AM, EndSession: demoschool.PM, Sessions: 2},
		func(e *demoschool.Exclusion) { e.Sessions++ })
	turn(w, s.ExamResult, a, b, demoschool.ExamResult{Ref: ref, Season: "2026-06", Level: "GCSE", Subject: "Mathematics", Result: "7", ResultDate: day.AddDate(0, -2, 0)},
		func(e *demoschool.ExamResult) { e.Result = "8" })
	turn(w, s.Assessment, a, b, demoschool.AssessmentResult{Ref: ref, Aspect: "Reading age", ResultSet: "Autumn", Result: "11.2", ResultDate: day},
		func(e *demoschool.AssessmentResult) { e.Result = "12.0" })
	turn(w, s.KPI, a, b, demoschool.KPI{Ref: ref, Name: "Progress 8", Period: "Autumn", Value: "0.1", Date: day},
		func(e *demoschool.KPI) { e.Value = "0.3" })

	page := one(w, "welfare", s.Welfare.Of(b))
	page.YoungCarer, page.MedicalFlag = "S", demoschool.Yes
	w.must(s.Welfare.Change(page))
	w.must(s.Welfare.Remove(one(w, "welfare", s.Welfare.Of(a))))

	_, err := s.AddStaff(demoschool.Staff{Role: "Deputy designated teacher", Forename: "Noor", Surname: "Example", Email: "noor@oakmere.example"})
	w.must(err)
	first := one(w, "staff", s.Staff())
	w.must(s.RemoveStaff(first))
	second := one(w, "staff", s.Staff())
	second.Phone = "01632 960777"
	w.must(s.ChangeStaff(second))
}

// turn adds an entry for a pupil, changes it or another, and takes away one of
// the pupil b, or of a where b has none.
func turn[T any](w *world, book *demoschool.Book[T], a, b string, fresh T, change func(*T)) {
	w.t.Helper()
	old, found := first(book.Of(a))
	_, err := book.Add(fresh)
	w.must(err)
	if found {
		change(&old)
		w.must(book.Change(old))
	}
	if gone, found := first(book.Of(b)); found {
		w.must(book.Remove(gone))
	}
}

func first[T any](entries iter.Seq[T]) (e T, found bool) {
	for e := range entries {
		return e, true
	}
	return e, false
}

// one is the first of entries that must be there.
func one[T any](w *world, what string, entries iter.Seq[T]) T {
	w.t.Helper()
	e, found := first(entries)
	if !found {
		w.must(fmt.Errorf("the demo school has no %s to change: choose another seed", what))
	}
	return e
}
