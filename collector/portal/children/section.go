package children

import (
	"cmp"
	"slices"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// A section is what is held of a child in one dataset.
type section struct {
	ID    string // of the heading
	Title string
	// Missing says in a sentence why there is nothing; empty where there is something.
	Missing string
	// AsAt is for when it is true, zero where that is not known.
	AsAt time.Time
	absent
	Head []string
	Rows []line
	// More counts the rows that a page leaves out.
	More int
}

// absent names fields: those that are not asked for, and those that are asked for and
// have no value in any row. Either may be empty.
type absent struct{ NotAsked, Empty string }

// A line is one record.
type line struct {
	Cells []string
	// Received is when this version came, zero of a child who has left the list.
	Received time.Time
	Version  int
	// Note says that it may not be so any more; mostly empty.
	Note string
}

// tables are the datasets that a page shows as tables, in the order in which people
// ask for them. The child's own registration and attendance have parts of their own.
var tables = []record.Dataset{
	record.DatasetPEP, record.DatasetExclusion, record.DatasetSEN, record.DatasetWelfare, record.DatasetAssessmentResult, record.DatasetExamResult,
	record.DatasetKPI, record.DatasetBehaviour, record.DatasetAchievement, record.DatasetDetention, record.DatasetSchoolHistory,
	record.DatasetContact, record.DatasetAgencyContact,
}

// newest are the fields by which the rows of a dataset stand, the newest first;
// contacts stand in the order in which they are called.
var newest = map[record.Dataset]func(record.Record) string{
	record.DatasetPEP:              func(r record.Record) string { p := r.(*record.PEP); return string(cmp.Or(p.StartDate, p.ReviewDate)) },
	record.DatasetExclusion:        func(r record.Record) string { return string(r.(*record.Exclusion).StartDate) },
	record.DatasetSEN:              func(r record.Record) string { return string(r.(*record.SEN).StartDate) },
	record.DatasetAssessmentResult: func(r record.Record) string { return string(r.(*record.AssessmentResult).ResultDate) },
	record.DatasetExamResult: func(r record.Record) string {
		e := r.(*record.ExamResult)
		return cmp.Or(e.Season, string(e.ResultDate))
	},
	record.DatasetKPI:           func(r record.Record) string { return string(r.(*record.KPI).Date) },
	record.DatasetBehaviour:     func(r record.Record) string { return string(r.(*record.Behaviour).Date) },
	record.DatasetAchievement:   func(r record.Record) string { return string(r.(*record.Achievement).Date) },
	record.DatasetDetention:     func(r record.Record) string { return string(r.(*record.Detention).Date) },
	record.DatasetSchoolHistory: func(r record.Record) string { return string(r.(*record.SchoolHistory).EntryDate) },
}

func inOrder(d record.Dataset, list []store.Stored) {
	slices.SortStableFunc(list, func(a, b store.Stored) int {
		if x, ok := a.Record.(*record.Contact); ok {
			y := b.Record.(*record.Contact)
			return cmp.Or(cmp.Compare(last(x.Order), last(y.Order)), cmp.Compare(x.ID, y.ID))
		}
		if by := newest[d]; by != nil {
			return cmp.Compare(by(b.Record), by(a.Record))
		}
		return 0
	})
}

// last puts what has no place at the end.
func last(order int) int {
	if order == 0 {
		return 1 << 20
	}
	return order
}

// section makes the part of a page that one dataset has.
func (w words) section(f store.File, d record.Dataset) section {
	s := section{ID: string(d), Title: w.dataset(d)}
	s.Missing, s.AsAt = w.missing(f, d)
	list := f.Of(d)
	if len(list) == 0 {
		return s
	}
	s.Missing = ""
	inOrder(d, list)
	rows := make([]map[string]string, len(list))
	for i, r := range list {
		rows[i] = w.values(r.Record)
	}
	fields, none := w.shown(f, d, rows)
	s.absent = none
	for _, name := range fields {
		s.Head = append(s.Head, w.field(name))
	}
	for i, r := range list {
		l := line{Received: r.Received, Version: r.Version, Note: w.note(f, r)}
		for _, name := range fields {
			l.Cells = append(l.Cells, rows[i][name])
		}
		s.Rows = append(s.Rows, l)
	}
	return s
}

// shown are the fields of a dataset that some row has, and those that none has.
func (w words) shown(f store.File, d record.Dataset, rows []map[string]string) (fields []string, none absent) {
	asked, isAsked := f.Asked[d]
	var notAsked, empty []string
	for _, field := range record.Fields(d) {
		switch {
		case hidden(d, field.Name):
		case slices.ContainsFunc(rows, func(row map[string]string) bool { return row[field.Name] != "" }):
			fields = append(fields, field.Name)
		case isAsked && !field.Always && !slices.Contains(asked, field.Name):
			notAsked = append(notAsked, w.field(field.Name))
		case !field.Always:
			empty = append(empty, w.field(field.Name))
		}
	}
	return fields, absent{w.List(notAsked...), w.List(empty...)}
}

// hidden are the ids that stand for a child and for a thing: they say nothing to people.
func hidden(d record.Dataset, field string) bool { return field == "pupil" || field == string(d) }

// note says that a record may not be so any more.
func (w words) note(f store.File, r store.Stored) string {
	switch {
	case f.Standing == store.StandingLeft:
		return ""
	case r.Held:
		return w.T("children.note.held")
	case r.Uncounted && r.Record.Dataset() != record.DatasetAttendance:
		return w.T("children.note.uncounted")
	}
	return ""
}

// missing says why there is nothing of a dataset, and for when that is true.
func (w words) missing(f store.File, d record.Dataset) (why string, at time.Time) {
	_, asked := f.Asked[d]
	at, scope := f.Reads[d]
	switch {
	case f.Standing == store.StandingLeft:
		return w.T("children.missing.left"), time.Time{}
	case f.Standing == store.StandingNotGiven:
		return w.T("children.missing.no-more"), time.Time{}
	case !asked:
		return w.T("children.missing.not-asked"), at
	case len(f.Reads) == 0:
		return w.T("children.missing.nothing-yet"), at
	case !scope:
		return w.T("children.missing.not-given"), at
	case at.IsZero():
		return w.T("children.missing.not-read"), at
	}
	return w.T("children.missing.none"), at
}
