package codes

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// upnForm is the form printed in the standard, apart from the code that checks it.
var upnForm = regexp.MustCompile(`^[A-HJ-NP-RT-Z]\d{11}(\d|[A-HJ-NP-RT-Z])$`)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 9, 30, 0, 0, time.UTC) }

var november2026 = day(2026, time.November, 23)

func TestVersionNamesTheEmbeddedFiles(t *testing.T) {
	names, err := fs.Glob(embedded, "data/*.csv")
	if err != nil || len(names) == 0 {
		t.Fatalf("no embedded files: %v", err)
	}
	h := sha256.New()
	for _, name := range names {
		body, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		h.Write([]byte(name + "\n"))
		h.Write(sum[:])
	}
	want := "2026-07+" + hex.EncodeToString(h.Sum(nil))[:12]
	if Version() != want {
		t.Errorf("the lists changed: check the dates in data/README.md and set version to %q (now %q)", want, Version())
	}
}

func TestEveryFileAndSourceIsDescribed(t *testing.T) {
	readme, err := os.ReadFile("data/README.md")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(embedded, "data/*.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(readme), "| "+strings.TrimPrefix(name, "data/")+" |") {
			t.Errorf("data/README.md does not describe %s", name)
		}
		err := eachRow(embedded, name, func(r *row) error {
			for _, s := range strings.Split(r.need("source"), ";") {
				if !strings.Contains(string(readme), "\n| "+s+" | ") {
					r.fail("source", s+" is not in data/README.md")
				}
			}
			return r.err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Every line of every file must end up in a table: a loader that skips one would otherwise go unnoticed.
func TestEveryRowIsLoaded(t *testing.T) {
	lines := func(name string) int {
		f, err := embedded.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return len(rows) - 1
	}
	all, err := load(embedded)
	if err != nil {
		t.Fatal(err)
	}
	marks := 0
	for _, list := range all.marks {
		marks += len(list)
	}
	if want := lines("data/la_codes.csv"); len(all.authorities) != want {
		t.Errorf("%d authorities of %d", len(all.authorities), want)
	}
	if want := lines("data/attendance_codes.csv"); marks != want {
		t.Errorf("%d marks of %d", marks, want)
	}
	want := 0
	for _, name := range entryLists {
		want += lines(name)
	}
	if len(all.entries) != want {
		t.Errorf("%d entries of %d", len(all.entries), want)
	}
}

// A damaged list must be refused with its file, line and column, not half read.
func TestDamagedListsAreRefused(t *testing.T) {
	const (
		la    = "data/la_codes.csv"
		marks = "data/attendance_codes.csv"
		care  = "data/care_status.csv"
	)
	for _, c := range []struct{ name, file, old, new, want string }{
		{"renamed column", la, "upn_ok", "upnok", "line 2 column upn_ok: the column is missing"},
		{"neither yes nor no", la, ",E09000001,current,Y,", ",E09000001,current,y,", "line 2 column upn_ok: is not one of Y, N"},
		{"unknown status", la, ",E09000001,current,", ",E09000001,gone,", "column status"},
		{"bad date", la, "2009-04-01", "01/04/2009", "column valid_from: is not a date"},
		{"missing successor", la, "942;943", "942;949", "successor 949 of 909"},
		{"successor ended before", la, "2019-03-31,839,", "2019-03-31,909;901,", "successor 901 of 83"},
		{"code twice", la, "\n202,", "\n201,", "column code: appears twice"},
		{"short line", la, "\n201,City of London,", "\n201,", "wrong number of fields"},
		{"long mark", marks, "ENG-2024,Y7,", "ENG-2024,Y77,", "column code: has more than two"},
		{"overlap", marks, "N,N,2011-09-01,2024-08-18,D", "N,N,2011-08-31,2024-08-18,D", "overlaps"},
		{"attended, not possible", marks, "not_possible,N,N,2024-08-19,,,Y,Only", "not_possible,N,Y,2024-08-19,,,Y,Only", "counts_as_attended"},
		{"entry twice", care, "kinship_care_indicator,KI,", "kinship_care_indicator,KF,", "appears twice"},
		{"no label", care, ",Fostered,", ",,", "column label: is empty"},
		{"empty", care, "", "", "read header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := fstest.MapFS{}
			names, _ := fs.Glob(embedded, "data/*.csv")
			for _, n := range names {
				body, err := fs.ReadFile(embedded, n)
				if err != nil {
					t.Fatal(err)
				}
				damaged[n] = &fstest.MapFile{Data: body}
			}
			before := string(damaged[c.file].Data)
			after := strings.Replace(before, c.old, c.new, 1)
			if c.old == "" {
				after = ""
			}
			if before == after {
				t.Fatal("nothing was damaged")
			}
			damaged[c.file].Data = []byte(after)
			_, err := load(damaged)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			delete(damaged, c.file)
			if _, err := load(damaged); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a missing list: got %v", err)
			}
		})
	}
}

func TestAuthoritiesAreTheKnownOnes(t *testing.T) {
	count := map[string]int{}
	list := Authorities()
	for _, a := range list {
		if a.Status == StatusCurrent {
			count[a.Nation]++
			if !a.UPNOK || !a.Current(november2026) {
				t.Errorf("%s is current but may not be used", a.label())
			}
		}
	}
	if count[NationEngland] != 153 || count[NationWales] != 22 {
		t.Errorf("%d English and %d Welsh authorities, want 153 and 22", count[NationEngland], count[NationWales])
	}
	if !slices.IsSortedFunc(list, func(a, b Authority) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("not in the order of their codes")
	}
}

func TestWhatIsReturnedIsACopy(t *testing.T) {
	a, _ := LookupAuthority("909")
	a.Successors[0] = "spoiled"
	for _, l := range Authorities() {
		if l.Code == "909" {
			l.Successors[0] = "spoiled"
		}
	}
	again, _ := LookupAuthority("909")
	if !slices.Equal(again.Successors, []string{"942", "943"}) {
		t.Errorf("a caller changed the list: %v", again.Successors)
	}
	m, _ := LookupMark(RegimeEngland2006, "C", day(2020, 1, 6))
	m.ReplacedBy[0] = "spoiled"
	if n, _ := LookupMark(RegimeEngland2006, "C", day(2020, 1, 6)); n.ReplacedBy[0] != "C" {
		t.Error("a caller changed a mark")
	}
}

// Every former authority leads to an authority in force, on every day after its end.
func TestSuccessors(t *testing.T) {
	for _, a := range Authorities() {
		for _, on := range []time.Time{a.ValidTo.AddDate(0, 0, 1), november2026} {
			if a.Status != StatusFormer {
				continue
			}
			got := heirs(a, on)
			if len(got) == 0 {
				t.Errorf("%s has no successor in force on %s", a.label(), on.Format(time.DateOnly))
			}
			for _, h := range got {
				if !h.Current(on) {
					t.Errorf("%s leads to %s, not in force on %s", a.label(), h.label(), on.Format(time.DateOnly))
				}
			}
		}
	}
}

func TestResolveAuthority(t *testing.T) {
	for _, c := range []struct {
		name, code string
		on         time.Time
		want       string
		kind       AuthorityFault
		text       string
	}{
		{name: "current", code: "815", on: november2026, want: "815"},
		{name: "spaces", code: " 815\n", on: november2026, want: "815"},
		{name: "one successor", code: "836", on: november2026, want: "839"},
		{name: "last day of the old", code: "836", on: day(2019, 3, 31), want: "836"},
		{name: "first day of the new", code: "836", on: day(2019, 4, 1), want: "839"},
		{name: "divided", code: "909", on: november2026, kind: AuthorityDivided,
			text: "authority 909 (Cumbria) ended on 31 March 2023 and was divided: use one of 942 (Cumberland), 943 (Westmorland and Furness)"},
		{name: "divided through two changes", code: "912", on: november2026, kind: AuthorityDivided,
			text: "use one of 838 (Dorset), 839 (Bournemouth, Christchurch and Poole)"},
		{name: "not divided before", code: "909", on: day(2022, 9, 1), want: "909"},
		{name: "not yet", code: "942", on: day(2022, 9, 1), kind: AuthorityFuture, text: "begins on 1 April 2023"},
		{name: "Scottish council", code: "612", on: november2026, want: "612"},
		{name: "Jersey", code: "707", on: november2026, want: "707"},
		{name: "Northern Ireland", code: "002", on: november2026, want: "002"},
		{name: "test authority", code: "001", on: november2026, kind: AuthorityPseudo, text: "code 001 is not an authority"},
		{name: "not known", code: "XXX", on: november2026, kind: AuthorityPseudo, text: "use the code of the authority"},
		{name: "unknown", code: "999", on: november2026, kind: AuthorityUnknown, text: "authority code 999 is not in the list of 2026-07"},
		{name: "nothing padded", code: "2", on: november2026, kind: AuthorityMalformed, text: "leading zeros"},
		{name: "empty", code: " ", on: november2026, kind: AuthorityMalformed, text: "is empty"},
		{name: "lower case", code: "xxx", on: november2026, kind: AuthorityMalformed, text: "not three digits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ResolveAuthority(c.code, c.on)
			if c.kind == "" {
				if err != nil || got.Code != c.want {
					t.Fatalf("got %q, %v, want %q", got.Code, err, c.want)
				}
				return
			}
			var fault *AuthorityError
			if !errors.As(err, &fault) || fault.Kind != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("got %v, want the fault %q with %q", err, c.kind, c.text)
			}
			if (len(fault.Candidates) > 1) != (c.kind == AuthorityDivided) {
				t.Errorf("%d candidates", len(fault.Candidates))
			}
			if got.Code != "" {
				t.Errorf("an authority came with the error: %s", got.Code)
			}
		})
	}
}

