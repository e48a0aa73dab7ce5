package progresso

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

type client struct {
	*testing.T
	server *cloud.Server
	token  string
}

func (c client) get(path string) (status int, body string) {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.server.URL()+"/v2/"+path, nil)
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	return c.do(r)
}

func (c client) do(r *http.Request) (status int, body string) {
	c.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		c.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// rows are those of an answer, of which one alone is an object.
func (c client) rows(path string) []cloud.Row {
	c.Helper()
	status, body := c.get(path)
	if status != http.StatusOK {
		c.Fatalf("%s: %d %s", path, status, body)
	}
	if strings.HasPrefix(body, "{") {
		body = "[" + body + "]"
	}
	var rows []cloud.Row
	if err := json.Unmarshal([]byte(body), &rows); err != nil {
		c.Fatal(err)
	}
	return rows
}

func signIn(t *testing.T, d *Double) client {
	t.Helper()
	server, err := cloud.Start(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	c := client{t, server, ""}
	answer, err := http.PostForm(server.URL()+"/v2/Token", url.Values{"grant_type": {"password"}, "username": {d.User}, "password": {d.Password}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	c.token = token.Token
	return c
}

func double() *Double {
	return &Double{School: demoschool.New(demoschool.Config{Seed: 4, Pupils: 90, LookedAfterShare: 0.2}), User: "api", Password: "p&ss=w%rd", Secret: "secret"}
}

func TestSignIn(t *testing.T) {
	d := double()
	c := signIn(t, d)
	if status, _ := c.get("Learners"); status != http.StatusOK {
		t.Errorf("signed in: %d", status)
	}
	c.server.Change(d.Expire)
	if status, _ := c.get("Learners"); status != http.StatusUnauthorized {
		t.Errorf("with a token that has ended: %d", status)
	}
	answer, err := http.PostForm(c.server.URL()+"/v2/Token", url.Values{"grant_type": {"password"}, "username": {d.User}, "password": {"no"}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("another password: %d", answer.StatusCode)
	}
}

// Every resource answers with what the school has, and as the vendor says.
func TestResources(t *testing.T) {
	d := double()
	c := signIn(t, d)
	pupil := d.School.LookedAfter()[0].ID
	for path, member := range map[string]string{
		"Learners?Status=Active": "EnrolementStatus", "LearnerOtherDetails?Status=Active": "LACLA", "LearnerContacts": "LearnerContactDetails",
		"learnerSENProvisions": "provisions", "learnerSENMajorNeeds": "majorNeeds", "LearnerExclusions": "Exclusions",
		"LearnerRollCallAttendance?LearnerId=" + pupil + "&StartDate=01-09-2026T00:00:00&EndDate=16-11-2026": "AttendanceCode",
		"BMEvents?LearnerId=" + pupil: "BehaviourEntryId", "academicYear": "AcademicYearId", "Employees": "Forname",
		"LearnerAssessmentResult?AcademicYearId=2026&LearnerId=" + pupil: "AssessmentScreenList",
		"LearnerExamOptionResult?LearnerId=" + pupil:                     "Grade", "LearnerIndicator?LearnerId=" + pupil: "Indicator",
		"LearnerDetentionAttendance?LearnerId=" + pupil: "DetentionDate",
	} {
		rows := c.rows(path)
		for _, row := range rows {
			if _, there := row[member]; !there {
				t.Errorf("%s: a row without %s", path, member)
			}
		}
	}
	for path, want := range map[string]int{
		"Learners?Status=Left": 204, "LearnerRollCallAttendance": 400, "LearnerAssessmentResult?LearnerId=" + pupil: 400, "Pupils": 404,
	} {
		if status, body := c.get(path); status != want {
			t.Errorf("%s: %d, want %d: %s", path, status, want, body)
		}
	}
	if got, want := len(c.rows("Learners?Status=Active")), len(slices.Collect(d.School.Pupils())); got != want {
		t.Errorf("%d learners, want %d", got, want)
	}
}

// A comment of each event is confidential, and no marker says more than LAC.
func TestWhatMustStay(t *testing.T) {
	d := double()
	c := signIn(t, d)
	for _, event := range c.rows("BMEvents") {
		secret := 0
		for _, comment := range event["Comments"].([]any) {
			if comment := comment.(cloud.Row); comment["Comment"] == "secret" && comment["Confidential"] != false {
				secret++
			}
		}
		if secret != 2 {
			t.Fatalf("an event has %d comments that must stay, want 2", secret)
		}
	}
	mixed := 0
	for _, learner := range c.rows("Learners?Status=Active") {
		if learner["IsLookedAfterorAdoptedFromCare"] == true {
			mixed++
		}
	}
	if cared := len(d.School.LookedAfter()); mixed <= cared {
		t.Errorf("the mixed marker is set for %d, and %d are looked after: it must be more", mixed, cared)
	}
}
