package children_test

import (
	"strings"
	"testing"

	"rollbridge/collector/call"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// What was noted of a child by telephone stands on the child's page, without what
// was said of others.
func TestCallsAboutAChild(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("abbey", "Abbey Road")
	pupil := func(n int, name string) store.Child {
		return r.Pupil("abbey", record.Pupil{ID: registertest.PupilID(n), Forename: name, Surname: "Surnamely", CareAuthority: north})
	}
	child, other := pupil(1, "One"), pupil(2, "Two")
	book := call.New(r.Store, r.Vault)
	u := accounttest.Join(t, r.site.Accounts, account.Person{Name: "alex", Role: account.Caller, Authorities: []string{north}}).User
	_, err := book.Record(t.Context(), store.Sight{Authority: north}, call.Call{ID: call.NewID(), School: "abbey", Day: "2026-11-23", Session: status.AM, By: u.ID, At: r.now,
		Outcome: call.Absent, Children: []call.Child{{Pupil: child.Pupil, Mark: "I"}, {Pupil: other.Pupil, Mark: "M"}}, Reason: "both <ill>"}, r.now, nil)
	r.Must(err)
	b := r.server.As(u)
	page := b.Get("/children/abbey/" + string(child.Pupil)).Body
	for _, text := range []string{"Calls to the school about this child", "alex", "Absent, and the school says why", "I Illness", "both &lt;ill&gt;", "morning register"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page has no %q", text)
		}
	}
	if strings.Contains(page, "M Leave") {
		t.Error("the page has what was said of another child")
	}
	third := pupil(3, "Three")
	if page := b.Get("/children/abbey/" + string(third.Pupil)).Body; !strings.Contains(page, "Three") || strings.Contains(page, "Calls to the school") {
		t.Error("a child of whom nothing was said has calls")
	}
}
