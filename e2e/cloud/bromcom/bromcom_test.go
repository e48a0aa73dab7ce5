package bromcom

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

func school() School {
	return School{School: demoschool.New(demoschool.Config{Seed: 4, Pupils: 90, LookedAfterShare: 0.2}), ID: "17", Secret: "secret", PageRows: 40}
}

func start(t *testing.T, h http.Handler) *cloud.Server {
	t.Helper()
	s, err := cloud.Start(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks with a sign-in, and decodes the answer.
func get(t *testing.T, address string, signIn func(*http.Request)) (int, cloud.Row) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	signIn(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var row cloud.Row
	if err := json.Unmarshal(body, &row); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, row
}

func TestOData(t *testing.T) {
	d := &OData{School: school(), User: "u", Password: "p"}
	d.Unticked = []string{"SENStudents"}
	s := start(t, d)
	signIn := func(r *http.Request) { r.SetBasicAuth("u", "p") }
	base := s.URL() + "/Nucleus/OData/"

	var rows []any
	pages := 0
	for next := base + "Students"; next != ""; pages++ {
		status, answer := get(t, next, signIn)
		if status != http.StatusOK {
			t.Fatalf("page %d: %d %v", pages, status, answer)
		}
		rows = append(rows, answer["value"].([]any)...)
		next, _ = answer["@odata.nextLink"].(string)
	}
	if want := len(slices.Collect(d.Pupils())); len(rows) != want || pages != 3 {
		t.Errorf("%d students on %d pages, want %d on 3", len(rows), pages, want)
	}
	terms := func(n int) string {
		var all []string
		for _, row := range rows[:n] {
			all = append(all, fmt.Sprintf("StudentId eq %v", int(row.(cloud.Row)["StudentId"].(float64))))
		}
		return url.Values{"$filter": {strings.Join(all, " or ")}}.Encode()
	}
	for _, c := range []struct {
		path   string
		signIn func(*http.Request)
		status int
		rows   int
	}{
		{"Students?" + terms(20), signIn, 200, 20},
		{"Students?" + terms(21), signIn, 400, 0},
		{"Students?" + url.Values{"$filter": {"StudentId gt 3"}}.Encode(), signIn, 400, 0},
		{"SENStudents", signIn, 403, 0},
		{"Nothing", signIn, 404, 0},
		{"Students", func(r *http.Request) { r.SetBasicAuth("u", "q") }, 401, 0},
	} {
		status, answer := get(t, base+c.path, c.signIn)
		got, _ := answer["value"].([]any)
		if status != c.status || len(got) != c.rows {
			t.Errorf("%s: %d with %d rows, want %d with %d", c.path, status, len(got), c.status, c.rows)
		}
	}
}

func TestPartner(t *testing.T) {
	d := &Partner{School: school(), ApplicationID: "a", ApplicationSecret: "s", Unsuccessful: []string{"Staff"}}
	d.Unticked = []string{"SENStudents"}
	s := start(t, d)
	signIn := func(r *http.Request) {
		r.Header.Set("ApplicationId", "a")
		r.Header.Set("ApplicationSecret", "s")
	}
	ask := func(entity, school, filter string) string {
		return s.URL() + "/v2/" + entity + "?" + url.Values{"schoolId": {school}, "entityFilter": {filter}}.Encode()
	}
	const enrolled = "enrolmentStartDate<='2026-11-16' and (enrolmentEndDate>='2026-11-16' or isnull(enrolmentEndDate,'')='')"
	pupil := d.LookedAfter()[0]
	for name, c := range map[string]struct {
		address string
		signIn  func(*http.Request)
		status  int
		rows    int
	}{
		"first page":    {ask("StudentFlatView", "17", enrolled+"{page:0}"), signIn, 200, 40},
		"last page":     {ask("StudentFlatView", "17", enrolled+"{page:2}"), signIn, 200, 10},
		"beyond":        {ask("StudentFlatView", "17", enrolled+"{page:3}"), signIn, 200, 0},
		"one pupil":     {ask("StudentFlatView", "17", enrolled+" and (studentID="+pupil.ID+"){page:0}"), signIn, 200, 1},
		"who has left":  {ask("StudentFlatView", "17", "{page:0}"), signIn, 400, 0},
		"no page":       {ask("StudentFlatView", "17", enrolled), signIn, 400, 0},
		"other school":  {ask("StudentFlatView", "18", enrolled+"{page:0}"), signIn, 403, 0},
		"not ticked":    {ask("SENStudents", "17", "{page:0}"), signIn, 403, 0},
		"unknown":       {ask("Nothing", "17", "{page:0}"), signIn, 404, 0},
		"success false": {ask("Staff", "17", "{page:0}"), signIn, 200, 0},
		"no sign-in":    {ask("StudentFlatView", "17", enrolled+"{page:0}"), func(*http.Request) {}, 401, 0},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := get(t, c.address, c.signIn)
			rows, _ := answer["data"].([]any)
			if status != c.status || len(rows) != c.rows || answer["success"] != (c.rows > 0 || name == "beyond") {
				t.Errorf("%d, success %v, %d rows; want %d and %d rows", status, answer["success"], len(rows), c.status, c.rows)
			}
		})
	}
	_, answer := get(t, ask("StudentFlatView", "17", enrolled+" and (studentID="+pupil.ID+"){page:0}"), signIn)
	row := answer["data"].([]any)[0].(cloud.Row)
	if upn := row["upn"].(string); row["inCareFlag"] != "Yes       " || strings.TrimSpace(upn) != pupil.UPN || len(upn)%10 != 0 {
		t.Errorf("texts are not padded: %q", row["inCareFlag"])
	}
}
