package account

import (
	"strings"
	"testing"

	"rollbridge/collector/audit"
	"rollbridge/collector/database/dbtest"
)

// An authority's audit log does not say for whom else a person works.
func TestEachAuthorityIsToldOfItself(t *testing.T) {
	o := newOffice(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	o.invite(Person{Name: "jo", Role: Caller, Authorities: []string{"330", "855"}})
	u, _, err := o.ByName(t.Context(), "jo")
	o.must(err)
	o.must(o.Change(t.Context(), User{}, u.ID, Person{Role: Viewer, Authorities: []string{"855"}}))
	for code, want := range map[string]string{"330": "role=caller authorities=330|role=viewer authorities=none", "855": "role=caller authorities=855|role=viewer authorities=855"} {
		list, _, err := o.audit.Read(t.Context(), audit.Query{Chain: audit.OfAuthority(code)})
		o.must(err)
		var texts []string
		for _, e := range list {
			texts = append([]string{strings.TrimPrefix(e.About, "person="+u.ID+" ")}, texts...)
		}
		if got := strings.Join(texts, "|"); got != want {
			t.Errorf("%s: %q, not %q", code, got, want)
		}
	}
}
