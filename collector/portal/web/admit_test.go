package web_test

import (
	"net/http"
	"strings"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
)

// No authority would be all of them to whoever reads an overview.
func TestNobodyOfNoAuthorityGetsAPage(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Caller))
	r.must(r.site.DB.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), "DELETE FROM user_authorities")
		return err
	}))
	if a := b.Get("/"); a.Code != http.StatusForbidden {
		t.Errorf("a page: %d", a.Code)
	}
	if a := b.Post("/calls/7", "note", "zorb"); a.Code != http.StatusForbidden || len(r.saved) > 0 {
		t.Errorf("a form: %d, saved %v", a.Code, r.saved)
	}
}

// A page that stays open in another window after its person has signed out keeps nothing
// for the next person at the browser.
func TestAFormSentAfterASignOutIsShownToNobody(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Caller))
	b.Get("/calls/7")
	b.Post("/sign-out")
	b.Post("/calls/7", "note", "zorb")
	b.SignIn(r.person(account.Administrator))
	if a := b.Get("/calls/7"); strings.Contains(a.Body, "zorb") {
		t.Error("another person is shown what was typed")
	}
}
