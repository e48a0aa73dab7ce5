package wonde

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
)

const (
	root        = "/v1.0/schools/"
	defaultPage = 50
	mostPage    = 500
)

// The states of a school's access.
const (
	Approved = "approved"
	Pending  = "pending"
	Declined = "declined"
	Revoked  = "revoked"
)

// A Double answers for one school. Change its fields before it is asked, or
// inside cloud.Server.Change.
type Double struct {
	School, Token string
	Access        string
	// OtherRegion: this is not the domain of the school's region.
	OtherRegion bool
	// LinksNext puts the next link into meta.pagination.links; NoNext leaves it out.
	LinksNext, NoNext bool
	// MostPage bounds a page, whatever is asked for; 0 is 500.
	MostPage int
	// WithoutScope are properties, such as extended_details.in_lea_care, that the
	// school has not granted.
	WithoutScope map[string]bool
	// NotSupplied are those that the school's MIS gives for nobody out of care:
	// null for them.
	NotSupplied map[string]bool

	// What no source names. Each is called for what the demo school has.
	InCareDetails func(p *demoschool.Pupil) any
	SENNeeds      func(e demoschool.SEN) any
	Exclusion     func(e demoschool.Exclusion) map[string]any
	Result        func(a demoschool.AssessmentResult) map[string]any

	school *demoschool.School
	log    changeLog
	// last is the list of which a page was asked for last: further pages are of the
	// same rows, which are made when the first is asked for.
	last struct {
		query string
		rows  []object
	}
}

// New renders a school for whoever has the token. At is the time at which
// everything there is was last updated.
func New(school *demoschool.School, id, token string, at time.Time) *Double {
	d := &Double{School: id, Token: token, Access: Approved, WithoutScope: map[string]bool{}, NotSupplied: map[string]bool{}, school: school}
	d.log.begin(d, at)
	return d
}

// ServeHTTP answers as Wonde does.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, _, basic := r.BasicAuth()
	if r.Header.Get("Authorization") != "Bearer "+d.Token && (!basic || user != d.Token) {
		refuse(w, http.StatusUnauthorized, "invalid_token", "The access token is invalid.")
		return
	}
	path, found := strings.CutPrefix(r.URL.Path+"/", root)
	id, rest, _ := strings.Cut(strings.TrimSuffix(path, "/"), "/")
	resource := resources[strings.TrimSuffix(rest, "/")]
	switch {
	case !found || r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, "not_found", "Nothing is here.")
	case id == "":
		d.schools(w)
	case id != d.School:
		refuse(w, http.StatusNotFound, "not_found", "No such school.")
	case d.Access != Approved:
		refuse(w, http.StatusForbidden, "access_denied", "Access to this school is "+d.Access+".")
	case rest == "":
		d.one(w)
	case rest == "deletions":
		d.page(w, r, d.deletions(r.URL.Query()))
	case resource.all == nil:
		refuse(w, http.StatusNotFound, "not_found", "No such resource.")
	default:
		d.list(w, r, resource)
	}
}

func answer(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone is no fault of the double
}

func refuse(w http.ResponseWriter, status int, code, says string) {
	answer(w, status, object{"error": code, "error_description": says})
}

// schools lists those whose access is approved, whatever their region.
func (d *Double) schools(w http.ResponseWriter) {
	list := []object{}
	if d.Access == Approved {
		list = append(list, d.about())
	}
	answer(w, http.StatusOK, object{"data": list})
}

func (d *Double) one(w http.ResponseWriter) {
	if d.OtherRegion {
		answer(w, http.StatusOK, object{"data": []object{}})
		return
	}
	answer(w, http.StatusOK, object{"data": d.about()})
}

func (d *Double) about() object {
	return object{
		"id": d.School, "name": demoschool.SchoolName, "establishment_number": demoschool.SchoolEstab, "la_code": demoschool.SchoolAuthority,
		"mis": "A fictional MIS", "region": object{"code": "GBR", "domain": "api.wonde.com"},
	}
}

// list is a resource with what the query includes.
func (d *Double) list(w http.ResponseWriter, r *http.Request, of resource) {
	query := r.URL.Query()
	includes, err := includesOf(query.Get("include"), of.includes)
	var after time.Time
	if text := query.Get("updated_after"); err == nil && text != "" {
		after, err = time.ParseInLocation(time.DateTime, text, time.UTC)
	}
	for name := range query {
		if err == nil && !slices.Contains([]string{"include", "updated_after", "per_page", "page", "cursor"}, name) {
			err = fmt.Errorf("unknown parameter %s", name)
		}
	}
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, "invalid_request", err.Error())
		return
	}
	same := query
	same.Del("page")
	if asked := r.URL.Path + "?" + same.Encode(); d.last.query != asked || r.URL.Query().Get("page") == "" {
		d.last.query, d.last.rows = asked, d.rows(of, includes, after)
	}
	d.page(w, r, d.last.rows)
}

// rows are those of a list that were updated after a time.
func (d *Double) rows(of resource, includes []string, after time.Time) []object {
	var rows []object
	for row := range of.all(d, includes) {
		updated := d.log.updated(row["id"])
		if !after.IsZero() && !updated.After(after) {
			continue
		}
		row["created_at"], row["updated_at"] = moment(d.log.began), moment(updated)
		d.hide("", row)
		rows = append(rows, row)
	}
	return rows
}

// includesOf are the names of a list parted by commas.
func includesOf(text string, known []string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	names := strings.Split(text, ",")
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown include %s", name)
		}
	}
	return names, nil
}

// hide makes properties without a scope null. before is where the object stands.
func (d *Double) hide(before string, o object) {
	for name, value := range o {
		path := strings.TrimPrefix(before+"."+name, ".")
		if d.WithoutScope[path] {
			o[name] = nil
			continue
		}
		switch value := value.(type) {
		case object:
			if inside, ok := value["data"].(object); ok {
				d.hide(path, inside)
			} else if list, ok := value["data"].([]object); ok {
				for _, one := range list {
					d.hide(path, one)
				}
			}
		}
	}
}

// page answers with a part of rows and the link to the next.
func (d *Double) page(w http.ResponseWriter, r *http.Request, rows []object) {
	query := r.URL.Query()
	number, err := whole(query, "page", 1)
	size := defaultPage
	if err == nil {
		size, err = whole(query, "per_page", defaultPage)
	}
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, "invalid_request", err.Error())
		return
	}
	if d.OtherRegion {
		rows = nil
	}
	size = min(size, cmp.Or(d.MostPage, mostPage))
	from := min((number-1)*size, len(rows))
	to := min(from+size, len(rows))
	var next any
	if to < len(rows) {
		query.Set("page", strconv.Itoa(number+1))
		next = (&url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: query.Encode()}).String()
	}
	pagination := object{"more": next != nil, "per_page": strconv.Itoa(size), "current_page": number, "next": next}
	if d.NoNext {
		pagination["next"] = nil
	}
	if d.LinksNext {
		delete(pagination, "next")
		pagination["links"] = object{"next": next}
	}
	shown := append([]object{}, rows[from:to]...)
	answer(w, http.StatusOK, object{"data": shown, "meta": object{"pagination": pagination, "includes": []string{}}})
}

func whole(query url.Values, name string, otherwise int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is not a number", name)
	}
	return n, nil
}
