// Package xporter is a double of Xporter on Demand (Groupcall): the service that
// gives signed-in programs what a school's MIS holds, over JSON. It answers from a
// demo school as the vendor's pages and a public client document the service.
//
// # What it guarantees
//
// A token comes from the STS on another path, for one school and one secret, and
// ends; requests carry it as "Authorization: Idaas". Lists have pages where a page
// size is asked for, an answer says when its data were true, names of members are
// spelt in more than one way, and most errors come with status 200. What a scope
// does not allow is left out of rows without a word, or refused where it is a whole
// list. With changedRows only what changed is answered, beside the ids that are
// gone; the token of a change set whose pages were not all read is refused.
//
// # What it never does
//
// It is no Xporter: what the sources do not say was decided here. Which array holds
// the rows is documented of some lists only, and how a refused change token looks of
// none. No list of detentions is documented at all: [Detentions] is what this
// school's has.
//
// Start reading at Service and ServeHTTP, then tables.go (what each list holds) and
// changes.go.
package xporter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// Where the parts of the service are on its server.
const (
	STS = "/idaas/sts/STS/GetToken"
	API = "/api/v1/"
)

// Estab is the demo school's DfE number.
const Estab = demoschool.SchoolAuthority + demoschool.SchoolEstab

// A Service answers for one school. Change its fields between requests only.
type Service struct {
	cloud.Tokens
	School *demoschool.School
	// RelyingParty is the program that the school authorised, Secret what it got.
	RelyingParty, Secret string
	// Scopes are those that the school granted.
	Scopes []string
	// Withdrawn are endpoints that the program may not ask, as Queries names them:
	// "school.contacts".
	Withdrawn []string
	GDPR      GDPR
	// MaxPage is the most rows of a page, whatever is asked for; 0 is as asked.
	MaxPage int
	// BareChanges: a changed row has its Id only, as in the vendor's sample.
	BareChanges bool
	// Broken is what the school's own end of the service answers to every list;
	// empty if it works.
	Broken string

	snapshots map[string]*snapshot
	aspects   numbers
	sets      numbers
}

// GDPR are the people whom the school has let in, or has taken out.
type GDPR struct {
	IsOptIn                     bool
	Students, Staff, ContactIDs []string
}

// New is the service for a school that granted everything.
func New(school *demoschool.School) *Service {
	return &Service{School: school, RelyingParty: "rollbridge.example", Secret: "b9aef7a6 secret", Scopes: slices.Clone(everyScope)}
}

var everyScope = []string{
	"Address", "AgencyAgent", "AssessmentResults", "Attendance", "Conduct", "ConductComments", "Contact", "School", "SEN", "SENTypes",
	"Staff", "StaffEmployment", "Student", "StudentDetentions", "StudentExclusions", "StudentExtended", "StudentFamily", "StudentFunding",
	"StudentMedical", "StudentSchoolHistory", "UPN",
}

// A request is what a list is asked with. Parameters and endpoints are named
// without regard to case, as that platform does.
type request struct {
	endpoint, id string
	params       url.Values // by names in small letters
}

func (r request) get(name string) string { return r.params.Get(strings.ToLower(name)) }

// A fault is an error of the service, which comes with status 200.
type fault struct{ kind, message string }

func (f *fault) Error() string { return f.message }

// ServeHTTP answers as the service does.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == STS {
		s.token(w, r)
		return
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Idaas "); !ok || !s.Good(token) {
		write(w, http.StatusUnauthorized, errorMembers(&fault{"System.UnauthorizedAccessException", "The token is missing, was not issued here, or has expired."}))
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, API)
	if !ok || r.Method != http.MethodGet {
		write(w, http.StatusNotFound, errorMembers(&fault{"", "No HTTP resource was found that matches the request."}))
		return
	}
	ask := request{params: url.Values{}}
	for name, values := range r.URL.Query() {
		ask.params[strings.ToLower(name)] = values
	}
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(parts) > 1 && strings.EqualFold(parts[0], "School") {
		if parts[1] != Estab {
			write(w, http.StatusOK, errorMembers(&fault{"System.UnauthorizedAccessException", "The token is not valid for this establishment."}))
			return
		}
		parts = parts[2:]
		ask.endpoint = "school."
	}
	if len(parts) == 0 || len(parts) > 2 {
		write(w, http.StatusNotFound, errorMembers(&fault{"", "No HTTP resource was found that matches the request."}))
		return
	}
	ask.endpoint += strings.ToLower(parts[0])
	if len(parts) == 2 {
		ask.id = parts[1]
	}
	ask.id = cmp.Or(ask.id, ask.get("id"))
	members, err := s.answer(ask)
	if err != nil {
		members = errorMembers(err)
	}
	write(w, http.StatusOK, members)
}

// token is the STS.
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	var ask struct{ RelyingParty, ThirdPartyID, Estab, Password string }
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&ask) != nil {
		write(w, http.StatusBadRequest, errorMembers(&fault{"", "The request is invalid."}))
		return
	}
	if ask.RelyingParty != s.RelyingParty || ask.ThirdPartyID != "XporterOnDemand" || ask.Estab != Estab || ask.Password != s.Secret {
		write(w, http.StatusOK, []member{
			{"Message", "Authentication failed."}, {"ExceptionMessage", "Invalid secret for this relying party."}, {"token", nil}, {"expires", nil},
		})
		return
	}
	write(w, http.StatusOK, []member{
		{"Message", nil}, {"ExceptionMessage", nil}, {"token", s.Issue()}, {"expires", time.Now().UTC().Add(5 * 24 * time.Hour).Format("2006-01-02T15:04:05.0000000Z")},
	})
}

