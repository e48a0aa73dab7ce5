package mis

import (
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// What the MIS marks as not to be disclosed is nowhere in what is read; only a
// clear no lets it go.
func TestMarkedAddressesStayInTheSchool(t *testing.T) {
	const text = "pupil,Surname,Withhold,Addresses.lines,Addresses.PostCode,Phones.home\n" +
		"p1,A,no,1 Open Road,AA1 1AA,01632960001\n" +
		"p1,B,Yes,1 Hidden Road,HH1 1HH,01632960002\n" +
		"p1,C,,2 Hidden Road,HH2 2HH,01632960003\n" +
		"p2,D,court order,3 Hidden Road,HH3 3HH,01632960004\n" +
		"p2,E,Yes,,,01632960005\n"
	for name, c := range map[string]struct {
		change   func(*DatasetProfile)
		there    string // of the hidden
		withheld int
	}{
		"as it is":            {func(*DatasetProfile) {}, "", 3},
		"empty means no":      {func(p *DatasetProfile) { p.NullMeans = map[string]string{withholdName: "no"} }, "2 Hidden", 2},
		"the MIS's own word":  {func(p *DatasetProfile) { p.Values = map[string]map[string]string{withholdName: {"court order": "no"}} }, "3 Hidden", 2},
		"more than addresses": {func(p *DatasetProfile) { p.Withhold = []string{"Addresses", "Phones"} }, "", 4},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := things(t, record.DatasetContact, text, func(p *Profile) { c.change(p.Datasets[record.DatasetContact]) })
			if err != nil {
				t.Fatal(err)
			}
			all := ""
			for _, line := range got.Lines {
				all += line
			}
			if !strings.Contains(all, "1 Open Road") || len(got.records) != 5 {
				t.Fatalf("%d contacts, or the open address is gone", len(got.records))
			}
			for _, hidden := range []string{"1 Hidden", "2 Hidden", "3 Hidden"} {
				if there := strings.Contains(all, hidden); there != (hidden == c.there) {
					t.Errorf("%q is there: %v", hidden, there)
				}
			}
			if phones := strings.Count(all, "0163296000"); phones != map[bool]int{true: 1, false: 5}[name == "more than addresses"] {
				t.Errorf("%d telephone numbers", phones)
			}
			for _, d := range got.Report.Datasets {
				if d.Dataset == record.DatasetContact && d.Withheld != c.withheld {
					t.Errorf("%d withheld are counted, want %d", d.Withheld, c.withheld)
				}
			}
			unclear := protocol.Warning{Dataset: record.DatasetContact, Field: withholdName, Code: WarnUnclear, Count: 1}
			if found := warned(got.Report, unclear); found != (name != "the MIS's own word") {
				t.Errorf("an unclear marker is warned about: %v", found)
			}
		})
	}
}

// ownNames are the fields of a dataset without the marker of what is withheld,
// which no shipped profile has.
func ownNames(d record.Dataset) []string {
	return slices.DeleteFunc(slices.Clone(descriptions[d].names), func(name string) bool { return name == withholdName })
}

func warned(r Report, want protocol.Warning) bool {
	for _, w := range r.Warnings {
		if w == want {
			return true
		}
	}
	return false
}

func TestBadRulesOfWithholding(t *testing.T) {
	for _, fields := range [][]string{{"Address"}, {"Surname"}, {"pupil"}, {"Withhold"}} {
		_, err := things(t, record.DatasetContact, "pupil,Surname,Withhold\np1,A,no\n", func(p *Profile) { p.Datasets[record.DatasetContact].Withhold = fields })
		if err == nil || !strings.Contains(err.Error(), "cannot be withheld") {
			t.Errorf("%v: %v", fields, err)
		}
	}
	got, err := things(t, record.DatasetWelfare, "pupil,Withhold,MedicalFlag,YoungCarer\np1,yes,yes,N\n", func(*Profile) {})
	if err != nil || len(got.records) != 1 || got.records[0].(*record.Welfare).MedicalFlag != nil || got.records[0].(*record.Welfare).YoungCarer != "" {
		t.Errorf("where nothing is sensitive a marker keeps back all: %v, %v", got.Lines, err)
	}
	// A yes-or-no field that is withheld is neither, whatever an empty one means.
	got, err = things(t, record.DatasetWelfare, "pupil,Withhold,MedicalFlag\np1,yes,yes\n", func(p *Profile) {
		p.Datasets[record.DatasetWelfare].Withhold = []string{"MedicalFlag"}
		p.Datasets[record.DatasetWelfare].NullMeans = map[string]string{"MedicalFlag": "no"}
	})
	if err != nil || len(got.records) != 1 || got.records[0].(*record.Welfare).MedicalFlag != nil {
		t.Errorf("%v, %v", got.Lines, err)
	}
}
