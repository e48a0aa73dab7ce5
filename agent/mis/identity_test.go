package mis

import (
	"errors"
	"strings"
	"testing"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// The marker in every form that MISs use (1/0, T/F, Y/N/U, Yes/No, true/false),
// padded and in any case; whatever else stands there is never "no".
func TestMarkerForms(t *testing.T) {
	forms := map[Marker][]string{
		MarkerInCare:    {"1", "T", "t", "Y", "y", "Yes", "YES", "yes", "True", "TRUE", "true"},
		MarkerNotInCare: {"0", "F", "f", "N", "n", "No", "NO", "no", "False", "FALSE", "false"},
		MarkerUnknown:   {"U", "u", "Unknown", "?", "-", "2", "-1", "01", "10", "1.0", "0.0", "on", "off", "ja", "nein", "Yes.", "y n", "Y/N", "NULL", "x", "\u0430"},
	}
	for want, texts := range forms {
		for _, text := range texts {
			for _, padded := range []string{text, " " + text + "  ", "\t" + text + "\n", "\u00a0" + text} {
				for _, means := range []string{nullUnknown, nullNotInCare} {
					if got := readMarker(padded, means); got != want {
						t.Errorf("%q (a blank means %s): %v, want %v", padded, means, got, want)
					}
				}
			}
		}
	}
	for _, blank := range []string{"", " ", "\t"} {
		if readMarker(blank, nullUnknown) != MarkerUnknown || readMarker(blank, nullNotInCare) != MarkerNotInCare {
			t.Errorf("%q does not mean what the profile says", blank)
		}
	}
}

// The caring authority goes by the code in force, however the MIS pads it;
// codes of authorities that were divided, or never were one, say nothing.
func TestCaringAuthorityInForce(t *testing.T) {
	for code, want := range map[string]string{
		"933": "933", " 933 ": "933", "837": "839", " 837": "839", // Bournemouth became part of one authority
		"909": "", "Q99": "", "0933": "", "93": "", "933/815": "",
	} {
		quoted := `"` + code + `"`
		got := mustRead(t, testProfile(t), site(small().with("pupils.csv", "Yes,933", "Yes,"+quoted).write(t)))
		line := got.Lines["pupil "+string(record.NewPupilID(idKey, "p1", annsUPN))]
		if want == "" && (line != "" || got.Report.Unknown != 1) || want != "" && !strings.Contains(line, `"CareAuthority":"`+want+`"`) {
			t.Errorf("%q: %d unclear, want %q", code, got.Report.Unknown, want)
		}
	}
}

// A pupil's id is made of the MIS's id and the permanent UPN alone: a temporary
// one, none and one that cannot be a UPN leave the id as it was, and a changed
// one makes another pupil. Was leads from a first permanent UPN to the time
// before it and from no UPN to another (delta keeps the second from the first).
func TestPupilIDs(t *testing.T) {
	const temporary = "R92640071200A"
	unlisted, err := codes.MakeUPN("999000000001")
	if !errors.Is(err, codes.ErrUnknownAuthority) {
		t.Fatal(err)
	}
	plain := record.NewPupilID(idKey, "p1")
	of := func(upn string) record.PupilID { return record.NewPupilID(idKey, "p1", upn) }
	for name, c := range map[string]struct {
		upn      string
		id, was  record.PupilID
		misspelt bool
	}{
		"permanent":          {annsUPN, of(annsUPN), plain, false},
		"small, padded":      {" b801200005001 ", of(annsUPN), plain, false},
		"changed":            {catUPN, of(catUPN), plain, false},
		"temporary":          {temporary, plain, "", false},
		"none":               {"", plain, "", false},
		"misspelt":           {"B801200005002", plain, "", true},
		"too short":          {"B80120000500", plain, "", true},
		"unlisted authority": {unlisted.Reveal(), of(unlisted.Reveal()), plain, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(testProfile(t), site(small().with("pupils.csv", annsUPN, c.upn).write(t)))
			if err != nil {
				t.Fatal(err)
			}
			var rows []Row
			_, err = s.Read(t.Context(), Ask{Datasets: asked, Today: today, IDKey: idKey}, everybody, func(r Row) error {
				if p, ok := r.Record.(*record.Pupil); ok && p.Forename == "Ann" {
					rows = append(rows, r)
				}
				return nil
			})
			if err != nil || len(rows) != 1 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			if r := rows[0]; r.Record.Pupil() != c.id || r.Was != c.was || r.Misspelt != c.misspelt {
				t.Errorf("id as expected: %v, was as expected: %v, misspelt %v", r.Record.Pupil() == c.id, r.Was == c.was, r.Misspelt)
			}
		})
	}
}

// What a route without an id of the MIS knows a pupil by without a UPN.
func TestPupilIDsWithoutAMISID(t *testing.T) {
	got := mustRead(t, ctfProfile(t), site(ctfSchool().write(t)))
	if got.Lines["pupil "+string(annID)] == "" || got.Lines["pupil "+string(benID)] == "" {
		t.Error("the UPN, or else names, date of birth and sex, do not make the id")
	}
	temporary := ctfSchool().with(ctfOne, annsUPN, "R92640071200A")
	got = mustRead(t, ctfProfile(t), site(temporary.write(t)))
	if got.Lines["pupil "+string(record.NewPupilID(idKey, "person", "Zqjxman", "Ann", "2013-04-03", "F"))] == "" {
		t.Error("a temporary UPN makes an id")
	}
}

// An adopted child's old UPN leads nowhere: the former UPN does not leave, and
// the new id has no predecessor that knew the old one.
func TestAdoptedChildIsUnlinked(t *testing.T) {
	p := testProfile(t)
	p.Datasets[record.DatasetPupil].Columns["FormerUPN"] = "Former"
	files := small().with("pupils.csv", "Authority\r\n", "Authority,Former\r\n").with("pupils.csv", "Yes,933", "Yes,933,"+annsUPN)
	files = files.with("pupils.csv", "p1,"+annsUPN, "p1,"+catUPN).with("pupils.csv", "Y,815", "Y,815,").with("pupils.csv", "No,", "No,,")
	got := mustRead(t, p, site(files.write(t)))
	id := record.NewPupilID(idKey, "p1", catUPN)
	line := got.Lines["pupil "+string(id)]
	if line == "" || strings.Contains(line, annsUPN) || strings.Contains(line, "FormerUPN") {
		t.Error("the old UPN left with the child's new record, or the record did not")
	}
	for _, r := range got.records {
		if r.Pupil() == record.NewPupilID(idKey, "p1", annsUPN) {
			t.Error("a record goes by the id that the child had")
		}
	}
	if got.was[id] != record.NewPupilID(idKey, "p1") {
		t.Error("the way back leads elsewhere than to the time without a UPN")
	}
}
