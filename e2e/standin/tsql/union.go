package tsql

import "strings"

// union translates several SELECTs joined by UNION [ALL]: each column gets
// the type that SQL Server gives to all its branches together.
func (t *translator) union(s *Select, outer *scope, at place) (string, []Column) {
	parts := make([]*built, len(s.cores))
	for i, c := range s.cores {
		parts[i] = t.core(c, nil, outer, at)
		if len(parts[i].items) != len(parts[0].items) {
			panic(fail(205, "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists."))
		}
	}
	columns := append([]Column(nil), parts[0].columns...)
	for i := range columns {
		branches := make([]val, len(parts))
		for j, p := range parts {
			branches[j] = p.items[i]
			columns[i].Nullable = columns[i].Nullable || p.columns[i].Nullable
		}
		// NULL as a branch of UNION counts as int where it stands alone, and
		// as nothing beside another type.
		columns[i].Type = t.unifyAll(branches, "UNION")
	}
	var out strings.Builder
	for j, p := range parts {
		for i := range p.list {
			v := t.convert(p.items[i], columns[i].Type, modeCast)
			text := t.text(v)
			if len(s.all) > 0 && hasDistinct(s.all) {
				t.comparable(v)
				text = t.collated(v)
			}
			if j == 0 && columns[i].Name != "" {
				text += " AS " + quoteName(columns[i].Name)
			}
			p.list[i] = text
		}
		if j > 0 {
			out.WriteString(map[bool]string{true: " UNION ALL ", false: " UNION "}[s.all[j-1]])
		}
		if p.limit != "" {
			out.WriteString("SELECT * FROM (" + p.sql() + ")")
		} else {
			out.WriteString(p.sql())
		}
	}
	if len(s.order) == 0 {
		return out.String(), columns
	}
	return t.orderedUnion(out.String(), columns, s.order), columns
}

func hasDistinct(all []bool) bool {
	for _, a := range all {
		if !a {
			return true
		}
	}
	return false
}

// orderedUnion wraps a union to order it by its columns, all that T-SQL lets
// stand there.
func (t *translator) orderedUnion(text string, columns []Column, order []orderItem) string {
	b := &built{columns: columns}
	for _, c := range columns {
		b.items = append(b.items, val{sql: "u." + quoteName(c.Name), typ: c.Type})
	}
	var keys []string
	for _, item := range order {
		v, ok := orderItemOf(item.value, b)
		if !ok {
			panic(fail(104, "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator."))
		}
		keys = append(keys, t.sortKey(v)+direction(item))
	}
	checkNames(columns, "UNION")
	return "SELECT * FROM (" + text + ") AS u ORDER BY " + strings.Join(keys, ", ")
}
