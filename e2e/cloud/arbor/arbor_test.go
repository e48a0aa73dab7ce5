package arbor

import (
	"encoding/json"
	"net/http"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

type client struct {
	t              *testing.T
	server         *cloud.Server
	user, password string
}

func start(t *testing.T) (*Double, client) {
	t.Helper()
	school := demoschool.New(demoschool.Config{Seed: 7, Pupils: 60, LookedAfterShare: 0.12, UnknownMarkers: 1})
	if _, err := school.Exclusion.Add(demoschool.Exclusion{
		Ref: demoschool.Ref{PupilID: school.LookedAfter()[0].ID}, Category: "PERM", Reasons: []string{"PP"}, StartDate: school.Today(),
	}); err != nil {
		t.Fatal(err)
	}
	d := New(school, "app", "secret")
	s, err := cloud.Start(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, client{t, s, "app", "secret"}
}

func (c client) get(path string) (int, object) {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodGet, c.server.URL()+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.SetBasicAuth(c.user, c.password)
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	var body object
	if err := json.NewDecoder(got.Body).Decode(&body); err != nil {
		c.t.Fatal(err)
	}
	return got.StatusCode, body
}

func (c client) list(path, root string) []any {
	c.t.Helper()
	status, body := c.get(path)
	rows, ok := body[root].([]any)
	if status != http.StatusOK || !ok {
		c.t.Fatalf("%s: status %d, and no %s in %v", path, status, root, body)
	}
	return rows
}

func TestPathsAreTheSDKs(t *testing.T) {
	for name, want := range map[string][2]string{
		"InCareStatus":        {"in-care-statuses", "inCareStatuses"},
		"EmailAddress":        {"email-addresses", "emailAddresses"},
		"LocalAuthority":      {"local-authorities", "localAuthorities"},
		"UkDfe_UpnAssignment": {"uk-dfe_upn-assignments", "ukDfe_UpnAssignments"},
	} {
		k := kindOf(want[0])
		if k == nil || k.name != name || small(k.plural()) != want[1] {
			t.Errorf("%s is found under neither %s nor %s", name, want[0], want[1])
		}
	}
}

// Every resource can be listed, each object of it fetched by its link, and no
// two have the same.
func TestEveryResource(t *testing.T) {
	d, c := start(t)
	for i := range kinds {
		k := &kinds[i]
		seen := map[any]bool{}
		var last object
		for o := range k.all(d, "") {
			if seen[o["href"]] {
				t.Fatalf("%s: %v is there twice", k.name, o["href"])
			}
			seen[o["href"]] = true
			last = o
		}
		if last == nil {
			t.Errorf("%s has no object: choose another seed", k.name)
			continue
		}
		if status, body := c.get(last["href"].(string)); status != http.StatusOK || body[small(k.name)] == nil {
			t.Errorf("%s: one object is answered with %d %v", k.name, status, body)
		}
		if rows := c.list(root+k.path()+"?page-size=1", small(k.plural())); len(rows) != 1 {
			t.Errorf("%s: a page of one has %d", k.name, len(rows))
		}
	}
}

func TestPagesAndFilters(t *testing.T) {
	d, c := start(t)
	seen := map[any]bool{}
	for page := 1; ; page++ {
		rows := c.list(root+"students?page-size=7&page-number="+number(page), "students")
		for _, row := range rows {
			seen[row.(object)["href"]] = true
		}
		if len(rows) == 0 {
			break
		}
	}
	if len(seen) != len(d.ids) {
		t.Errorf("the pages hold %d students, want %d", len(seen), len(d.ids))
	}
	p := d.school.LookedAfter()[0]
	for _, row := range c.list(root+"attendance-records?filters.student.equals="+href("Student", p.ID), "attendanceRecords") {
		if row.(object)["student"].(object)["href"] != href("Student", p.ID) {
			t.Fatal("a record of another student passed the filter")
		}
	}
	if status, _ := c.get(root + "students?filters.surname.contains=x"); status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown filter is answered with %d", status)
	}
}

func TestWhatMayNotBeSeenIsEmpty(t *testing.T) {
	d, c := start(t)
	d.Forbidden["SenNeed"], d.Hidden["Student.person"] = true, true
	if status, body := c.get(root + "sen-needs"); status != http.StatusOK || len(body) != 0 {
		t.Errorf("a resource without the right: %d %v", status, body)
	}
	row := c.list(root+"students?page-size=1", "students")[0].(object)
	if person, ok := row["person"].(object); !ok || len(person) != 0 {
		t.Errorf("a property without the right: %v", row["person"])
	}
	c.password = "wrong"
	if status, _ := c.get(root + "students"); status != http.StatusUnauthorized {
		t.Errorf("a wrong password is answered with %d", status)
	}
}

func TestChangeLog(t *testing.T) {
	d, c := start(t)
	p := d.school.LookedAfter()[0]
	c.server.Change(func() {
		if err := d.school.Rename(p.ID, demoschool.NewName{Surname: "Changed"}); err != nil {
			t.Error(err)
		}
		if err := d.school.LeaveCare(p.ID, d.school.Today()); err != nil {
			t.Error(err)
		}
		d.Revise()
	})
	changes := c.list(root+"persons/changelog?from-revision=2", "changes")
	if len(changes) != 1 || changes[0].(object)["changeType"] != "update" || changes[0].(object)["changedObject"].(object)["href"] != href("Person", ofPupil+p.ID) {
		t.Errorf("changes of persons: %v", changes)
	}
	if changes := c.list(root+"in-care-status-assignments/changelog", "changes"); len(changes) == 0 {
		t.Error("leaving care is no change")
	}
	if changes := c.list(root+"persons/changelog?from-revision=3", "changes"); len(changes) != 0 {
		t.Errorf("changes after the last revision: %v", changes)
	}
}
