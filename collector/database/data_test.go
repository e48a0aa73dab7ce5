package database_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
)

// A page of tables as docs/data.md has it: table to column to how it is kept.
type dataPage map[string]map[string]string

var columnLine = regexp.MustCompile(`^\| ([a-z_]+) \| ([a-z ]+) \| (.+) \|$`)

func readDataPage(t *testing.T) dataPage {
	t.Helper()
	text, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	page, keys, table := dataPage{}, map[string]bool{}, ""
	hows := map[string]bool{"clear": true, "signed": true, "hash": true, "keyed hash": true, "sealed": true, "wrapped": true}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### "); ok {
			table = name
			page[table] = map[string]string{}
		}
		if strings.HasPrefix(line, "Key: ") {
			keys[table] = true
		}
		m := columnLine.FindStringSubmatch(line)
		if table == "" || m == nil || m[1] == "column" {
			continue
		}
		if !hows[m[2]] {
			t.Errorf("%s.%s is kept %q, which the page does not explain", table, m[1], m[2])
		}
		if _, twice := page[table][m[1]]; twice {
			t.Errorf("%s.%s stands twice", table, m[1])
		}
		page[table][m[1]] = m[2]
	}
	for table := range page {
		if !keys[table] {
			t.Errorf("%s does not say its key", table)
		}
	}
	return page
}

// columns are the columns of every table of a database, with their types.
func columns(t *testing.T, db *database.DB) map[string]map[string]string {
	t.Helper()
	query := `SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`
	if db.Dialect == database.Postgres {
		query = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
	}
	found := map[string]map[string]string{}
	if err := db.Read(t.Context(), func(tx *database.Tx) error {
		rows, err := tx.Query(t.Context(), query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var table, column, kind string
			if err := rows.Scan(&table, &column, &kind); err != nil {
				return err
			}
			if found[table] == nil {
				found[table] = map[string]string{}
			}
			found[table][column] = strings.ToLower(kind)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// docs/data.md lists every column of every table, and nothing that is not
// there; what it says is encrypted is of a type that can be.
func TestEveryColumnIsOnThePage(t *testing.T) {
	page := readDataPage(t)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		schema := columns(t, db)
		if a, b := slices.Sorted(maps.Keys(schema)), slices.Sorted(maps.Keys(page)); !slices.Equal(a, b) {
			t.Errorf("the database has the tables %v, the page %v", a, b)
		}
		for table, columns := range schema {
			if a, b := slices.Sorted(maps.Keys(columns)), slices.Sorted(maps.Keys(page[table])); !slices.Equal(a, b) {
				t.Errorf("%s has the columns %v, the page %v", table, a, b)
			}
			for column, kind := range columns {
				how := page[table][column]
				if binary := kind == "blob" || kind == "bytea"; (how == "sealed" || how == "wrapped") && !binary {
					t.Errorf("%s.%s is %s, which cannot hold what is %s", table, column, kind, how)
				}
			}
		}
	})
}
