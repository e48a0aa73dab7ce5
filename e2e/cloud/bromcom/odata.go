package bromcom

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rollbridge/e2e/cloud"
)

// OData answers below /Nucleus/OData.
type OData struct {
	School
	User, Password string
}

// maxTerms is how many terms joined by or a filter may have.
const maxTerms = 20

// ServeHTTP answers one request.
func (d *OData) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/Nucleus/OData/")
	if user, password, basic := r.BasicAuth(); !basic || user != d.User || password != d.Password {
		w.Header().Set("WWW-Authenticate", `Basic realm="Bromcom"`)
		refuse(w, http.StatusUnauthorized, "", "Authorization has been denied for this request.")
		return
	}
	rows, known := d.entity(name)
	switch {
	case !ok || !known || r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, "", "Resource not found for the segment.")
		return
	case d.unticked(name):
		refuse(w, http.StatusForbidden, "", "The entity is not available.")
		return
	}
	query := r.URL.Query()
	rows, err := filter(rows, query.Get("$filter"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "", err.Error())
		return
	}
	skip, err := strconv.Atoi("0" + query.Get("$skip"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "", "The value for $skip is not valid.")
		return
	}
	size := d.pageRows()
	part, more := page(rows[min(skip, len(rows)):], 0, size)
	answer := cloud.Row{"@odata.context": "http://" + r.Host + "/Nucleus/OData/$metadata#" + name, "value": part}
	if more {
		query.Set("$skip", strconv.Itoa(skip+size))
		answer["@odata.nextLink"] = (&url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: query.Encode()}).String()
	}
	cloud.JSON(w, http.StatusOK, answer)
}

var term = regexp.MustCompile(`^(\w+) eq (?:(\d+)|'([^']*)')$`)

// filter keeps the rows that one of the terms joined by or fits.
func filter(rows []cloud.Row, text string) ([]cloud.Row, error) {
	if text == "" {
		return rows, nil
	}
	terms := strings.Split(text, " or ")
	if len(terms) > maxTerms {
		return nil, fmt.Errorf("the filter has more than %d terms", maxTerms)
	}
	want := map[string][]string{}
	for _, t := range terms {
		m := term.FindStringSubmatch(t)
		if m == nil {
			return nil, fmt.Errorf("syntax error in the filter")
		}
		want[m[1]] = append(want[m[1]], m[2]+m[3])
	}
	return slices.DeleteFunc(slices.Clone(rows), func(row cloud.Row) bool {
		for column, values := range want {
			if slices.Contains(values, fmt.Sprint(row[column])) {
				return false
			}
		}
		return true
	}), nil
}
