package demoschool

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSQLHoldsWhatTheFilesHold(t *testing.T) {
	s := New(Config{Seed: 3, Pupils: 200, LookedAfterShare: 0.1, UnknownMarkers: 3})
	want := map[string]int{"mis.School": 1, "mis.Student": 200, "mis.StudentCare": 200, "mis.StudentContact": 0, "mis.SessionMark": 0}
	for range s.contactRows() {
		want["mis.StudentContact"]++
	}
	for range s.attendanceRows() {
		want["mis.SessionMark"]++
	}
	got := map[string]int{}
	for _, table := range s.TablesSQL() {
		for row := range table.Rows {
			checkRow(t, table, row)
			got[table.Name]++
		}
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s has %d rows, want %d", name, got[name], n)
		}
	}
}

// checkRow looks for a value that its column could not hold.
func checkRow(t *testing.T, table Table, row []any) {
	t.Helper()
	if len(row) != len(table.Columns) {
		t.Fatalf("%s: a row of %d values for %d columns", table.Name, len(row), len(table.Columns))
	}
	for i, c := range table.Columns {
		fits := false
		switch row[i].(type) {
		case nil:
			fits = !c.NotNull
		case int:
			fits = c.Type == "int"
		case bool:
			fits = c.Type == "bit"
		case string:
			fits = row[i] != "" && strings.Contains(c.Type, "char(")
		case time.Time:
			fits = strings.HasPrefix(c.Type, "date")
		}
		if !fits {
			t.Fatalf("%s.%s %s: a value of type %T", table.Name, c.Name, c.Type, row[i])
		}
	}
}

func TestSQLCareMarkers(t *testing.T) {
	s := New(Config{Seed: 3, Pupils: 200, LookedAfterShare: 0.1, UnknownMarkers: 3})
	counts := map[any]int{}
	for row := range s.careSQL() {
		counts[row[1]]++
	}
	yes := len(s.LookedAfter(append(s.Authorities(), s.OtherAuthority())...))
	if counts[nil] != 3 || counts["Y"] != yes || counts["N"] != 200-3-yes {
		t.Errorf("markers: %v, want 3 NULL and %d Y of 200", counts, yes)
	}
	child := s.NotLookedAfter()[0]
	if err := s.EnterCare(child.ID, "933", s.Today()); err != nil {
		t.Fatal(err)
	}
	after := 0
	for row := range s.careSQL() {
		if row[1] == "Y" {
			after++
		}
	}
	if after != yes+1 {
		t.Errorf("%d are in care after one more came into it, want %d", after, yes+1)
	}
}

func TestLiterals(t *testing.T) {
	at := time.Date(2026, 11, 16, 13, 30, 0, 0, time.UTC)
	for want, c := range map[string]struct {
		value any
		kind  string
	}{
		"NULL":                    {nil, "int"},
		"-7":                      {-7, "int"},
		"1":                       {true, "bit"},
		"0":                       {false, "bit"},
		"N'O''Brien''; DROP --'":  {"O'Brien'; DROP --", "nvarchar(200)"},
		"N'𝒜ñ\u200d'":             {"𝒜ñ\u200d", "nvarchar(200)"},
		"'2026-11-16'":            {at, "date"},
		"'2026-11-16T13:30:00'":   {at, "datetime"},
		"N'line\nend \\ and \t '": {"line\nend \\ and \t ", "nvarchar(10)"},
	} {
		if got := string(appendLiteral(nil, c.value, Column{Name: "x", Type: c.kind})); got != want {
			t.Errorf("%v as %s: %s, want %s", c.value, c.kind, got, want)
		}
	}
}