// answer is the content of an answer, in order.
func (s *Service) answer(ask request) ([]member, *fault) {
	good := []member{{"Message", nil}, {"ExceptionType", nil}, {"ExceptionMessage", nil}, {"InnerException", nil}}
	switch ask.endpoint {
	case "tokendetails":
		return append([]member{{"Estab", Estab}, {"RelyingParty", s.RelyingParty}, {"Scopes", s.Scopes}}, good...), nil
	case "scopes":
		var all []row
		for _, name := range everyScope {
			all = append(all, row{"Name": name, "Category": "Students"})
		}
		return append([]member{{"Scopes", all}}, good...), nil
	case "queries":
		return append([]member{{"Endpoints", s.queries()}}, good...), nil
	case "gdprids":
		return append([]member{{"GDPR", []row{{
			"IsOptIn": s.GDPR.IsOptIn, "Estab": Estab, "RelyingParty": s.RelyingParty, "MIS": nil, "StudentIds": some(s.GDPR.Students),
			"StaffIds": some(s.GDPR.Staff), "ContactIds": some(s.GDPR.ContactIDs), "OtherIds": []string{},
		}}}}, good...), nil
	}
	list, known := lists[ask.endpoint]
	switch {
	case !known:
		return nil, &fault{"System.ArgumentException", "The endpoint is not known."}
	case slices.Contains(s.Withdrawn, ask.endpoint), !s.granted(list.scopes...):
		return nil, &fault{"System.UnauthorizedAccessException", "The application is not authorised for this endpoint."}
	case s.Broken != "":
		return nil, &fault{"", s.Broken}
	}
	tables, err := list.read(s, ask)
	if err != nil {
		return nil, err
	}
	return s.render(ask, tables)
}

func (s *Service) queries() []row {
	var all []row
	for _, name := range sortedLists {
		if !slices.Contains(s.Withdrawn, name) && s.granted(lists[name].scopes...) {
			all = append(all, row{"Version": "1", "Id": name, "Method": "GET", "Scope": strings.Join(lists[name].scopes, ","), "Published": true, "PageSize": 0})
		}
	}
	return all
}

// granted says whether one of the scopes is; none needs none.
func (s *Service) granted(scopes ...string) bool {
	return len(scopes) == 0 || slices.ContainsFunc(scopes, func(name string) bool { return slices.Contains(s.Scopes, name) })
}

// render makes tables an answer: what changed of them, a page of them, and what
// stands beside them.
func (s *Service) render(ask request, tables []table) ([]member, *fault) {
	var beside []member
	change, err := s.change(ask, tables)
	if err != nil {
		return nil, err
	}
	if change != nil {
		tables, beside = change.tables, change.deleted
	}
	pages, page := 1, 1
	var paging []member
	if size, _ := strconv.Atoi(ask.get("pageSize")); size > 0 {
		if s.MaxPage > 0 {
			size = min(size, s.MaxPage)
		}
		page, _ = strconv.Atoi(cmp.Or(ask.get("page"), "1"))
		rows := 0
		for _, t := range tables {
			rows = max(rows, len(t.rows))
		}
		pages = max(1, (rows+size-1)/size)
		for i, t := range tables {
			from, to := min((page-1)*size, len(t.rows)), min(page*size, len(t.rows))
			tables[i].rows = t.rows[max(from, 0):max(to, 0)]
		}
		var next any
		if page < pages {
			next = "?page=" + strconv.Itoa(page+1) + "&pageSize=" + strconv.Itoa(size)
		}
		paging = []member{{"__pagination__", []row{{"PageSize": size, "PageNumber": page, "PageCount": pages, "RowCount": rows, "NextPage": next}}}}
	}
	var all []member
	for _, t := range tables {
		all = append(all, member{t.name, some(t.rows)})
	}
	all = append(all, beside...)
	all = append(all, member{"meta", []row{{"Id": 1, "MIS": "simsnet", "Version": "4", "DateTime": time.Now().Add(-time.Minute).In(london).Format("2006-01-02T15:04:05.000")}}})
	all = append(all, paging...)
	if change != nil {
		all = append(all, change.state(page == pages))
	}
	return all, nil
}

var london = func() *time.Location {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	return zone
}()

// A member of an answer. Their order is kept.
type member struct {
	name  string
	value any
}

func errorMembers(f *fault) []member {
	kind := any(f.kind)
	if f.kind == "" {
		kind = nil
	}
	return []member{{"Message", nil}, {"ExceptionType", kind}, {"ExceptionMessage", f.message}, {"InnerException", nil}}
}

func write(w http.ResponseWriter, status int, members []member) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			out.WriteByte(',')
		}
		text, err := json.Marshal(map[string]any{m.name: m.value})
		if err != nil {
			panic(err) // the double's own rows
		}
		out.Write(text[1 : len(text)-1])
	}
	out.WriteByte('}')
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a client that has gone is no fault of the double
}

// some is never null in JSON.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
