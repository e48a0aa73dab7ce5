package overview

import (
	"regexp"
	"testing"
	"time"

	"rollbridge/collector/language"
	"rollbridge/shared/status"
)

var placeholder = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

// What a page says in English of a school is what the operator and the agent say:
// word for word.
func TestPagesSayTheSameInEnglish(t *testing.T) {
	texts := Texts()
	if len(texts) < 100 {
		t.Fatalf("only %d texts", len(texts))
	}
	for key, want := range texts {
		var pairs []any
		for _, m := range placeholder.FindAllStringSubmatch(want, -1) {
			pairs = append(pairs, m[1], m[0]) // each placeholder stands for itself
		}
		if got := language.In(language.English).T(key, pairs...); got != want {
			t.Errorf("%s: the pages say %q, others %q", key, got, want)
		}
		if got := language.In(language.Welsh).T(key, pairs...); got == key || got == "" {
			t.Errorf("%s: there is no Welsh", key)
		}
	}
}

// The same with what is filled in, on both sides of midnight and of the year.
func TestSentencesAreTheSameWithTheirValues(t *testing.T) {
	en, cy := language.In(language.English), language.In(language.Welsh)
	now := time.Date(2026, 11, 23, 10, 20, 0, 0, time.UTC)
	for _, at := range []time.Time{now, now.Add(-2 * time.Hour), now.AddDate(0, 0, -3), now.AddDate(-1, 0, 0), now.AddDate(0, 2, 0)} {
		for _, set := range []func(*status.Facts){
			func(f *status.Facts) { f.LastHeard = at },
			func(f *status.Facts) { f.Paused, f.PausedUntil = true, at.Add(3*time.Hour) },
			func(f *status.Facts) {
				f.Paused, f.PausedUntil = true, time.Date(2027, 1, 4, 0, 0, 0, 0, status.London())
			},
			func(f *status.Facts) { f.Stopped, f.StoppedAt, f.StoppedBy = true, at, "the head teacher" },
			func(f *status.Facts) { f.Now = f.Now.Add(-time.Hour); f.Day = at },
			func(f *status.Facts) { f.Held, f.HeldWhy = true, status.Plain("31 of 33 are missing.") },
		} {
			f := status.Facts{Now: now, Day: now, Session: status.AM, SetUp: true, InSession: true}
			set(&f)
			v := status.Decide(f)
			if got := en.NextStep(v); got != v.NextStep {
				t.Errorf("%s: %q, the verdict says %q", v.Word, got, v.NextStep)
			}
			if got := en.Acts(v); got != v.Owner {
				t.Errorf("%s: %q acts, the verdict says %q", v.Word, got, v.Owner)
			}
			if got := cy.NextStep(v); got == v.NextStep || regexp.MustCompile(`<no value>|status\.`).MatchString(got) {
				t.Errorf("%s in Welsh: %q", v.Word, got)
			}
		}
	}
}
