package mis

import (
	"fmt"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// things reads rows of one dataset, of the pupils p1 and p2 in care and p3 who is
// not; the first line has the fields' names.
func things(t *testing.T, d record.Dataset, text string, change func(*Profile)) (result, error) {
	t.Helper()
	p := wholeProfile(d, nil)
	heads, _, _ := strings.Cut(text, "\n")
	columns := map[string]string{}
	for _, name := range strings.Split(heads, ",") {
		columns[name] = name
	}
	p.Datasets[d].Columns = columns
	if change != nil {
		change(p)
	}
	s, err := Open(p, site(school{
		"pupil.csv":        "pupil,InCare,CareAuthority\np1,Yes,933\np2,Yes,815\np3,No,\n",
		string(d) + ".csv": text,
	}.write(t)))
	if err != nil {
		return result{}, err
	}
	return readDatasets(t, s, []record.Dataset{d}, everybody)
}

func TestThingsWithoutAnID(t *testing.T) {
	identity := func(fields ...string) func(*Profile) {
		return func(p *Profile) { p.Datasets[record.DatasetBehaviour].Identity = fields }
	}
	for name, c := range map[string]struct {
		d       record.Dataset
		text    string
		change  func(*Profile)
		records int
		warned  map[string]int
		refused string
	}{
		"the same again": {d: "behaviour", text: "pupil,Date,Type,Points\np1,01/09/2026,Zqjx,1\np1,01/09/2026,Zqjx,1\np2,01/09/2026,Zqjx,1\n",
			records: 2, warned: map[string]int{"behaviour.behaviour.repeated": 1}},
		"not the same": {d: "behaviour", text: "pupil,Date,Type,Points\np1,01/09/2026,Zqjx,1\np2,01/09/2026,Zqjx,2\np1,01/09/2026,Zqjx,2\n",
			records: 3, warned: map[string]int{"behaviour.behaviour.alike": 2}},
		"not the same, told apart": {d: "behaviour", text: "pupil,Date,Type,Points\np1,01/09/2026,Zqjx,1\np1,01/09/2026,Zqjx,2\n",
			change: identity("Date", "Points"), records: 2},
		"an id that comes twice":     {d: "detention", text: "pupil,detention,Type\np1,7,Zqjx\np1,7,Zqjxman\n", refused: "one detention of one pupil twice"},
		"an id of two pupils":        {d: "detention", text: "pupil,detention,Type\np1,7,Zqjx\np2,7,Zqjxman\n", records: 2},
		"an empty id":                {d: "detention", text: "pupil,detention,Type\np1,7,Zqjx\np1,,Zqjx\n", refused: `detention.csv line 3, column "detention": the identifier of the detention is empty`},
		"an empty pupil":             {d: "kpi", text: "pupil,kpi,Name\np1,7,Zqjx\n,8,Zqjx\n", refused: `kpi.csv line 3, column "pupil": the identifier of the pupil is empty`},
		"a pupil not there":          {d: "kpi", text: "pupil,kpi,Name\np9,7,Zqjx\np3,8,Zqjx\n", warned: map[string]int{"kpi.pupil.no_pupil": 1}},
		"two undated plans":          {d: "pep", text: "pupil,StartDate,Status\np1,,Zqjx\np1,,Zqjxman\n", records: 2, warned: map[string]int{"pep.pep.alike": 2}},
		"one undated plan":           {d: "pep", text: "pupil,StartDate,Status\np1,,Zqjx\np1,01/09/2026,Zqjx\n", records: 2},
		"a school with no name":      {d: "school_history", text: "pupil,SchoolName,EntryDate\np1,,01/09/2026\n", refused: `column "SchoolName": a school without a name cannot be told from others`},
		"one page of a pupil":        {d: "welfare", text: "pupil,YoungCarer\np1,P\np2,N\np1,P\n", records: 2, warned: map[string]int{"welfare.pupil.repeated": 1}},
		"two pages of a pupil":       {d: "welfare", text: "pupil,YoungCarer\np1,P\np1,N\np2,N\n", records: 1, warned: map[string]int{"welfare..conflict": 2}},
		"staff":                      {d: "staff", text: "Role,Surname\nZqjx,Zqjxman\nZqjx,Zqjxley\n", records: 2},
		"staff with no name":         {d: "staff", text: "Role,Surname\nZqjx,\n", refused: `column "Surname": a member of staff without a name`},
		"staff twice":                {d: "staff", text: "staff,Surname\n1,Zqjx\n1,Zqjxman\n", refused: "one member of staff twice, and not the same"},
		"the whole staff":            {d: "staff", text: "staff,Surname\n" + strings.Repeat("1,Zqjx\n", 51), refused: "staff.csv has more than 50 rows: give the designated teacher"},
		"a pupil's column for staff": {d: "staff", text: "pupil,staff,Surname\np1,1,Zqjx\n", refused: "a field that staff records do not have"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := things(t, c.d, c.text, c.change)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("error %v, want in it %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(got.records) != c.records {
				t.Errorf("%d records, want %d", len(got.records), c.records)
			}
			wanted := c.warned
			if wanted == nil {
				wanted = map[string]int{}
			}
			wantDiff(t, wanted, warnings(got.Report))
		})
	}
}

