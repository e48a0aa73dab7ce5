package bromcom

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rollbridge/e2e/cloud"
)

// Partner answers below /v2.
type Partner struct {
	School
	ApplicationID, ApplicationSecret string
	// Unsuccessful are entities that answer success: false, with status 200.
	Unsuccessful []string
}

var (
	pageOf = regexp.MustCompile(`^(.*)\{page:(\d+)\}$`)
	termOf = regexp.MustCompile(`(?i)studentID=(\d+)`)
	since  = regexp.MustCompile(`endDate>='(\d{4}-\d{2}-\d{2})T`)
	// flatFilter is what keeps students who have left, or not come, out of the
	// flat view.
	flatFilter = regexp.MustCompile(`^enrolmentStartDate<='(\d{4}-\d{2}-\d{2})' and \(enrolmentEndDate>='(\d{4}-\d{2}-\d{2})' or isnull\(enrolmentEndDate,''\)=''\)`)
)

// ServeHTTP answers one request.
func (d *Partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	query := r.URL.Query()
	if r.Header.Get("ApplicationId") != d.ApplicationID || r.Header.Get("ApplicationSecret") != d.ApplicationSecret {
		failed(w, http.StatusUnauthorized, "Invalid application.")
		return
	}
	filter := pageOf.FindStringSubmatch(query.Get("entityFilter"))
	rows, known := d.entity(name)
	switch {
	case !ok || !known || r.Method != http.MethodGet:
		failed(w, http.StatusNotFound, "Unknown entity.")
		return
	case query.Get("schoolId") != d.ID, d.unticked(name):
		failed(w, http.StatusForbidden, "The entity is not in the scope of the application.")
		return
	case filter == nil, name == "StudentFlatView" && !flatFilter.MatchString(filter[1]):
		failed(w, http.StatusBadRequest, "Invalid entityFilter.")
		return
	case slices.Contains(d.Unsuccessful, name):
		failed(w, http.StatusOK, "Something went wrong.")
		return
	}
	at, err := strconv.Atoi(filter[2])
	if err != nil {
		failed(w, http.StatusBadRequest, "Invalid page.")
		return
	}
	rows = chosen(rows, filter[1])
	part, _ := page(rows, at, d.pageRows())
	answer := make([]cloud.Row, len(part))
	for i, row := range part {
		answer[i] = padded(row)
	}
	cloud.JSON(w, http.StatusOK, cloud.Row{"success": true, "data": answer})
}

func failed(w http.ResponseWriter, status int, message string) {
	cloud.JSON(w, status, cloud.Row{"success": false, "message": message, "data": nil})
}

// chosen keeps the rows of the students named, and weeks that have not ended
// before a day.
func chosen(rows []cloud.Row, filter string) []cloud.Row {
	var ids []string
	for _, m := range termOf.FindAllStringSubmatch(filter, -1) {
		ids = append(ids, m[1])
	}
	from := since.FindStringSubmatch(filter)
	return slices.DeleteFunc(slices.Clone(rows), func(row cloud.Row) bool {
		if ids != nil && !slices.Contains(ids, fmt.Sprint(row["StudentId"])) {
			return true
		}
		end, dated := row["EndDate"].(string)
		return from != nil && dated && end[:len("2006-01-02")] < from[1]
	})
}

// padded is a row as this interface writes it: names with a small first letter,
// texts filled up with blanks to a width of ten.
func padded(row cloud.Row) cloud.Row {
	made := cloud.Row{}
	for name, value := range row {
		if text, ok := value.(string); ok && text != "" {
			value = text + strings.Repeat(" ", (10-len(text)%10)%10)
		}
		made[camel(name)] = value
	}
	return made
}
