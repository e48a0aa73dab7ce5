package demoschool

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSchoolHoldsWhatTheTestsOfOthersNeed(t *testing.T) {
	s := New(Config{Seed: 7, UnknownMarkers: 3})
	var temporary, none, former, past, unknown, beyondPlane, accents, apostrophes int
	for p := range s.Pupils() {
		if p.InCareUnknown {
			unknown++
		}
		if !p.InCare && !p.CareEnd.IsZero() {
			past++
		}
		for _, c := range p.LegalSurname + p.LegalForename {
			switch {
			case c > 0xffff:
				beyondPlane++
			case c == '\'' || c == '\u2019':
				apostrophes++
			case c > utf8.RuneSelf:
				accents++
			}
		}
	}
	for _, p := range s.LookedAfter() {
		switch {
		case p.UPN == "":
			none++
		case IsTemporaryUPN(p.UPN):
			temporary++
		case p.FormerUPN != "":
			former++
		}
	}
	for what, n := range map[string]int{
		"looked after with a temporary UPN": temporary, "looked after without UPN": none,
		"looked after with a former UPN": former, "left care": past, "beyond the basic plane": beyondPlane,
		"accents": accents, "apostrophes": apostrophes, "of the other authority": len(s.LookedAfter(s.OtherAuthority())),
	} {
		if n == 0 {
			t.Errorf("no pupil: %s", what)
		}
	}
	if unknown != 3 {
		t.Errorf("%d unknown markers, want 3", unknown)
	}
	if got := len(s.LookedAfter()); got != 40 {
		t.Errorf("%d looked after of 1000, want 40", got)
	}
	for _, a := range s.Authorities() {
		if n := len(s.LookedAfter(a)); n < 13 || n > 14 {
			t.Errorf("authority %s looks after %d, want a third of 40", a, n)
		}
	}
	all := len(s.LookedAfter()) + len(s.LookedAfter(s.OtherAuthority())) + len(s.NotLookedAfter()) + unknown
	if all != 1000 {
		t.Errorf("the four kinds add up to %d, want 1000", all)
	}
}

func TestNoContactOfBothKinds(t *testing.T) {
	s := New(Config{Seed: 13, Pupils: 3000, LookedAfterShare: 0.3})
	pupils := map[string][]*Pupil{}
	for p := range s.Pupils() {
		for c := range s.Contacts(p.ID) {
			pupils[c.ID] = append(pupils[c.ID], p)
		}
	}
	shared := 0
	for _, of := range pupils {
		if len(of) > 1 {
			shared++
		}
		if slices.ContainsFunc(of, func(p *Pupil) bool { return p.InCare != of[0].InCare }) {
			t.Error("a contact of a pupil in care and of one who is not")
		}
	}
	if shared == 0 {
		t.Error("no contact is shared by brothers and sisters")
	}
}

func TestSmallSchools(t *testing.T) {
	for n := 1; n < 40; n++ {
		s := New(Config{Seed: uint64(n), Pupils: n})
		if got := len(slices.Collect(s.Pupils())); got != n {
			t.Fatalf("asked for %d pupils, got %d", n, got)
		}
		if n >= 6 {
			for _, a := range s.Authorities() {
				if len(s.LookedAfter(a)) == 0 {
					t.Errorf("%d pupils: nobody of authority %s", n, a)
				}
			}
		}
	}
	if n := len(New(Config{LookedAfterShare: -1}).LookedAfter()); n != 0 {
		t.Errorf("a share below zero gave %d looked after", n)
	}
}

func TestIdentifiers(t *testing.T) {
	// Published worked examples of the check letter.
	for _, upn := range []string{"B801200005001", "P207000016049", "R674123101121", "Z202200017001", "R92640071200A", "K33030011900Z"} {
		if upnCheck(upn[1:]) != upn[:1] {
			t.Errorf("check letter of %s came out as %s", upn, upnCheck(upn[1:]))
		}
	}
	upnForm := regexp.MustCompile(`^[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]$`)
	seen := map[string]bool{}
	for p := range New(Config{Seed: 3, Pupils: 9000}).Pupils() {
		for _, upn := range []string{p.UPN, p.FormerUPN} {
			if upn == "" {
				continue
			}
			if !upnForm.MatchString(upn) || upn[:1] != upnCheck(upn[1:]) {
				t.Errorf("invalid UPN %s", upn)
			}
			if seen[upn] {
				t.Errorf("UPN %s twice", upn)
			}
			seen[upn] = true
		}
		if p.ULN == "" {
			continue
		}
		if r := ulnRemainder(p.ULN[:9]); len(p.ULN) != 10 || r == 0 || int(p.ULN[9]-'0') != 10-r {
			t.Errorf("invalid ULN %s", p.ULN)
		}
		if seen[p.ULN] {
			t.Errorf("ULN %s twice", p.ULN)
		}
		seen[p.ULN] = true
	}
	for nine, check := range map[string]int{"123456789": 9, "612345678": 3, "100000000": 0} {
		if got := 10 - ulnRemainder(nine); got != check {
			t.Errorf("ULN check digit of %s is %d, want %d", nine, got, check)
		}
	}
}