// A shifted column can put a name where a code should be: the text must not carry it on.
func TestMalformedAuthorityIsNotRepeated(t *testing.T) {
	for _, value := range []string{"Zyx", "ZZ Canary", "1234567", "B801200005001", "12"} {
		_, err := ResolveAuthority(value, november2026)
		if err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("the error repeats what was given: %v", err)
		}
	}
}

func TestRegimeFor(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		nation string
		day    time.Time
		want   Regime
	}{
		{NationEngland, day(2024, 8, 18), RegimeEngland2006},
		{NationEngland, day(2024, 8, 19), RegimeEngland2024},
		// Half past midnight in London is still the 18th in UTC: the session's own zone counts.
		{NationEngland, time.Date(2024, 8, 19, 0, 30, 0, 0, london), RegimeEngland2024},
		{" england ", november2026, RegimeEngland2024},
		{NationWales, day(2012, 1, 9), RegimeWales2010},
		{NationWales, november2026, RegimeWales2010},
		{NationScotland, november2026, ""},
		{"", november2026, ""},
	} {
		if got := RegimeFor(c.nation, c.day); got != c.want {
			t.Errorf("%q on %s: got %q, want %q", c.nation, c.day.Format(time.DateOnly), got, c.want)
		}
	}
}

// The table of the standard, category by category, with nothing more and nothing less.
func TestEngland2024Counting(t *testing.T) {
	want := map[string]string{
		CategoryPresent:          `/ \ L`,
		CategoryApprovedActivity: "B K P V W",
		CategoryAuthorised:       "C C1 C2 E I J1 M R S T",
		CategoryUnauthorised:     "G N O U",
		CategoryNotPossible:      "D X Q Y1 Y2 Y3 Y4 Y5 Y6 Y7",
		CategoryAdministrative:   "Z #",
	}
	seen := 0
	for category, list := range want {
		for _, code := range strings.Fields(list) {
			m, ok := LookupMark(RegimeEngland2024, code, november2026)
			attended := category == CategoryPresent || category == CategoryApprovedActivity
			possible := attended || category == CategoryAuthorised || category == CategoryUnauthorised
			if !ok || m.Category != category || m.Attended != attended || m.Possible != possible || !m.Confirmed {
				t.Errorf("%s: got %+v, %t", code, m, ok)
			}
			seen++
		}
	}
	inForce := 0
	for key := range data().marks {
		if key.regime == RegimeEngland2024 {
			inForce++
		}
	}
	if seen != inForce {
		t.Errorf("%d codes in the table, %d in the list", seen, inForce)
	}
}