// An identity is made of what a value means, not of how a file writes it.
func TestIdentityIsNotTheFormOfAFile(t *testing.T) {
	const text = "pupil,Category,StartDate\np1,%s,%s\n"
	keys := map[string]bool{}
	for dates, row := range map[string][2]string{"dd/mm/yyyy": {"susp", "02/09/2026"}, "yyyy-mm-dd": {"SUSP", "2026-09-02"}, "mm/dd/yyyy": {"Suspended", "09/02/2026 08:30"}} {
		got, err := things(t, record.DatasetExclusion, fmt.Sprintf(text, row[0], row[1]), func(p *Profile) {
			p.Dates = dates
			p.Datasets[record.DatasetExclusion].Values = map[string]map[string]string{"Category": {"Suspended": "SUSP"}}
		})
		if err != nil {
			t.Fatal(err)
		}
		for key := range got.Lines {
			keys[key] = true
		}
	}
	if len(keys) != 1 {
		t.Errorf("one suspension has %d keys", len(keys))
	}
}

func TestStaffAreNobodysAndOfNoAuthority(t *testing.T) {
	s, err := Open(wholeProfile(record.DatasetStaff, nil), site(school{
		"pupil.csv": "pupil,InCare,CareAuthority\np1,No,\n",
		"staff.csv": strings.Join(ownNames(record.DatasetStaff), ",") + "\n9,Zqjx,,Ann,Zqjxman,,,,\n",
	}.write(t)))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	report, err := s.Read(t.Context(), Ask{Datasets: []record.Dataset{record.DatasetStaff}, Today: today, IDKey: idKey}, everybody, func(row Row) error {
		rows++
		id := record.NewSubID(idKey, record.DatasetStaff, "9")
		if row.Authority != "" || row.Was != "" || row.Record.Pupil() != "" || string(row.Record.Key()) != id {
			t.Errorf("%+v", row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Staff are there whether or not anybody is looked after.
	if d := report.Datasets[0]; rows != 1 || d.Rows != 1 || d.Matched != 1 || d.Excluded != 0 || !d.Complete {
		t.Errorf("%d rows, %+v", rows, d)
	}
}

// An MIS writes a row for each need; together they are one entry.
func TestRowsThatAddNeeds(t *testing.T) {
	const heads = "pupil,sen,SENprovision,StartDate,SENtypeRank,SENtype\n"
	rows := []string{"p1,1,E,01/09/2025,1,SEMH\n", "p1,1,E,01/09/2025,2,MLD\n", "p1,1,E,01/09/2025,3,ASD\n", "p2,1,K,01/09/2025,,\n"}
	var want map[string]string
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}} {
		text := heads
		for _, i := range order {
			text += rows[i]
		}
		got, err := things(t, record.DatasetSEN, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got.Lines
			all := fmt.Sprint(want)
			if len(want) != 2 || !strings.Contains(all, `[{"SENtypeRank":1,"SENtype":"SEMH"},{"SENtypeRank":2,"SENtype":"MLD"},{"SENtypeRank":3,"SENtype":"ASD"}]`) {
				t.Errorf("got %s", all)
			}
		}
		wantDiff(t, want, got.Lines)
		wantDiff(t, map[string]int{}, warnings(got.Report))
		if d := got.Report.Datasets[0]; d.Rows != 4 || d.Matched != 4 {
			t.Errorf("%+v", d)
		}
	}

	got, err := things(t, record.DatasetSEN, heads+rows[0]+rows[0]+rows[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, map[string]int{"sen.sen.repeated": 1}, warnings(got.Report))
	_, err = things(t, record.DatasetSEN, heads+rows[0]+"p1,1,E,02/09/2025,2,MLD\n", nil)
	if err == nil || !strings.Contains(err.Error(), "sen.csv line 3 and line 2: one period of special needs of one pupil twice, and not the same") {
		t.Errorf("error %v", err)
	}
	_, err = things(t, record.DatasetSEN, "pupil,sen,SENneeds\np1,1,1:MLD\np1,1,1:ASD\n", nil)
	if err == nil || !strings.Contains(err.Error(), "twice, and not the same") {
		t.Errorf("rows that have all needs in one cell: %v", err)
	}
}

// What is asked for and not offered, or left out, is read as not there: not an
// error, and nothing of it is gone.
func TestDatasetsThatAreNotOffered(t *testing.T) {
	no := site(small().write(t))
	no.Datasets = map[record.Dataset]SiteDataset{record.DatasetContact: {Drop: true}}
	s, err := Open(testProfile(t), no)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readDatasets(t, s, record.Datasets(), everybody)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range got.Report.Datasets {
		offered := d.Dataset == record.DatasetPupil || d.Dataset == record.DatasetAttendance
		if d.Complete != offered || d.AsAt.IsZero() == offered || (d.Rows > 0) != offered {
			t.Errorf("%+v", d)
		}
	}
	wantDiff(t, map[string]int{}, warnings(got.Report))
}

// Nothing at all is a failure only of what every school has.
func TestFilesWithoutRows(t *testing.T) {
	for _, d := range record.Datasets() {
		if d == record.DatasetPupil || d == record.DatasetAttendance {
			continue
		}
		about := descriptions[d]
		got, err := things(t, d, strings.Join(ownNames(d), ",")+"\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		wanted := map[string]int{}
		if about.usual {
			wanted[string(d)+"..no_rows"] = 1
		}
		wantDiff(t, wanted, warnings(got.Report))
		if got.Report.Datasets[0].Complete == about.usual {
			t.Errorf("%s without a row is complete: %v", d, !about.usual)
		}
	}
}

func TestBadIdentitiesAreRefused(t *testing.T) {
	const heads = "pupil,Date,Type\n"
	of := func(d record.Dataset, fields ...string) func(*Profile) {
		return func(p *Profile) { p.Datasets[d].Identity = fields }
	}
	for name, c := range map[string]struct {
		d      record.Dataset
		text   string
		change func(*Profile)
		want   string
	}{
		"misspelt":         {"behaviour", heads, of("behaviour", "Date", "Tipe"), `entry 2 cannot be part of an identity (did you mean "Type"?)`},
		"a list":           {"contact", "pupil,Surname\n", of("contact", "Phones.home"), "entry 1 cannot be part of an identity"},
		"twice":            {"behaviour", heads, of("behaviour", "Date", "Date"), "entry 2 is there twice"},
		"not read":         {"behaviour", heads, of("behaviour", "Date", "Category"), "Category is part of the identity and is not read"},
		"of pupils":        {"welfare", "pupil,YoungCarer\n", of("pupil", "Surname"), "pupil records have no id of their own"},
		"of pages":         {"welfare", "pupil,YoungCarer\n", of("welfare", "YoungCarer"), "welfare records have no id of their own"},
		"nothing apart":    {"behaviour", "pupil,Points\n", nil, "nothing tells one entry from another: give the column of behaviour, its id in the MIS, or of some of Date, Type, Category"},
		"nothing of staff": {"staff", "Phone\n", nil, "nothing tells one member of staff from another"},
	} {
		if _, err := things(t, c.d, c.text, c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want in it %q", name, err, c.want)
		}
	}
}
