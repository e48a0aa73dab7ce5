package wonde

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

var began = time.Date(2026, time.November, 1, 8, 0, 0, 0, time.UTC)

type client struct {
	t      *testing.T
	server *cloud.Server
	token  string
}

func start(t *testing.T) (*Double, *client) {
	t.Helper()
	d := New(demoschool.New(demoschool.Config{Seed: 7, Pupils: 60, LookedAfterShare: 0.12, UnknownMarkers: 1}), "A100", "secret", began)
	s, err := cloud.Start(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, &client{t, s, "secret"}
}

func (c *client) get(path string) (int, object) {
	c.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = c.server.URL() + root + path
	}
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
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

// rows are those of all pages.
func (c *client) rows(path string) []object {
	c.t.Helper()
	var all []object
	for path != "" {
		status, body := c.get(path)
		list, ok := body["data"].([]any)
		if status != http.StatusOK || !ok {
			c.t.Fatalf("%s: %d %v", path, status, body)
		}
		for _, row := range list {
			all = append(all, row.(object))
		}
		pages := body["meta"].(object)["pagination"].(object)
		if links, ok := pages["links"].(object); ok {
			pages = links
		}
		path, _ = pages["next"].(string)
	}
	return all
}

func TestPages(t *testing.T) {
	d, c := start(t)
	for _, links := range []bool{false, true} {
		d.LinksNext = links
		rows := c.rows("A100/students?per_page=7&include=extended_details,contacts.contact_details,contacts")
		if len(rows) != 60 {
			t.Fatalf("%d students, want 60", len(rows))
		}
		last := rows[59]
		if last["extended_details"].(object)["data"].(object)["ever_in_care"] == nil || len(last["contacts"].(object)["data"].([]any)) == 0 {
			t.Error("the last page lacks what was included")
		}
	}
}

func TestEveryResource(t *testing.T) {
	d, c := start(t)
	for name, r := range resources {
		rows := c.rows("A100/" + name + "?per_page=500&include=" + strings.Join(r.includes, ","))
		seen := map[any]bool{}
		for _, row := range rows {
			if row["id"] == nil || seen[row["id"]] {
				t.Fatalf("%s: the id %v twice, or none", name, row["id"])
			}
			seen[row["id"]] = true
		}
		if len(rows) == 0 {
			t.Errorf("%s is empty: choose another seed", name)
		}
	}
	if status, _ := c.get("A100/students?include=everything"); status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown include is answered with %d", status)
	}
	d.WithoutScope["extended_details.in_lea_care"], d.WithoutScope["contacts"] = true, true
	row := c.rows("A100/students?per_page=500&include=extended_details,contacts")[0]
	if row["extended_details"].(object)["data"].(object)["in_lea_care"] != nil || row["contacts"] != nil {
		t.Error("a property without a scope is not null")
	}
}

func TestAccess(t *testing.T) {
	d, c := start(t)
	d.OtherRegion = true
	if rows := c.rows("A100/students"); len(rows) != 0 {
		t.Error("another region has data")
	}
	d.OtherRegion, d.Access = false, Revoked
	if status, _ := c.get("A100/students"); status != http.StatusForbidden {
		t.Errorf("revoked access is answered with %d", status)
	}
	d.Access, c.token = Approved, "wrong"
	if status, _ := c.get("A100/students"); status != http.StatusUnauthorized {
		t.Errorf("a wrong token is answered with %d", status)
	}
}

func TestUpdatesAndDeletions(t *testing.T) {
	d, c := start(t)
	later := began.Add(time.Hour)
	p := d.school.LookedAfter()[0]
	var gone demoschool.Conduct
	c.server.Change(func() {
		if err := d.school.Rename(p.ID, demoschool.NewName{Surname: "Changed"}); err != nil {
			t.Error(err)
		}
		for e := range d.school.Behaviour.Of(p.ID) {
			gone = e
		}
		if err := d.school.Behaviour.Remove(gone); err != nil {
			t.Error(err)
		}
		d.Revise(later)
	})
	since := strings.ReplaceAll(began.Format(time.DateTime), " ", "%20")
	if rows := c.rows("A100/students?updated_after=" + since); len(rows) != 1 || rows[0]["id"] != wondeID(ofStudent, p.ID) {
		t.Errorf("updated: %v", rows)
	}
	if rows := c.rows("A100/deletions?type=behaviour&updated_after=" + since); len(rows) != 1 || rows[0]["id"] != wondeID(ofBehaviour, gone.ID) {
		t.Errorf("deleted: %v", rows)
	}
}
