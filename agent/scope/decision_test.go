package scope

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func choice(t testing.TB, text string) Choice {
	t.Helper()
	c, err := ParseChoice(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChoices(t *testing.T) {
	a := ask(of(birmingham, everything), of(leeds, everything))
	for _, c := range []struct {
		name string
		deny []string
		then []string // allowed afterwards
		want Allowed
	}{
		{"a field", []string{"330.pupil.DOB", "383"}, nil,
			Allowed{birmingham: {"pupil": {"Forename", "Surname", "UPN"}, "contact": {"Addresses", "Phones", "Surname"}, "attendance": {"localAM"}}}},
		{"a dataset", []string{"383", "330.contact", "330.attendance"}, nil,
			Allowed{birmingham: {"pupil": {"DOB", "Forename", "Surname", "UPN"}}}},
		{"the pupils, and so the authority", []string{"330.pupil", "383"}, nil, Allowed{}},
		{"everything, then one dataset of one authority", []string{"330", "383"}, []string{"383.pupil"},
			Allowed{leeds: {"pupil": {"DOB", "Forename", "Surname", "UPN"}}}},
		{"a dataset, then one field denied and the dataset allowed", []string{"383", "330.contact", "330.contact.Phones", "330.attendance"}, []string{"330.contact"},
			Allowed{birmingham: {"pupil": {"DOB", "Forename", "Surname", "UPN"}, "contact": {"Addresses", "Phones", "Surname"}}}},
	} {
		d := Decision{Allowed: FromAsk(a)}
		var err error
		for _, text := range c.deny {
			if d, err = d.Deny(a, choice(t, text)); err != nil {
				t.Fatalf("%s: deny %s: %v", c.name, text, err)
			}
		}
		for _, text := range c.then {
			if d, err = d.Allow(a, choice(t, text)); err != nil {
				t.Fatalf("%s: allow %s: %v", c.name, text, err)
			}
		}
		if diff := cmp.Diff(c.want, d.Allowed, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: allowed is %s", c.name, diff)
		}
		// A yes to all that waits brings nothing of it along.
		if diff := cmp.Diff(d.Allowed, d.Accept(a).Allowed, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: accept changes what was decided by name: %s", c.name, diff)
		}
	}
}

func TestChoicesThatAreRefused(t *testing.T) {
	a := ask(of(birmingham, map[record.Dataset][]string{"pupil": {"UPN", "InCare"}, "contact": {"Phones"}, "attendance": {}}))
	d := Decision{Allowed: Allowed{birmingham: {"contact": {"Phones"}}}}
	for text, says := range map[string]string{
		"331":                   `did you mean "330"`,
		"383.pupil":             "these do: 330",
		"330.contacts":          `did you mean "contact"`,
		"330.sen":               "does not ask for sen",
		"330.contact.Phone":     `did you mean "Phones"`,
		"330.contact.Addresses": "does not ask for Addresses",
		"330.pupil.InCare":      "decide about 330.pupil as a whole",
		"330.pupil.UPN":         "scope allow 330.pupil",
		"330.contact":           "scope allow 330.pupil` first",
	} {
		if after, err := d.Allow(a, choice(t, text)); err == nil || !strings.Contains(err.Error(), says) || !cmp.Equal(after, d) {
			t.Errorf("allow %s: %v", text, err)
		}
	}
	for _, text := range []string{"", "330.", ".pupil", "330.pupil.UPN.x", "330..UPN"} {
		if _, err := ParseChoice(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	// What was allowed can be denied even if nobody asks for it any more.
	if _, err := d.Deny(ask(), choice(t, "330.contact.Phones")); err != nil {
		t.Error(err)
	}
}

// What a profile gives only since the school's yes waits, whatever was asked.
func TestAProfileThatGivesMore(t *testing.T) {
	a := ask(of(birmingham, everything))
	d := Decision{Allowed: FromAsk(a)}
	d, changed := d.Seen(Fields{"pupil": {"Surname", "UPN"}, "contact": {"Surname"}})
	if !changed || len(Gaps(a, d)) > 0 {
		t.Fatalf("the first look takes something away: %v", Gaps(a, d))
	}
	if again, changed := d.Seen(Fields{"pupil": {"UPN"}, "contact": {"Surname"}}); changed || len(again.Gained) > 0 {
		t.Error("a profile that gives less changes something")
	}
	more, _ := d.Seen(Fields{"pupil": {"Surname", "UPN", "DOB"}, "contact": {"Surname", "Addresses"}, "attendance": {"localAM"}, "sen": {"SENneeds"}})
	want := Allowed{birmingham: {"pupil": {"Forename", "Surname", "UPN"}, "contact": {"Phones", "Surname"}}}
	if diff := cmp.Diff(want, more.Allowed); diff != "" {
		t.Error(diff)
	}
	gaps := Waiting(Gaps(a, more))
	if len(gaps) != 3 || slices.ContainsFunc(gaps, func(g Gap) bool { return !g.Gained }) {
		t.Errorf("%+v", gaps)
	}
	if diff := cmp.Diff(FromAsk(a), more.Accept(a).Allowed); diff != "" {
		t.Error("a yes does not bring all:", diff)
	}
	if back, changed := more.Accept(a).Seen(Fields{"pupil": {"Surname", "UPN", "DOB"}}); changed || len(Gaps(a, back)) > 0 {
		t.Error("what was accepted waits again")
	}
}

// TestNothingButAYesWidens: whatever is asked, denied and given by profiles in
// whatever order, only allow and accept add to what may leave, and what was
// denied does not leave until it is allowed by name.
func TestNothingButAYesWidens(t *testing.T) {
	names := func(t *rapid.T, what string) map[record.Dataset][]string {
		m := map[record.Dataset][]string{record.DatasetPupil: {"UPN"}}
		for _, d := range []record.Dataset{"pupil", "contact", "attendance", "staff"} {
			for _, f := range record.Fields(d) {
				if rapid.IntRange(0, 2).Draw(t, what) == 0 {
					m[d] = append(m[d], f.Name)
				}
			}
		}
		return m
	}
	rapid.Check(t, func(t *rapid.T) {
		a := ask(of(birmingham, names(t, "asked")), of(leeds, names(t, "asked")))
		d := Decision{Allowed: FromAsk(a)}
		var denied []Choice
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			before := New(a, d.Allowed)
			next, wider := d, false
			switch rapid.SampledFrom([]string{"ask", "deny", "seen", "accept"}).Draw(t, "step") {
			case "ask":
				a = ask(of(birmingham, names(t, "asked")), of(leeds, names(t, "asked")))
				before = New(a, d.Allowed)
			case "deny":
				c := drawChoice(t, a)
				var err error
				if next, err = d.Deny(a, c); err != nil {
					t.Fatal(err)
				}
				denied = append(denied, c)
			case "seen":
				next, _ = d.Seen(names(t, "given"))
			case "accept":
				next, wider = d.Accept(a), true
			}
			d = next
			now := New(a, d.Allowed)
			if !wider && !within(now, before) {
				t.Fatal("what may leave is more than before, and nobody said yes")
			}
			for _, c := range denied {
				if covers(now, c) {
					t.Fatalf("%s was denied and may leave", c)
				}
			}
		}
	})
}

func drawChoice(t *rapid.T, a protocol.Ask) Choice {
	r := rapid.SampledFrom(a.Requests).Draw(t, "authority")
	wanted := askedOf(a, r.Code)
	var all []string
	for d, fields := range wanted {
		all = append(all, r.Code+"."+string(d))
		for _, f := range fields {
			all = append(all, r.Code+"."+string(d)+"."+f)
		}
	}
	slices.Sort(all)
	c, err := ParseChoice(rapid.SampledFrom(append(all, r.Code)).Draw(t, "choice"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func within(narrow, wide *Scope) bool {
	for code, datasets := range narrow.grants {
		for d, fields := range datasets {
			if !wide.Covers(code, d) {
				return false
			}
			for f := range fields {
				if !wide.grants[code][d][f] {
					return false
				}
			}
		}
	}
	return true
}

func covers(s *Scope, c Choice) bool {
	switch {
	case c.Dataset == "":
		return len(s.grants[c.Authority]) > 0
	case c.Field == "":
		return s.Covers(c.Authority, c.Dataset)
	}
	return s.grants[c.Authority][c.Dataset][c.Field]
}