func TestCreate(t *testing.T) {
	table := Table{Name: "mis.Two", Columns: columns("ID int!, Name nvarchar(40)"), Key: "ID"}
	const want = "CREATE TABLE mis.Two (ID int NOT NULL, Name nvarchar(40) NULL, PRIMARY KEY (ID))"
	if got := table.Create(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// SQL Server refuses more than 1,000 rows after one VALUES.
func TestInsertsInPieces(t *testing.T) {
	for rows, want := range map[int][]int{0: nil, 1: {1}, 1000: {1000}, 2500: {1000, 1000, 500}} {
		table := Table{Name: "mis.T", Columns: columns("A int!, B char(1)"), Rows: func(yield func([]any) bool) {
			for i := range rows {
				if !yield([]any{i, nil}) {
					return
				}
			}
		}}
		var got []int
		err := table.inserts(nil, func(text string) error {
			if !strings.HasPrefix(text, "INSERT INTO mis.T (A, B) VALUES\n(") || !strings.HasSuffix(text, ",NULL)") {
				t.Errorf("a statement begins or ends otherwise: %.60s", text)
			}
			got = append(got, strings.Count(text, "NULL)"))
			return nil
		})
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d rows: statements of %v rows (%v), want %v", rows, got, err, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%d rows: statements of %v rows, want %v", rows, got, want)
			}
		}
	}
}

func TestInsertsStop(t *testing.T) {
	full, runs := errors.New("the disk is full"), 0
	table := New(Config{Pupils: 100}).TablesSQL()[4]
	err := table.inserts(nil, func(string) error { runs++; return full })
	if !errors.Is(err, full) || runs != 1 {
		t.Errorf("%d statements were run, the error is %v", runs, err)
	}
}

func TestSIMSOfTwoSchools(t *testing.T) {
	north := New(Config{Seed: 1, Pupils: 150, LookedAfterShare: 0.1, UnknownMarkers: 2})
	south := New(Config{Seed: 2, Pupils: 150, LookedAfterShare: 0.1})
	gone := north.LookedAfter()[0]
	if err := north.LeaveRoll(gone.ID, north.Today().AddDate(0, 0, -1)); err != nil {
		t.Fatal(err)
	}
	tables := map[string][][]any{}
	for _, table := range TablesSIMS(SIMSSchool{north, 1, true}, SIMSSchool{south, 2, true}) {
		for row := range table.Rows {
			checkRow(t, table, row)
			tables[table.Name] = append(tables[table.Name], append([]any(nil), row...))
		}
	}
	persons := map[any]bool{}
	for _, row := range tables["sims.sims_person"] {
		persons[row[0]] = true
	}
	if len(persons) != 300 || len(tables["sims.stud_student"]) != 300 || len(tables["sims.sims_school"]) != 3 {
		t.Errorf("%d persons, %d students, %d schools; want 300, 300 and 3",
			len(persons), len(tables["sims.stud_student"]), len(tables["sims.sims_school"]))
	}
	now, left := map[any]int{}, 0
	for _, row := range tables["sims.stud_school_history"] {
		if row[4] == nil || !row[4].(time.Time).Before(north.Today()) {
			now[row[1]]++
		}
		if row[0] == 1_000_000+atoi(gone.ID) && row[1] == 1 && row[4] == gone.LeavingDate {
			left++
		}
	}
	if now[1] != 149 || now[2] != 150 || now[formerSchool] != 0 || left != 1 {
		t.Errorf("on roll now: %v; the pupil who left is there %d times", now, left)
	}
	mornings, afternoons := 0, 0
	for _, row := range tables["sims.att_mark_normalised"] {
		if row[3].(time.Time).Hour() < 12 {
			mornings++
		} else {
			afternoons++
		}
	}
	if mornings == 0 || mornings != afternoons {
		t.Errorf("%d morning and %d afternoon sessions, want as many of each", mornings, afternoons)
	}
	unknown := 0
	for _, row := range tables["local.CareList"] {
		if row[1] == nil {
			unknown++
		}
	}
	if unknown != 2 {
		t.Errorf("%d unclear markers in the list of care, want 2", unknown)
	}
}
