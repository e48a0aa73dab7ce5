package check

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rollbridge/agent/school"
	"rollbridge/agent/settings"
)

// A pause or a revoke ends a check of the MIS that is under way as well, and
// what was found until then is not shown.
func TestSourceStopsWithTheSchool(t *testing.T) {
	for name, stop := range map[string]func(dir string) error{
		"pause":  func(dir string) error { return school.SetPause(dir, time.Time{}) },
		"revoke": func(dir string) error { return school.SetRevoked(dir, "") },
	} {
		t.Run(name, func(t *testing.T) {
			set := settings.Defaults()
			set.DataDir = t.TempDir()
			stopped := make(chan error, 1)
			api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case stopped <- stop(set.DataDir):
				default:
				}
				<-r.Context().Done() // answers nothing until it is asked no more
			}))
			defer api.Close()
			set.MIS.Profile, set.MIS.API.User, set.MIS.API.Password = "arbor", "oakmere", "fictional"
			set.MIS.API.Names = map[string]string{"address": api.URL}
			lines := Source(t.Context(), set)
			select {
			case err := <-stopped:
				if err != nil {
					t.Fatal(err)
				}
			default:
				t.Fatalf("the MIS was not asked: %+v", lines)
			}
			for _, l := range lines {
				if l.State != Untried {
					t.Errorf("%+v", l)
				}
			}
		})
	}
}