func TestLookupMark(t *testing.T) {
	for _, c := range []struct {
		name     string
		regime   Regime
		code     string
		day      time.Time
		category string // empty: not a code
	}{
		{"D was an activity", RegimeEngland2006, "D", day(2011, 8, 31), CategoryApprovedActivity},
		{"D is not possible", RegimeEngland2006, "D", day(2011, 9, 1), CategoryNotPossible},
		{"last day", RegimeEngland2006, "H", day(2024, 8, 18), CategoryAuthorised},
		{"withdrawn", RegimeEngland2006, "H", day(2024, 8, 19), ""},
		{"not in the new list", RegimeEngland2024, "H", november2026, ""},
		{"before its time", RegimeEngland2024, "C1", day(2024, 8, 18), ""},
		{"Wales", RegimeWales2010, "N", november2026, CategoryUnauthorised},
		{"two characters are no Welsh code", RegimeWales2010, "Y1", november2026, ""},
		{"local sub-code", RegimeEngland2024, "X01", november2026, ""},
		{"lower case", RegimeEngland2024, "n", november2026, ""},
		{"no mark", RegimeEngland2024, "", november2026, ""},
		{"not taken", RegimeEngland2024, "-", november2026, ""},
		{"no regime", "", "N", november2026, ""},
	} {
		m, ok := LookupMark(c.regime, c.code, c.day)
		if ok != (c.category != "") || m.Category != c.category {
			t.Errorf("%s: got %q, %t, want %q", c.name, m.Category, ok, c.category)
		}
	}
	if m, _ := LookupMark(RegimeWales2010, "N", november2026); m.Confirmed {
		t.Error("the Welsh list is unconfirmed")
	}
}

