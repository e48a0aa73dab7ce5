package children

import (
	"testing"

	"rollbridge/collector/language"
	"rollbridge/shared/codes"
)

// Years and kinds of exclusion are said in both languages, in English by their list.
func TestListsAreTranslated(t *testing.T) {
	english, welsh := words{language.In(language.English)}, words{language.In(language.Welsh)}
	for _, e := range list(t, "nc_year", "E1", "E2", "N1", "N2", "R", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "M", "X") {
		if got := english.year(e.Code); got != e.Label {
			t.Errorf("year %s is %q, want %q", e.Code, got, e.Label)
		}
		if got := welsh.year(e.Code); got == e.Label || got == "children.year."+e.Code {
			t.Errorf("year %s is %q in Welsh", e.Code, got)
		}
	}
	for _, e := range list(t, "suspension_category", "SUSP", "PERM", "LNCH", "FIXD") {
		if got := english.category(e.Code); got != e.Label+" ("+e.Code+")" {
			t.Errorf("category %s is %q", e.Code, got)
		}
		if got := welsh.category(e.Code); got == english.category(e.Code) {
			t.Errorf("category %s is %q in Welsh", e.Code, got)
		}
	}
	for _, odd := range []string{"", "99", "Blue group"} {
		if english.year(odd) != odd || welsh.category(odd) != odd {
			t.Errorf("%q is changed", odd)
		}
	}
}

func list(t *testing.T, set string, values ...string) (found []codes.Entry) {
	t.Helper()
	for _, value := range values {
		e, known := codes.Lookup(set, value)
		if !known {
			t.Fatalf("%s has no %s", set, value)
		}
		found = append(found, e)
	}
	return found
}
