package xporter

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// A client asks the service as a program would.
type client struct {
	t      *testing.T
	url    string
	token  string
	status int
}

func start(t *testing.T) (*Service, *client) {
	t.Helper()
	s := New(demoschool.New(demoschool.Config{Seed: 7, Pupils: 60, Today: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)}))
	server, err := cloud.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, &client{t: t, url: server.URL()}
}

func (c *client) signIn(secret string) map[string]any {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{"relyingParty": "rollbridge.example", "thirdPartyId": "XporterOnDemand", "estab": Estab, "password": secret})
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.Post(c.url+STS, "application/json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	answer := c.read(r)
	c.token, _ = answer["token"].(string)
	return answer
}

func (c *client) get(path string) map[string]any {
	c.t.Helper()
	ask, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+API+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Idaas "+c.token)
	r, err := http.DefaultClient.Do(ask)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.read(r)
}

func (c *client) read(r *http.Response) map[string]any {
	c.t.Helper()
	defer r.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		c.t.Fatal(err)
	}
	c.status = r.StatusCode
	return answer
}

// rows is an array of an answer.
func rows(answer map[string]any, name string) []map[string]any {
	list, _ := answer[name].([]any)
	var all []map[string]any
	for _, r := range list {
		all = append(all, r.(map[string]any))
	}
	return all
}

const school = "School/" + Estab + "/"

func TestSignIn(t *testing.T) {
	s, c := start(t)
	if answer := c.signIn("wrong"); answer["token"] != nil || answer["ExceptionMessage"] == nil || c.status != 200 {
		t.Errorf("a wrong secret: %d %v", c.status, answer)
	}
	if c.get(school + "Students"); c.status != 401 {
		t.Errorf("without a token: %d", c.status)
	}
	c.signIn(s.Secret)
	if answer := c.get(school + "Students/"); c.status != 200 || len(rows(answer, "Students")) != 60 {
		t.Errorf("with a token: %d", c.status)
	}
	s.Expire()
	if c.get(school + "Students"); c.status != 401 {
		t.Errorf("with an old token: %d", c.status)
	}
}

func TestPagesAndErrors(t *testing.T) {
	s, c := start(t)
	c.signIn(s.Secret)
	var got []string
	for page, next := 1, "page=1&pageSize=25"; next != ""; page++ {
		answer := c.get(school + "students?" + strings.TrimPrefix(next, "?"))
		for _, r := range rows(answer, "Students") {
			got = append(got, r["Id"].(string))
		}
		paging := rows(answer, "__pagination__")[0]
		if paging["PageNumber"] != float64(page) || paging["PageCount"] != 3.0 || paging["RowCount"] != 60.0 {
			t.Errorf("page %d: %v", page, paging)
		}
		next, _ = paging["NextPage"].(string)
	}
	if slices.Sort(got); len(slices.Compact(got)) != 60 {
		t.Errorf("%d students on all pages", len(got))
	}
	for _, path := range []string{school + "Nothing", school + "AttendanceForDateRange", school + "assessmentresults", "School/9999999/Students", school + "Students?changedRows=unknown"} {
		if answer := c.get(path); c.status != 200 || answer["ExceptionMessage"] == nil || answer["Students"] != nil {
			t.Errorf("%s: %d %v", path, c.status, answer)
		}
	}
	s.Scopes = slices.DeleteFunc(s.Scopes, func(name string) bool { return name == "StudentFamily" || name == "Attendance" })
	if _, there := rows(c.get(school+"Students"), "Students")[0]["InLeaCare"]; there {
		t.Error("the marker is there without its scope")
	}
	if answer := c.get(school + "AttendanceForDateRange?DateFrom=2026-09-01&DateTo=2026-11-16"); answer["ExceptionType"] == nil {
		t.Error("marks are there without their scope")
	}
	if list := rows(c.get("Queries"), "Endpoints"); slices.ContainsFunc(list, func(r map[string]any) bool { return r["Id"] == "school.attendancefordaterange" }) {
		t.Error("Queries has a list that may not be asked")
	}
}

func TestChanges(t *testing.T) {
	s, c := start(t)
	c.signIn(s.Secret)
	ask := func(token string) (changed, deleted []string, next string) {
		t.Helper()
		for page := "1"; page != ""; {
			answer := c.get(school + "StudentContacts?pageSize=40&page=" + page + "&changedRows=" + token)
			for _, r := range rows(answer, "StudentContacts") {
				changed = append(changed, r["Id"].(string))
			}
			list, _ := answer["StudentContacts_deleted"].([]any)
			deleted = nil
			for _, id := range list {
				deleted = append(deleted, id.(string))
			}
			next = rows(answer, "__changedRows__")[0]["NextChangedRows"].(string)
			after, _ := rows(answer, "__pagination__")[0]["NextPage"].(string)
			_, page, _ = strings.Cut(strings.Split(after, "&")[0], "=")
		}
		return changed, deleted, next
	}
	all, deleted, token := ask("%2A")
	if len(all) < 60 || len(deleted) != 0 {
		t.Fatalf("the first: %d rows, %d deleted", len(all), len(deleted))
	}
	if changed, deleted, same := ask(token); len(changed)+len(deleted) != 0 || same != token {
		t.Errorf("nothing changed: %v %v, token %s then %s", changed, deleted, token, same)
	}
	p := s.School.LookedAfter()[0]
	for contact := range s.School.Contacts(p.ID) {
		if err := s.School.RemoveContact(p.ID, contact.ID); err != nil {
			t.Fatal(err)
		}
		break
	}
	if _, err := s.School.AddContact(p.ID, demoschool.Contact{Forename: "New", Surname: "Example", Relationship: "CAR"}); err != nil {
		t.Fatal(err)
	}
	s.BareChanges = true
	if changed, deleted, _ := ask(token); len(changed) != 1 || len(deleted) != 1 || !strings.HasPrefix(deleted[0], "PL-"+p.ID+".") {
		t.Errorf("one removed, one added: %v %v", changed, deleted)
	}
	// A change set that is not read to its end gives no token.
	answer := c.get(school + "StudentContacts?pageSize=40&changedRows=%2A")
	next := rows(answer, "__changedRows__")[0]["NextChangedRows"].(string)
	s.Forget()
	c.get(school + "StudentContacts?pageSize=40&changedRows=%2A")
	if answer := c.get(school + "StudentContacts?changedRows=" + next); answer["ExceptionMessage"] == nil {
		t.Error("the token of a change set of which one page was read is taken")
	}
}