// A replaced code leads to codes that exist in the regime that follows.
func TestReplacementsExist(t *testing.T) {
	for _, code := range slices.Collect(maps.Keys(data().marks)) {
		for _, m := range data().marks[code] {
			for _, next := range m.ReplacedBy {
				_, same := LookupMark(m.Regime, next, m.ValidTo.AddDate(0, 0, 1))
				_, ok := LookupMark(RegimeEngland2024, next, november2026)
				if !ok && !same {
					t.Errorf("%s %s is replaced by %s, which does not exist", m.Regime, m.Code, next)
				}
			}
		}
	}
}

func TestTaken(t *testing.T) {
	for code, want := range map[string]bool{"": false, "-": false, " - ": false, "\t": false, "/": true, "N": true, "Y1": true, "#": true, "?": true} {
		if Taken(code) != want {
			t.Errorf("%q: got %t", code, !want)
		}
	}
}

func TestLookup(t *testing.T) {
	if label, ok := Relationship("FOM"); !ok || label != "Foster Mother" {
		t.Errorf("FOM: %q, %t", label, ok)
	}
	if e, ok := Lookup("contact_relationship", "FOS"); !ok || e.Status != "historic" {
		t.Errorf("FOS: %+v, %t", e, ok)
	}
	for _, code := range []string{"", "fom", "ZZZ"} {
		if label, ok := Relationship(code); ok || label != "" {
			t.Errorf("%q is a relationship", code)
		}
	}
	if e, ok := Lookup("post_looked_after_arrangement", "C"); !ok || !e.ValidFrom.Equal(time.Date(2016, 9, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("a date given as a month: %+v, %t", e, ok)
	}
	if e, ok := Lookup("english_proficiency", "A"); !ok || !e.ValidTo.Equal(time.Date(2018, 12, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("an end given as a year: %+v, %t", e, ok)
	}
	if _, ok := Lookup("nc_year", "11"); !ok {
		t.Error("year 11 is missing")
	}
	for _, c := range []struct{ set, code, status, parent string }{
		{"sen_provision", "E", "current", ""}, {"sen_provision", "S", "historic", ""}, {"sen_type", "BESD", "historic", "SEMH"},
		{"suspension_category", "FIXD", "historic", "SUSP"}, {"suspension_reason", "OW", "current", ""},
		{"exclusion_review_result", "HWD", "current", ""}, {"result_status", "T", "current", ""},
		{"result_qualifier", "NT", "", ""}, {"assessment_stage", "KS2", "current", ""},
	} {
		if e, ok := Lookup(c.set, c.code); ok != (c.status != "") || e.Status != c.status || e.Parent != c.parent {
			t.Errorf("%s %s: %+v %v", c.set, c.code, e, ok)
		}
	}
	if _, ok := Lookup("no_such_set", "1"); ok {
		t.Error("an unknown set has a code")
	}
}
