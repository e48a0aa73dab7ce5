// Package thistle is the web interface of a MIS that does not exist. It is the
// example of docs/tutorial-profile.md, which writes a profile for it step by step;
// what it answers is what the vendor's description in that page says.
//
// Start reading at Service.
package thistle

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// Prefix is where the interface is on its server.
const Prefix = "/api/3/"

// SchoolCode is the demo school's name at Thistle.
const SchoolCode = "oakmere"

// A Service answers for one school.
type Service struct {
	School *demoschool.School
	// Key is what the school's office made for the agent.
	Key string
	// MaxLimit is the most items of a page.
	MaxLimit int
	// Closed are the parts that the key does not open: "registers".
	Closed []string
}

// New is the service for a school that opened everything.
func New(school *demoschool.School) *Service {
	return &Service{School: school, Key: "thistle key/+=", MaxLimit: 100}
}

// parts are what may be asked for, each for the people whom a filter leaves.
var parts = map[string]func(*Service, *http.Request) []cloud.Row{
	"people":    (*Service).people,
	"registers": (*Service).registers,
	"carers":    (*Service).carers,
	"log":       (*Service).log,
	"words":     (*Service).words,
}

// ServeHTTP answers as the vendor describes it.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Thistle-Key") != s.Key {
		cloud.JSON(w, http.StatusUnauthorized, cloud.Row{"ok": false, "problem": "key"})
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, Prefix+SchoolCode+"/")
	read := parts[name]
	switch {
	case !ok || read == nil || r.Method != http.MethodGet:
		cloud.JSON(w, http.StatusNotFound, cloud.Row{"ok": false, "problem": "no such part"})
		return
	case slices.Contains(s.Closed, name):
		cloud.JSON(w, http.StatusOK, cloud.Row{"ok": false, "problem": "closed"})
		return
	case name != "people" && name != "words" && r.URL.Query().Get("of") == "":
		cloud.JSON(w, http.StatusBadRequest, cloud.Row{"ok": false, "problem": "say whose"})
		return
	}
	items := read(s, r)
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	if limit < 1 || limit > s.MaxLimit {
		limit = s.MaxLimit
	}
	from := min(max(offset, 0), len(items))
	page := items[from:min(from+limit, len(items))]
	if page == nil {
		page = []cloud.Row{}
	}
	cloud.JSON(w, http.StatusOK, cloud.Row{
		"ok": true, "total": len(items), "taken": time.Now().UTC().Format(time.RFC3339), "items": page,
	})
}

// of are the people whom a request is about.
func (s *Service) of(r *http.Request) []*demoschool.Pupil {
	var found []*demoschool.Pupil
	for ref := range strings.SplitSeq(r.URL.Query().Get("of"), "~") {
		if p := s.School.Pupil(ref); p != nil {
			found = append(found, p)
		}
	}
	return found
}

const dates = "02/01/2006"

func (s *Service) people(*http.Request) []cloud.Row {
	var items []cloud.Row
	for p := range s.School.Pupils() {
		care := cloud.Row{"state": "not looked after", "by": nil}
		switch {
		case p.InCareUnknown:
			care["state"] = "to be asked"
		case p.InCare:
			care = cloud.Row{"state": "looked after", "by": cloud.Row{"code": p.CareAuthority, "name": "A Council"}}
		}
		sex := "female"
		if p.Sex == "M" {
			sex = "male"
		}
		items = append(items, cloud.Row{
			"ref": cloud.Number(p.ID), "upn": cloud.OrNull(p.UPN), "born": p.DOB.Format(dates), "sex": sex, "care": care,
			"name":  cloud.Row{"given": p.LegalForename, "family": p.LegalSurname, "called": cloud.Row{"given": p.PreferredForename, "family": p.PreferredSurname}},
			"place": cloud.Row{"year": "Y" + p.Year, "form": p.RegGroup, "house": cloud.OrNull(p.House)},
		})
	}
	return items
}

// registers have one item for each day of a person.
func (s *Service) registers(r *http.Request) []cloud.Row {
	from, _ := time.Parse(dates, r.URL.Query().Get("from"))
	to, _ := time.Parse(dates, r.URL.Query().Get("to"))
	var items []cloud.Row
	for _, p := range s.of(r) {
		var today cloud.Row
		for m := range s.School.Marks(p.ID) {
			if m.Date.Before(from) || m.Date.After(to) {
				continue
			}
			if m.Session == demoschool.AM {
				today = cloud.Row{"who": cloud.Number(p.ID), "day": m.Date.Format(dates), "late": nil}
				items = append(items, today)
			}
			today[strings.ToLower(string(m.Session))] = m.Code
			if m.MinutesLate > 0 {
				late, _ := today["late"].(cloud.Row)
				if late == nil {
					late = cloud.Row{}
				}
				late[strings.ToLower(string(m.Session))] = m.MinutesLate
				today["late"] = late
			}
		}
	}
	return items
}

// ties are the kinds of carers, by number.
var ties = []struct{ code, word string }{
	{"PAM", "mother"}, {"PAF", "father"}, {"FOM", "foster mother"}, {"FOF", "foster father"}, {"SWR", "social worker"},
	{"CAR", "carer"}, {"STM", "stepmother"}, {"STF", "stepfather"}, {"FAM", "family"}, {"REL", "relative"}, {"OTH", "other"}, {"CHM", "childminder"},
}

func (s *Service) words(*http.Request) []cloud.Row {
	var items []cloud.Row
	for i, t := range ties {
		items = append(items, cloud.Row{"list": "tie", "no": i, "word": t.word})
	}
	return append(items, cloud.Row{"list": "colour", "no": 0, "word": "green"})
}

func (s *Service) carers(r *http.Request) []cloud.Row {
	var items []cloud.Row
	for _, p := range s.of(r) {
		for c := range s.School.Contacts(p.ID) {
			tie := slices.IndexFunc(ties, func(t struct{ code, word string }) bool { return t.code == c.Relationship })
			tel := []cloud.Row{}
			for kind, number := range map[string]string{"home": c.HomePhone, "mobile": c.MobilePhone, "work": c.WorkPhone} {
				if number != "" {
					tel = append(tel, cloud.Row{"kind": kind, "no": number})
				}
			}
			mail := []string{}
			if c.Email != "" {
				mail = []string{c.Email}
			}
			items = append(items, cloud.Row{
				"ref": c.ID, "child": cloud.Number(p.ID), "title": cloud.OrNull(c.Title), "given": c.Forename, "family": c.Surname, "tie": tie,
				"call_order": c.Priority, "responsible": c.ParentalResponsibility, "tel": tel, "mail": mail,
			})
		}
	}
	return items
}

// log has the good and the bad in one list.
func (s *Service) log(r *http.Request) []cloud.Row {
	var items []cloud.Row
	for _, p := range s.of(r) {
		for kind, book := range map[string]*demoschool.Book[demoschool.Conduct]{"good": s.School.Achievement, "bad": s.School.Behaviour} {
			for e := range book.Of(p.ID) {
				items = append(items, cloud.Row{
					"no": kind + e.ID, "of": cloud.Number(p.ID), "kind": kind, "on": e.Date.Format(dates), "what": e.Type, "area": e.Category,
					"points": e.Points, "state": e.Status, "note": e.Comments,
				})
			}
		}
	}
	slices.SortFunc(items, func(a, b cloud.Row) int { return strings.Compare(a["no"].(string), b["no"].(string)) })
	return items
}
