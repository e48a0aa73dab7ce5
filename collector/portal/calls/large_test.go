package calls

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollbridge/collector/audit"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/export"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
)

// More calls than a workbook holds are no fault: the form says what to do.
func TestTooMuchForAWorkbook(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	data := registertest.New(t, db)
	site := &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: account.Open(db, data.Vault), Audit: audit.New(db, data.Vault)}
	s := webtest.Serve(t, site, []web.Route{{Method: http.MethodGet, Path: "/large", Do: func(v *web.Visit) error {
		return orAsk(v, historyData{}, fmt.Errorf("write a workbook: %w", export.ErrTooLarge))
	}}})
	a := s.Anybody().Get("/large")
	if a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "too many for one workbook") || s.Log.Len() > 0 {
		t.Errorf("%d, the log says %q\n%s", a.Code, s.Log, a.Body)
	}
}