func TestMarksAreARealisticYear(t *testing.T) {
	s := New(Config{Seed: 11})
	codes := map[string]int{}
	var totals sessionTotals
	for p := range s.Pupils() {
		last := time.Time{}
		for m := range s.Marks(p.ID) {
			codes[m.Code]++
			totals.add(m.Code)
			if m.Date.Before(last) || m.Date.Before(p.EntryDate) || m.Date.After(s.Today()) {
				t.Fatalf("mark on %v is out of order, before entry or after today", m.Date)
			}
			last = m.Date
			if m.Code == "/" && m.Session != AM || m.Code == `\` && m.Session != PM {
				t.Fatalf("%q in session %s", m.Code, m.Session)
			}
			late := m.Code == "L" || m.Code == "U"
			if late != (m.MinutesLate > 0) {
				t.Fatalf("code %s with %d minutes late", m.Code, m.MinutesLate)
			}
			if m.Date.Equal(s.Today()) && m.Session == PM && m.Taken() {
				t.Fatalf("today's afternoon register has been taken")
			}
		}
	}
	all := presentCodes + " " + authorisedCodes + " " + unauthorisedCodes + " D X Q Y1 Y2 Y3 Y4 Y5 Y6 Y7 # -"
	for code := range strings.FieldsSeq(all) {
		if codes[code] == 0 {
			t.Errorf("no mark has code %s", code)
		}
		delete(codes, code)
	}
	if codes[""] == 0 {
		t.Error("no register was forgotten")
	}
	delete(codes, "")
	if len(codes) > 0 {
		t.Errorf("codes that ENG-2024 does not have: %v", codes)
	}
	if rate := float64(totals.attended) / float64(totals.possible()); math.Abs(rate-0.93) > 0.03 {
		t.Errorf("attendance is %.3f, want about 0.93", rate)
	}
}

func TestOneCharacterMarks(t *testing.T) {
	s := New(Config{Seed: 11, OneCharacterMarks: true})
	for p := range s.Pupils() {
		for m := range s.Marks(p.ID) {
			if len(m.Code) > 1 {
				t.Fatalf("two-character code %s", m.Code)
			}
		}
	}
}

func TestCalendar(t *testing.T) {
	days := schoolYear(2026)
	if n := len(days); n < 185 || n > 198 {
		t.Errorf("%d school days, want about 190", n)
	}
	if first := days[0]; !first.date.Equal(Date(2026, time.September, 1)) || !first.closed {
		t.Errorf("the year begins with %+v", first)
	}
	for _, holiday := range []time.Time{Date(2026, time.October, 28), Date(2026, time.December, 25), Date(2027, time.January, 1), Date(2026, time.September, 5)} {
		if slices.ContainsFunc(days, func(d schoolDay) bool { return d.date.Equal(holiday) }) {
			t.Errorf("%v is a school day", holiday)
		}
	}
	for now, want := range map[time.Time]time.Time{
		time.Date(2026, time.November, 21, 23, 0, 0, 0, time.FixedZone("", 3600)): Date(2026, time.November, 20),
		Date(2026, time.September, 1): Date(2026, time.July, 21), // staff training
		Date(2026, time.August, 20):   Date(2026, time.July, 21),
		Date(2026, time.September, 2): Date(2026, time.September, 2),
	} {
		if got := LastSchoolDay(now); !got.Equal(want) {
			t.Errorf("last school day by %v is %v, want %v", now, got, want)
		}
	}
}

func TestConfigRefusals(t *testing.T) {
	for name, c := range map[string]Config{
		"too many":           {Pupils: MaxPupils + 1},
		"negative":           {Pupils: -1},
		"authority form":     {Authorities: []string{"93"}},
		"authority twice":    {Authorities: []string{"933", "933"}},
		"authorities":        {Authorities: make([]string, maxAuthorities+1)},
		"share":              {LookedAfterShare: 0.9},
		"unknown markers":    {UnknownMarkers: -1},
		"canary too short":   {Canary: "abc"},
		"canary not a word":  {Canary: "abc def"},
		"canary not in 1252": {Canary: "梅林梅林"},
	} {
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// canaryTexts lists every text that the canary must be in.
func canaryTexts(s *School, p *Pupil) []string {
	texts := []string{
		p.LegalSurname, p.LegalForename, p.MiddleNames, p.PreferredSurname, p.PreferredForename,
		p.FormerSurname, p.FormerForename, p.Email, p.Phone,
	}
	for c := range s.Contacts(p.ID) {
		texts = append(texts, c.Forename, c.Surname, c.HomePhone, c.MobilePhone, c.WorkPhone, c.Email, c.Address)
	}
	texts = slices.Concat(texts, personalTexts(s.SchoolHistory, p.ID), personalTexts(s.PEP, p.ID),
		personalTexts(s.AgencyContact, p.ID), personalTexts(s.Behaviour, p.ID), personalTexts(s.Achievement, p.ID),
		personalTexts(s.Detention, p.ID), personalTexts(s.Exclusion, p.ID), personalTexts(s.ExamResult, p.ID),
		personalTexts(s.Assessment, p.ID), personalTexts(s.KPI, p.ID))
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

func checkCanary(t *testing.T, s *School) {
	t.Helper()
	for _, p := range s.pupils {
		want, other := "ZQJX"+CanaryNot, "ZQJX"+CanaryLookedAfter
		if s.Provisioned(p) {
			want, other = other, want
		}
		for _, text := range canaryTexts(s, p) {
			if strings.Count(text, want) != 1 || strings.Contains(text, other) {
				t.Fatalf("text %q should hold %s once", text, want)
			}
		}
	}
}

func TestCanaryFollowsCare(t *testing.T) {
	s := New(Config{Seed: 5, Pupils: 400, Canary: "ZQJX", UnknownMarkers: 2})
	checkCanary(t, s)
	entering, leaving, moving := s.NotLookedAfter()[3], s.LookedAfter()[1], s.LookedAfter()[2]
	plain := New(Config{Seed: 5, Pupils: 400, UnknownMarkers: 2})
	must(t, s.EnterCare(entering.ID, "815", s.Today()))
	must(t, s.LeaveCare(leaving.ID, s.Today()))
	must(t, s.EnterCare(moving.ID, s.OtherAuthority(), s.Today()))
	must(t, s.Rename(entering.ID, NewName{Forename: "Notley", Surname: "Lacey"}))
	_, err := s.AddContact(entering.ID, Contact{Surname: "Reedmace", Relationship: "SWR", MobilePhone: "07700 900999"})
	must(t, err)
	changed := firstOf(t, s.Behaviour.Of(moving.ID))
	changed.Comments = "Rang home."
	must(t, s.Behaviour.Change(changed))
	checkCanary(t, s)
	if got := len(s.LookedAfter()); got != len(plain.LookedAfter())-1 {
		t.Errorf("%d looked after: one came and two went from %d", got, len(plain.LookedAfter()))
	}
	for p := range plain.Pupils() {
		if p.ID != entering.ID && s.unmarked(s.Pupil(p.ID).LegalSurname) != p.LegalSurname {
			t.Fatal("the canary changes which school is drawn")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
