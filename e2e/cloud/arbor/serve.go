package arbor

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rollbridge/e2e/demoschool"
)

// root is where the interface begins.
const root = "/rest-v2/"

// defaultPage is how many objects a page has if nobody says, and mostPage how
// many at most, whatever is asked for.
const (
	defaultPage = 25
	mostPage    = 100
)

// A Double answers for one school. Change its fields before it is asked, or
// inside cloud.Server.Change.
type Double struct {
	User, Password string
	// Forbidden are resources (by type, such as SenNeed) that the application user
	// may not read: their answers are empty objects.
	Forbidden map[string]bool
	// Hidden are properties (such as Student.person) that the user may not see:
	// an empty object stands in their place.
	Hidden map[string]bool
	// LessonRegisters adds marks of lessons beside those of the roll call.
	LessonRegisters bool

	school *demoschool.School
	ids    []string // of every pupil there has been
	log    changeLog
}

// New renders a school for an application user.
func New(school *demoschool.School, user, password string) *Double {
	d := &Double{User: user, Password: password, Forbidden: map[string]bool{}, Hidden: map[string]bool{}, school: school}
	for p := range school.Pupils() {
		d.ids = append(d.ids, p.ID)
	}
	d.log.begin(d)
	return d
}

// ServeHTTP answers as Arbor does.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, given := r.BasicAuth()
	if !given || subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(d.User+"\x00"+d.Password)) != 1 {
		w.Header().Set("WWW-Authenticate", `Basic realm="Arbor"`)
		refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if r.Method != http.MethodGet {
		refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	path, found := strings.CutPrefix(r.URL.Path, root)
	name, rest, _ := strings.Cut(path, "/")
	kind := kindOf(name)
	switch {
	case !found || kind == nil:
		refuse(w, http.StatusNotFound, "Not Found")
	case d.Forbidden[kind.name]:
		answer(w, http.StatusOK, object{})
	case rest == "":
		d.list(w, kind, r.URL.Query())
	case rest == "changelog":
		d.changes(w, kind, r.URL.Query())
	default:
		d.one(w, kind, root+name+"/"+rest)
	}
}

func answer(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone is no fault of the double
}

// refuse is an error as the SDK reads it.
func refuse(w http.ResponseWriter, status int, reason string) {
	answer(w, status, object{"response": object{
		"success": false, "code": status, "reason": reason,
		"errors": []object{{"exception": "Arbor_Rest_Exception", "message": reason, "trace": ""}},
	}})
}

func succeeded() object {
	return object{"success": true, "code": http.StatusOK, "reason": "OK"}
}

// one is a single object under the type's own name.
func (d *Double) one(w http.ResponseWriter, k *kind, href string) {
	for o := range k.all(d, "") {
		if o["href"] == href {
			answer(w, http.StatusOK, object{"response": succeeded(), small(k.name): d.shown(k, o)})
			return
		}
	}
	refuse(w, http.StatusNotFound, "Resource not found")
}

// list is a page of objects under the name's plural.
func (d *Double) list(w http.ResponseWriter, k *kind, query url.Values) {
	filters, err := filtersOf(query)
	number, size := 1, defaultPage
	if err == nil {
		number, err = whole(query, "page-number", number)
	}
	if err == nil {
		size, err = whole(query, "page-size", size)
	}
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	size = min(size, mostPage)
	page, at := []object{}, 0
	for o := range k.all(d, pupilOf(filters["student"].value)) {
		if !filters.fit(o) {
			continue
		}
		if at >= (number-1)*size {
			page = append(page, d.shown(k, o))
		}
		if at++; len(page) == size {
			break
		}
	}
	answer(w, http.StatusOK, object{"response": succeeded(), small(k.plural()): page})
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

// filters are what properties must be: equal to a link, or a moment from one on.
// The other operators of Arbor are not made here.
type filters map[string]filter

type filter struct{ operator, value string }

func filtersOf(query url.Values) (filters, error) {
	found := filters{}
	for name, values := range query {
		if slices.Contains([]string{"page-number", "page-size", "order-property"}, name) {
			continue
		}
		parts := strings.Split(name, ".")
		if len(parts) != 3 || parts[0] != "filters" || parts[2] != "equals" && parts[2] != "from" {
			return nil, fmt.Errorf("unknown parameter %s", name)
		}
		found[parts[1]] = filter{operator: parts[2], value: values[0]}
	}
	return found, nil
}

// fit says that an object is as the filters say.
func (f filters) fit(o object) bool {
	for name, want := range f {
		to, isLink := o[name].(object)
		at, isMoment := o[name].(string)
		switch {
		case want.operator == "equals" && isLink && to["href"] == want.value:
		case want.operator == "from" && isMoment && at >= want.value:
		default:
			return false
		}
	}
	return true
}

// pupilOf is the pupil's id in the link to a student.
func pupilOf(href string) string {
	id, _ := strings.CutPrefix(href, root+"students/")
	return id
}

// shown is an object without what the user may not see.
func (d *Double) shown(k *kind, o object) object {
	for property := range o {
		if d.Hidden[k.name+"."+property] {
			o[property] = object{}
		}
	}
	return o
}
