// Package bromcom stands in for two web interfaces of Bromcom, as far as public
// code and one authority's notice show them: OData (Basic, $filter of 20 terms at
// most, pages with links) and the Partner Data API version 2 (two headers, a
// filter with the page inside, {success, data}, 403 for an entity that is not
// ticked, texts padded with blanks).
//
// It is no Bromcom. The columns of most entities are not publicly known: here
// they have names that this school uses, and [ODataColumns] and [PartnerColumns]
// are what the school tells the agent of them.
//
// Start reading at OData and Partner; the rows are in entities.go and site.go.
package bromcom

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// A School is what both interfaces answer for.
type School struct {
	*demoschool.School
	// ID is Bromcom's own of the school.
	ID string
	// Secret is a text in everything that must stay in the school: internal
	// comments, notes, staff without a role.
	Secret string
	// Unticked are entities that the school did not release.
	Unticked []string
	// PageRows is how many rows a page has; 0 is 100,000.
	PageRows int
}

func (s *School) pageRows() int {
	if s.PageRows == 0 {
		return 100_000
	}
	return s.PageRows
}

// entity is every row of an entity, under the names that OData has; nil and
// false where there is no such entity.
func (s *School) entity(name string) ([]cloud.Row, bool) {
	of := entities[name]
	if of == nil {
		return nil, false
	}
	rows := of(s)
	if rows == nil {
		rows = []cloud.Row{}
	}
	return rows, true
}

func (s *School) unticked(name string) bool { return slices.Contains(s.Unticked, name) }

// page is one page of rows, and whether another follows.
func page[T any](rows []T, at, size int) ([]T, bool) {
	from := min(at*size, len(rows))
	to := min(from+size, len(rows))
	return rows[from:to], to < len(rows)
}

// day is how Bromcom writes a date.
func day(date time.Time) any {
	if date.IsZero() {
		return nil
	}
	return date.Format("2006-01-02T15:04:05")
}

// camel is a name with a small first letter.
func camel(name string) string {
	if strings.ToUpper(name) == name {
		return strings.ToLower(name)
	}
	letters := []rune(name)
	letters[0] = unicode.ToLower(letters[0])
	return string(letters)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	cloud.JSON(w, status, cloud.Row{"error": cloud.Row{"code": code, "message": message}})
}
