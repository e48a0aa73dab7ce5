package tsql

import "strings"

// Identifier gives the SQLite identifier of an object: "schema.name" in quotes.
func Identifier(schema, name string) string { return quoteName(schema + "." + name) }

func indexOf(columns []Column, name string) int {
	for i := range columns {
		if strings.EqualFold(columns[i].Name, name) {
			return i
		}
	}
	return -1
}
