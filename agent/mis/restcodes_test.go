package mis

import (
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

const codesYAML = `lookups:
  years: {codes: true, get: years, rows: "", paging: {kind: none}, key: .id, value: .name}
datasets:
  assessment_result:
    evidence: documented
    get: "results/{pupil}"
    query: {year: "{key}"}
    from: years
    rows: ""
    paging: {kind: none}
    columns: {pupil: $pupil, Subject: .subject, Result: .result, ResultSet: $key}
  staff:
    evidence: documented
    get: "staff/{key}"
    from: years
    rows: ""
    paging: {kind: none}
    columns: {Surname: .surname, Role: .role}
`

func codesProfile() string {
	return strings.Replace(restYAML, "datasets:\n", codesYAML, 1)
}

// One request is made for each pupil admitted and each code, and for staff for
// each code.
func TestRESTAsksByCodes(t *testing.T) {
	c := newCloud()
	c.answers["years"] = `[{"id":2025,"name":"last"},{"id":2026,"name":"this"}]`
	c.answers["results/11"] = `[{"subject":"Art","result":"5"}]`
	c.answers["staff/2025"], c.answers["staff/2026"] = `[]`, `[{"surname":"Named","role":"Designated teacher"}]`
	source, err := Open(restProfile(t, codesProfile()), c.start(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readDatasets(t, source, []record.Dataset{record.DatasetAssessmentResult, record.DatasetStaff}, everybody)
	if err != nil {
		t.Fatal(err)
	}
	var sets []string
	for _, r := range got.records {
		if r, ok := r.(*record.AssessmentResult); ok {
			sets = append(sets, r.ResultSet)
		}
	}
	wantDiff(t, []string{"2025", "2026"}, sets)
	asked := slices.DeleteFunc(c.paths(), func(p string) bool { return !strings.HasPrefix(p, "results") && !strings.HasPrefix(p, "staff") })
	wantDiff(t, []string{"results/11?year=2025", "results/11?year=2026", "staff/2025?", "staff/2026?"}, asked)
}

func TestRESTCodesThatCannotBeAsked(t *testing.T) {
	for name, c := range map[string]struct{ old, text, says string }{
		"batches": {`get: "results/{pupil}"`, "get: results\n    batch: {size: 2, item: \"{pupil}\", between: \",\"}", "for both only with {pupil}"},
		"rows": {
			"years: {codes: true, get: years", `years: {owner: .id, get: years`, "for both only with {pupil} and a lookup with codes: true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(codesProfile(), c.old, c.text, 1)
			if name == "batches" {
				text = strings.Replace(text, `year: "{key}"`, `year: "{key}", ids: "{pupils}"`, 1)
			}
			_, err := parseProfile("test.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v\nwant in it: %s", err, c.says)
			}
		})
	}
}
