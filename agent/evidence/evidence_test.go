package evidence

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func TestEveryDatasetHasWords(t *testing.T) {
	for _, d := range record.Datasets() {
		if datasetWords[d] == "" || len(DatasetName(d)) > 31 { // the name of a sheet
			t.Errorf("%s has no words, or too many", d)
		}
	}
	if got := DatasetName("new_thing"); got != "new thing" {
		t.Errorf("a dataset of a newer version is %q", got)
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"Jordan": "J.", " Östlund ": "Ö.", "Ann": "A.", "": "–", "  ": "–", "H801200001001": "…001", "2011-03-04": "2011-…",
		"07700 900123": "…123", "jordan@example.org": "j.", "12": dot, "1": dot, "/": dot, "?": dot, "AB1 2CD": "A.", "2011-03-04T09:00": "2011-…",
	} {
		if got := Mask(text); got != want {
			t.Errorf("Mask(%q) = %q, want %q", text, got, want)
		}
	}
}

var morning = time.Date(2026, 11, 24, 9, 4, 0, 0, time.UTC) // a Tuesday

func TestBatchInASentence(t *testing.T) {
	marks := delta.Count{Authority: "330", Dataset: record.DatasetAttendance, Upserts: 3, Pupils: 3}
	later := &Batch{Sealed: morning.Add(time.Hour), Parts: 1}
	for want, b := range map[string]Batch{
		"3 pupils' marks to Birmingham (330): receipt held; taken into the records.": {Counts: []delta.Count{marks}, Parts: 1, Receipts: 1, Outcome: &protocol.Outcome{}},
		"3 pupils' marks to Birmingham (330): receipt held; taken into the records, 1 record refused.": {
			Counts: []delta.Count{marks}, Parts: 1, Receipts: 1, Outcome: &protocol.Outcome{Refused: 1}},
		"3 pupils' marks to Birmingham (330): receipt held; the collector's outcome is still missing.": {Counts: []delta.Count{marks}, Parts: 1, Receipts: 1},
		"3 pupils' marks to Birmingham (330): sealed, not sent yet.":                                   {Counts: []delta.Count{marks}, Parts: 1},
		"3 pupils' marks to Birmingham (330): sent, no receipt yet.":                                   {Counts: []delta.Count{marks}, Parts: 1, Sent: morning},
		"3 pupils' marks to Birmingham (330): 1 of 3 receipts held, the rest is being sent.":           {Counts: []delta.Count{marks}, Parts: 3, Receipts: 1},
		"3 pupils' marks to Birmingham (330): receipt held; taken back by the full batch of Tuesday 24 November 2026 at 10:04.": {
			Counts: []delta.Count{marks}, Parts: 1, Receipts: 1, WithdrawnBy: later},
		"Everything that may leave: 3 pupils' marks to Birmingham (330): sealed, not sent yet.": {Counts: []delta.Count{marks}, Parts: 1, Full: true},
		"Nothing had changed, and a signed report says so: sealed, not sent yet.":               {Parts: 1},
	} {
		if got := (Event{Batch: &b}).Text(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	b := Batch{Parts: 1, Counts: []delta.Count{
		{Authority: "330", Dataset: record.DatasetContact, Upserts: 1, Pupils: 1},
		{Authority: "330", Dataset: record.DatasetAttendance, Removals: 4, Pupils: 2},
		{Authority: "330", Dataset: record.DatasetPupil, Upserts: 2, Removals: 1, Pupils: 3},
		{Authority: "383", Dataset: record.DatasetKPI, Upserts: 4}, // of an earlier version
		{Authority: "383", Dataset: record.DatasetPEP, Removals: 1},
		{Dataset: record.DatasetStaff, Upserts: 1},
		{Dataset: record.DatasetSEN, Removals: 1, Pupils: 1},
		{Authority: "383", Dataset: record.DatasetContact, Held: 5},
	}, Roster: []protocol.RosterUse{{Authority: "383", Sent: 2}, {Authority: "330", Waiting: 1}}}
	want := "1 pupil's contacts, the removal of 2 pupils' marks and 3 pupils' registration details (1 record removed) to Birmingham (330); " +
		"4 records of key figures and the removal of 1 record of education plans to Leeds (383); " +
		"1 record of staff details to the authorities that may have them; " +
		"the removal of 1 pupil's special educational needs to an authority that is no longer in scope; " +
		"5 records of contacts kept back at the school; pupils by its roster, Leeds (383): 2"
	if got := b.What(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// What is of equally many pupils is said together.
	b = Batch{Parts: 1, Counts: []delta.Count{
		{Authority: "330", Dataset: record.DatasetPupil, Upserts: 8, Pupils: 8}, {Authority: "330", Dataset: record.DatasetContact, Upserts: 9, Pupils: 6},
		{Authority: "330", Dataset: record.DatasetAttendance, Upserts: 80, Pupils: 8}, {Authority: "330", Dataset: record.DatasetSEN, Upserts: 1, Removals: 1, Pupils: 8},
		{Authority: "330", Dataset: record.DatasetPEP, Removals: 2, Pupils: 1}, {Authority: "330", Dataset: record.DatasetKPI, Removals: 9, Pupils: 1},
	}}
	want = "8 pupils' registration details and marks, 6 pupils' contacts, 8 pupils' special educational needs (1 record removed) and " +
		"the removal of 1 pupil's education plans and key figures to Birmingham (330)"
	if got := b.What(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOtherSentences(t *testing.T) {
	for want, e := range map[string]Event{
		"Paused by the school: nothing is read or sent.":                     {Kind: outbox.EventPaused},
		"An event that this version does not know: new.":                     {Kind: "new"},
		"The school set what may leave.":                                     {Kind: outbox.EventScope, data: []byte(`[]`)},
		"1 pupil on the roster of Birmingham (330) accepted by the school.":  {Kind: outbox.EventRoster, data: []byte(`{"authority":"330","accepted":1}`)},
		"2 acceptances ended: no authority's roster has the child any more.": {Kind: outbox.EventRoster, data: []byte(`{"ended":2}`)},
		"A person at the school said yes to what was held back (AB12).":      {Kind: outbox.EventReleased, data: []byte(`{"codes":["AB12"]}`)},
		"The school took something back. It allows: registration details to Birmingham (330); but not to Birmingham (330): contacts (Surname).": {
			Kind: outbox.EventScope, data: []byte(`{"cause":"denied","after":"x","allowed":{"330":{"pupil":["UPN"]}},"denied":{"330":{"contact":["Surname"]}}}`)},
		"The authorities ask for something else, which widens nothing by itself. It allows: nothing.": {
			Kind: outbox.EventScope, data: []byte(`{"cause":"asked","after":"x","allowed":{}}`)},
		"The collector's deletion certificate is held.": {Kind: outbox.EventCertificate, data: []byte(`{}`)},
	} {
		if got := e.Text(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	// An entry of an earlier version holds only what is allowed.
	if got := scopeText([]byte(`{"330":{"attendance":[]}}`)); got != "The school set what may leave. It allows: marks to Birmingham (330)." {
		t.Error(got)
	}
	if got := allowedText(scope.Allowed{}, nil); got != "nothing" {
		t.Error(got)
	}
}

func TestSpan(t *testing.T) {
	summer, err := ParseSpan("2026-07-01", "2026-07-02")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-06-30T22:59:59Z": false, "2026-06-30T23:00:00Z": true, "2026-07-02T22:59:59Z": true, "2026-07-02T23:00:00Z": false,
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil || summer.Has(when) != want {
			t.Errorf("%s: %v, %v", at, summer.Has(when), err)
		}
	}
	if open, err := ParseSpan("", ""); err != nil || !open.Has(morning) || !open.Has(time.Time{}) {
		t.Errorf("open: %v", err)
	}
	for _, bad := range [][2]string{{"yesterday", ""}, {"", "24/11/2026"}, {"2026-11-25", "2026-11-24"}} {
		if _, err := ParseSpan(bad[0], bad[1]); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestTerms(t *testing.T) {
	var days []record.Date
	for _, name := range []string{"spring-2027", "Summer-2027", "autumn-2027"} {
		term, err := ParseTerm(name)
		if err != nil || term.Name != strings.ToLower(name) {
			t.Fatalf("%s: %+v, %v", name, term, err)
		}
		days = append(days, term.From, term.To)
	}
	if !slices.Equal(days, []record.Date{"2027-01-01", "2027-03-31", "2027-04-01", "2027-08-31", "2027-09-01", "2027-12-31"}) {
		t.Errorf("%v leave out a day, or have one twice", days)
	}
	span := Term{From: "2027-04-01", To: "2027-08-31"}.Span()
	if got := span.Since.UTC().Format(time.RFC3339) + " " + span.Until.UTC().Format(time.RFC3339); got != "2027-03-31T23:00:00Z 2027-08-31T23:00:00Z" {
		t.Errorf("the summer term is %s", got)
	}
	for _, name := range []string{"", "winter-2026", "autumn", "autumn-26", "autumn-20266", "autumn-abcd", "autumn--026"} {
		if _, err := ParseTerm(name); err == nil {
			t.Errorf("%q is taken for a term", name)
		}
	}
	for _, days := range [][2]string{{"2026-09-01", ""}, {"", "2026-09-01"}, {"2026-09-02", "2026-09-01"}, {"1 September", "2026-09-02"}} {
		if _, err := NewTerm(days[0], days[1]); err == nil {
			t.Errorf("%v are taken for a term", days)
		}
	}
}
