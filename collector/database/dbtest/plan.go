package dbtest

import (
	"slices"
	"strings"
	"testing"

	"rollbridge/collector/database"
)

// short are the indexes that hold only what waits or is wrong, the rows that a
// statement brings itself, and the tables that grow by a row a year: to walk
// one is no walk.
var short = []string{"inbox_waiting", "inbox_set_aside", "requests_waiting", "stop_requests_waiting", "attempts_conflict", "statements_outcomes", "VALUES"}
var shortTables = []string{"keyrings", "authorities", "CONSTANT", "(subquery"}

// NoWalks fails the test for every statement run so far that walks a table or
// an index from end to end: such a statement costs more with every school and
// every year. It looks at SQLite only; the statements and the indexes are the
// same on both.
func NoWalks(t *testing.T, db *database.DB, least int) {
	t.Helper()
	plans, err := db.Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if db.Dialect == database.SQLite && len(plans) < least {
		t.Fatalf("only %d statements were run", len(plans))
	}
	for query, steps := range plans {
		for _, step := range steps {
			if walks(step) && !within(step, steps) {
				t.Errorf("%s\n\tin: %s", step, strings.Join(strings.Fields(query), " "))
			}
		}
	}
}

func walks(step string) bool {
	words := strings.Fields(step)
	if len(words) < 2 || words[0] != "SCAN" || slices.Contains(shortTables, words[1]) {
		return false
	}
	return !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(short, w) })
}

// within says whether a step walks what an earlier step of the plan has made.
func within(step string, steps []string) bool {
	name := strings.Fields(step)[1]
	return slices.Contains(steps, "CO-ROUTINE "+name) || slices.Contains(steps, "MATERIALIZE "+name)
}
