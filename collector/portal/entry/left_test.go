package entry_test

import (
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/shared/clock"
)

// Who begins to set up another second factor and walks away leaves nothing with which
// somebody else at the screen could put in one of their own.
func TestALeftSetUpNeedsThePasswordAgain(t *testing.T) {
	d := newDoor(t, dbtest.Migrated(t, dbtest.SQLite(t)), nil)
	var later time.Duration
	d.site.Now = func() time.Time { return clock.Now().Add(later) }
	m := d.join(caller("jo"))
	b := d.server.As(m.User)
	d.expect(b.Post("/account/second-factor", "password", own), 303, "/second-factor")
	key := strings.ReplaceAll(keyText.FindStringSubmatch(b.Get("/second-factor").Body)[1], " ", "")
	other := d.server.As(m.User)
	try := func(who string, b *webtest.Browser) {
		t.Helper()
		if a := b.Get("/second-factor"); a.Location != "/" || keyText.MatchString(a.Body) {
			t.Errorf("%s is shown it: %d to %q", who, a.Code, a.Location)
		}
		if a := b.Post("/second-factor", "code", accounttest.Code(t, key, clock.Now())); a.Location != "/" {
			t.Errorf("%s sets it up: %d to %q", who, a.Code, a.Location)
		}
	}
	try("another session", other)
	later = 21 * time.Minute
	try("whoever comes later", b)
}
