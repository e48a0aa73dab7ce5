package sqlserver

import "strings"

// String is the object's full name in brackets, as T-SQL takes it.
func (o Object) String() string { return bracket(o.Schema) + "." + bracket(o.Name) }

// bracket quotes an identifier.
func bracket(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }
