package children

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"rollbridge/collector/language"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// words writes values of records in one language.
type words struct{ *language.Printer }

// field is what a field is called on a page.
func (w words) field(name string) string { return w.T("children.field." + name) }

// dataset is what a dataset is called on a page.
func (w words) dataset(d record.Dataset) string { return w.T("children.dataset." + string(d)) }

// values writes the fields of a record, by name; what is not there is empty.
func (w words) values(r record.Record) map[string]string {
	v := reflect.ValueOf(r).Elem()
	list := map[string]string{}
	for i, f := range record.Fields(r.Dataset()) {
		list[f.Name] = w.value(f.Name, f.Codeset, v.Field(i))
	}
	return list
}

// authorities are the fields that hold the code of an authority.
var authorities = map[string]bool{"CareAuthority": true, "ProtectionAuthority": true, "LEA": true}

func (w words) value(name, codeset string, v reflect.Value) string {
	switch x := v.Interface().(type) {
	case record.Date:
		if x.Time().IsZero() {
			return string(x)
		}
		return w.Day(x)
	case bool:
		return w.yes(x)
	case *bool:
		if x == nil {
			return ""
		}
		return w.yes(*x)
	case int:
		if x == 0 {
			return ""
		}
		return w.Number(x)
	case []string:
		return joined(x, func(s string) string { return w.code(codeset, s) })
	case []record.Phone:
		return joined(x, w.phone)
	case []record.Address:
		return joined(x, address)
	case []record.SENNeed:
		x = slices.Clone(x)
		slices.SortStableFunc(x, func(a, b record.SENNeed) int { return cmp.Compare(a.Rank, b.Rank) })
		return joined(x, func(n record.SENNeed) string {
			if n.Rank == 0 {
				return w.code(codeset, n.Type)
			}
			return fmt.Sprintf("%d. %s", n.Rank, w.code(codeset, n.Type))
		})
	}
	text := v.String()
	switch {
	case authorities[name]:
		return authority(text)
	case codeset == "nc_year":
		return w.year(text)
	case codeset == "suspension_category":
		return w.category(text)
	}
	return w.code(codeset, text)
}

// year is a national curriculum year: "Year 7".
func (w words) year(y string) string {
	if _, known := codes.Lookup("nc_year", y); !known {
		return y
	}
	if _, err := strconv.Atoi(y); err == nil {
		return w.T("children.year.number", "Year", y)
	}
	return w.T("children.year." + y)
}

// category is what kind of exclusion a code means, with the code.
func (w words) category(code string) string {
	if _, known := codes.Lookup("suspension_category", code); !known {
		return code
	}
	return w.T("reports.category."+code) + " (" + code + ")"
}

func (w words) yes(is bool) string {
	if is {
		return w.T("children.yes")
	}
	return w.T("children.no")
}

func (w words) phone(p record.Phone) string {
	if p.Type == "" {
		return p.Number
	}
	return w.code("phone_type", p.Type) + ": " + p.Number
}

func address(a record.Address) string {
	lines := slices.Clone(a.Lines)
	if a.PostCode != "" {
		lines = append(lines, a.PostCode)
	}
	return strings.Join(lines, ", ")
}

// joined puts each of several things on a line of its own.
func joined[T any](list []T, one func(T) string) string {
	var lines []string
	for _, x := range list {
		if s := one(x); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}

// code is a code with its meaning; one that no list explains stays as the school writes it.
func (w words) code(codeset, value string) string {
	label := w.Code(codeset, value)
	if label == "" {
		return value
	}
	return label + " (" + value + ")"
}

func authority(value string) string {
	if a, ok := codes.LookupAuthority(value); ok {
		return a.Name + " (" + value + ")"
	}
	return value
}

// name is what a child is called: as the school calls it, with the legal name where
// that is another.
func (w words) name(p *record.Pupil) string {
	if p == nil {
		return w.T("children.name-gone")
	}
	known := strings.TrimSpace(cmp.Or(p.PreferredForename, p.Forename) + " " + cmp.Or(p.PreferredSurname, p.Surname))
	if known == "" {
		return w.T("children.name-not-given")
	}
	return known
}

// sorted is a child's name as a list is sorted by it.
func sorted(p *record.Pupil) string {
	if p == nil {
		return ""
	}
	return cmp.Or(p.PreferredSurname, p.Surname) + "\x00" + cmp.Or(p.PreferredForename, p.Forename)
}

// age is how old a child is on a day, in years; ok is false where it cannot be known.
func age(born, on record.Date) (years int, ok bool) {
	b, d := born.Time(), on.Time()
	if b.IsZero() || d.IsZero() || b.After(d) {
		return 0, false
	}
	years = d.Year() - b.Year()
	if d.YearDay() < b.AddDate(years, 0, 0).YearDay() {
		years--
	}
	return years, true
}
