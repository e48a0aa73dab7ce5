package mis

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

const (
	offersFile  = "../../docs/mis.md"
	offersBegin = "<!-- What each profile brings: made of configs/mis by the test of agent/mis with -update; not to be edited. -->\n"
	offersEnd   = "<!-- End of what each profile brings. -->\n"
)

// docs/mis.md says what the profiles say. To write it anew:
// go test ./agent/mis -run TestMISPage -update
func TestMISPageSaysWhatProfilesBring(t *testing.T) {
	text, err := os.ReadFile(offersFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(text), offersBegin)
	now, after, ended := strings.Cut(rest, offersEnd)
	if !begun || !ended {
		t.Fatalf("%s has no part of what profiles bring: put back the two comments around it", offersFile)
	}
	want := whatProfilesBring(t)
	if now == want {
		return
	}
	if !*update {
		t.Fatalf("%s differs from the profiles: run this test with -update and read what changes", offersFile)
	}
	if err := os.WriteFile(offersFile, []byte(before+offersBegin+want+offersEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every profile but those of files has its page for the school.
func TestEveryProfileHasItsPage(t *testing.T) {
	for _, p := range shippedProfiles(t) {
		if page := pageOf(p); page != "" {
			if _, err := os.Stat("../../docs/" + page); err != nil {
				t.Errorf("profile %s has no page: write docs/%s", p.Name, page)
			}
		}
	}
}

func TestOffers(t *testing.T) {
	for name, want := range map[string]map[record.Dataset]Offer{
		"csv":         {record.DatasetPupil: OfferWorks, record.DatasetKPI: OfferWorks},
		"ctf":         {record.DatasetPupil: OfferWorks, record.DatasetBehaviour: OfferNone},
		"sql-views":   {record.DatasetPupil: OfferWorks, record.DatasetStaff: OfferWorks},
		"sims-report": {record.DatasetPupil: OfferSite, record.DatasetKPI: OfferSite},
		// Named by the interface, and the caring authority is not.
		"wonde": {record.DatasetPupil: OfferSite, record.DatasetAttendance: OfferWorks},
	} {
		p, err := LoadProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		for d, offer := range want {
			if got := p.Offers(d); got != offer {
				t.Errorf("%s, %s: %s, not %s", name, d, got, offer)
			}
		}
	}
}

func shippedProfiles(t *testing.T) []*Profile {
	t.Helper()
	var all []*Profile
	for _, name := range ProfileNames() {
		p, err := LoadProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// pageOf is the page for the school below docs: of the profile, or of its MIS
// where that has several. The files' own is profiles.md.
func pageOf(p *Profile) string {
	if p.Driver == driverFile {
		return ""
	}
	own := "mis/" + p.Name + ".md"
	if _, err := os.Stat("../../docs/" + own); err != nil {
		mis, _, _ := strings.Cut(p.Name, "-")
		return "mis/" + mis + ".md"
	}
	return own
}

func whatProfilesBring(t *testing.T) string {
	profiles := shippedProfiles(t)
	var b strings.Builder
	b.WriteString("\n| profile | what it reads | caring authority | care dates | changes only | as old as |\n|---|---|---|---|---|---|\n")
	for _, p := range profiles {
		name, age := "`"+p.Name+"`", "the moment"
		if page := pageOf(p); page != "" {
			name = "[" + name + "](" + page + ")"
		}
		switch {
		case p.Driver == driverFile:
			age = "the export"
		case p.API != nil && p.API.FreshnessMinutes > 0:
			age = fmt.Sprintf("%d minutes", p.API.FreshnessMinutes)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", name, strings.TrimSuffix(p.Description, "."),
			yes(p.Capabilities.CaringAuthority), yes(p.Capabilities.CareDates), yes(p.Capabilities.Changes), age)
	}
	b.WriteString("\n| dataset |")
	for _, p := range profiles {
		fmt.Fprintf(&b, " %s |", p.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(profiles)) + "\n")
	words := map[Offer]string{OfferWorks: "works", OfferSite: "site", OfferNone: "–"}
	for _, d := range record.Datasets() {
		fmt.Fprintf(&b, "| `%s` |", d)
		for _, p := range profiles {
			fmt.Fprintf(&b, " %s |", words[p.Offers(d)])
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return b.String()
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
