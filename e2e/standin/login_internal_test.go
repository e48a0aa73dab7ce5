package standin

import (
	"testing"

	"rollbridge/e2e/standin/tds"
)

// A Windows login has no password here: only the domain's check may open it.
func TestWindowsLoginNeedsWindows(t *testing.T) {
	s := &Server{logins: map[string]*login{`school\reader`: {name: `SCHOOL\reader`, windows: true}, "sql": {name: "sql"}}}
	for _, l := range []tds.Login{{User: `SCHOOL\reader`}, {User: "sql", Windows: true}} {
		if _, err := s.admit(l); err == nil {
			t.Errorf("%+v was let in", l)
		}
	}
	if _, err := s.admit(tds.Login{User: `SCHOOL\READER`, Windows: true}); err != nil {
		t.Error(err)
	}
}
