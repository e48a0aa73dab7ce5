// Package progresso stands in for Advanced Progresso's REST interface, version 2,
// as far as the vendor's own description of it goes: the sign-in, the resources
// that the profile asks for, their misspelt members, the three forms of dates, 204
// where there is nothing, an object where there is one row.
//
// It is no Progresso. Of three resources (detentions, examinations, indicators)
// the vendor names no member that is known to us: here they have names that this
// school uses, and [Columns] is what the school tells the agent of them.
//
// Start reading at Double and resources.
package progresso

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// A Double answers for one school, below /v2.
type Double struct {
	School         *demoschool.School
	User, Password string
	// Secret is a text in everything that must stay in the school: confidential
	// comments, notes on marks, staff without a role.
	Secret string
	// Without takes members out of LearnerOtherDetails, as for a user without the
	// right to them.
	Without []string
	cloud.Tokens
}

type asked struct {
	*Double
	r *http.Request
}

// resources are what may be asked for; nil rows are a bad request.
var resources = map[string]func(asked) []cloud.Row{
	"Learners":                   asked.learners,
	"LearnerOtherDetails":        asked.otherDetails,
	"LearnerContacts":            asked.contacts,
	"learnerSENProvisions":       asked.provisions,
	"learnerSENMajorNeeds":       asked.majorNeeds,
	"LearnerExclusions":          asked.exclusions,
	"LearnerRollCallAttendance":  asked.rollCall,
	"BMEvents":                   asked.behaviour,
	"academicYear":               asked.years,
	"LearnerAssessmentResult":    asked.assessments,
	"Employees":                  asked.employees,
	"LearnerDetentionAttendance": asked.detentions,
	"LearnerExamOptionResult":    asked.exams,
	"LearnerIndicator":           asked.indicators,
}

// ServeHTTP answers one request.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case path == "Token":
		d.token(w, r)
		return
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || !d.Good(token) {
		refuse(w, http.StatusUnauthorized, "Authorization has been denied for this request.")
		return
	}
	of := resources[path]
	if of == nil || r.Method != http.MethodGet {
		refuse(w, http.StatusNotFound, "No HTTP resource was found.")
		return
	}
	rows := of(asked{d, r})
	switch {
	case rows == nil:
		refuse(w, http.StatusBadRequest, "A mandatory parameter is missing.")
	case len(rows) == 0:
		w.WriteHeader(http.StatusNoContent)
	case len(rows) == 1:
		cloud.JSON(w, http.StatusOK, rows[0])
	default:
		cloud.JSON(w, http.StatusOK, rows)
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	cloud.JSON(w, status, cloud.Row{"Message": message})
}

func (d *Double) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.PostForm.Get("grant_type") != "password" ||
		r.PostForm.Get("username") != d.User || r.PostForm.Get("password") != d.Password {
		cloud.JSON(w, http.StatusBadRequest, cloud.Row{"error": "invalid_grant", "error_description": "The user name or password is incorrect."})
		return
	}
	cloud.JSON(w, http.StatusOK, cloud.Row{"access_token": d.Issue(), "token_type": "bearer", "expires_in": 86399})
}

// pupils are those asked for by LearnerId, or all who are active.
func (a asked) pupils() []*demoschool.Pupil {
	query := a.r.URL.Query()
	if status := first(query.Get("Status"), query.Get("status")); status == "Left" || status == "Draft" {
		return nil
	}
	id := query.Get("LearnerId")
	var found []*demoschool.Pupil
	for p := range a.School.Pupils() {
		if id == "" || p.ID == id {
			found = append(found, p)
		}
	}
	return found
}

func first(texts ...string) string {
	i := slices.IndexFunc(texts, func(t string) bool { return t != "" })
	if i < 0 {
		return ""
	}
	return texts[i]
}

// each is a row for each pupil; a nil one is left out. Never nil.
func (a asked) each(row func(p *demoschool.Pupil) cloud.Row) []cloud.Row {
	rows := []cloud.Row{}
	for _, p := range a.pupils() {
		if made := row(p); made != nil {
			rows = append(rows, made)
		}
	}
	return rows
}

// The forms in which Progresso writes dates.
const (
	withTime = "02-01-2006 15:04:05"
	hyphens  = "02-01-2006"
	slashes  = "02/01/2006"
	iso      = "2006-01-02"
)

// day is a date in a form, and an empty text for none.
func day(date time.Time, form string) any {
	if date.IsZero() {
		return ""
	}
	return date.Format(form)
}

func open(a demoschool.Answer) any {
	if yes := a.Bool(); yes != nil {
		return *yes
	}
	return nil
}

// phones are numbers by type, each of them if there is one.
func phones(home, mobile, work string) []cloud.Row {
	rows := []cloud.Row{}
	for _, p := range [][2]string{{"H", home}, {"M", mobile}, {"W", work}} {
		if p[1] != "" {
			rows = append(rows, cloud.Row{"Type": p[0], "Number": p[1], "SMSFlag": p[0] == "M", "PhoneId": len(rows) + 1})
		}
	}
	return rows
}

func addresses(address, postcode string) []cloud.Row {
	lines := cloud.Lines(address)
	if len(lines) == 0 && postcode == "" {
		return []cloud.Row{}
	}
	lines = append(lines, "", "", "", "")
	number, street, parted := strings.Cut(lines[0], " ")
	if !parted || strings.Trim(number, "0123456789") != "" {
		number, street = "", lines[0]
	}
	return []cloud.Row{{
		"Country": "GBR", "Type": "H", "Flat": "", "Number": number, "Street": street, "Locality": lines[1],
		"Town": lines[2], "County": lines[3], "PostCode": postcode, "AddressId": 1,
	}}
}
