package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
)

// The pages that belong to no section are there in both languages for everybody.
func TestOwnPages(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	s := httptest.NewTLSServer((&web.Site{DB: db, Store: store.New(db), Log: slog.New(slog.DiscardHandler)}).Handler(nil))
	defer s.Close()
	for _, c := range []struct {
		path, language string
		code           int
		says           string
	}{
		{"/accessibility", "en", 200, "Accessibility statement"},
		{"/accessibility", "cy", 200, "Datganiad hygyrchedd"},
		{"/cookies", "en", 200, "__Host-rollbridge"},
		{"/cookies", "cy", 200, "Cwcis"},
		{"/nothing", "en", 404, "Page not found"},
		{"/nothing", "cy-GB,en;q=0.5", 404, "Ni chafwyd hyd"},
		{"/session", "en", 405, "only for sending a form"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", c.language)
		a, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(a.Body)
		_ = a.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if a.StatusCode != c.code || !strings.Contains(string(body), c.says) || !strings.Contains(string(body), `<html lang="`+c.language[:2]+`"`) {
			t.Errorf("%s in %s: %d\n%s", c.path, c.language, a.StatusCode, body)
		}
		if strings.Contains(string(body), ">web.") {
			t.Errorf("%s in %s: a text is missing", c.path, c.language)
		}
	}
}
