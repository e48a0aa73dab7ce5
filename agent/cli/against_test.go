package cli

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"rollbridge/agent/mis"
	"rollbridge/e2e/cloud"
	"rollbridge/e2e/cloud/progresso"
	"rollbridge/e2e/cloud/xporter"
	"rollbridge/e2e/demoschool"
)

// TestRESTScripts runs `profile test --against` on web interfaces.
func TestRESTScripts(t *testing.T) {
	school := demoschool.New(demoschool.Config{Seed: 5, Pupils: 40, LookedAfterShare: 0.3})
	one := &progresso.Double{School: school, User: "rollbridge", Password: "Canary-7-Password"}
	two := xporter.New(school)
	two.Secret = "Canary-9-Secret"
	var urls []string
	for _, h := range []http.Handler{one, two} {
		s, err := cloud.Start(h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		urls = append(urls, s.URL())
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/rest",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROLLBRIDGE_DATA_DIR", e.WorkDir+"/data")
			e.Setenv("PROGRESSO", urls[0])
			e.Setenv("XPORTER", urls[1])
			e.Setenv("ESTAB", xporter.Estab)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// Addresses that are written out are moved as far as the host, that of the sign-in
// too; the profile itself is not changed.
func TestMovedProfile(t *testing.T) {
	profile := func(url, post string) *mis.Profile {
		return &mis.Profile{Name: "own", API: &mis.APIProfile{URL: url, Auth: &mis.AuthProfile{Post: post}}}
	}
	own := profile("https://{school}.mis.example/api/v1", "https://{school}.mis.example/token")
	made, err := movedTo(own, "http://127.0.0.1:8080/")
	if err != nil {
		t.Fatal(err)
	}
	if made.API.URL != "http://127.0.0.1:8080/api/v1" || made.API.Auth.Post != "http://127.0.0.1:8080/token" {
		t.Errorf("moved to %s and %s", made.API.URL, made.API.Auth.Post)
	}
	if own.API.URL != "https://{school}.mis.example/api/v1" || own.API.Auth.Post != "https://{school}.mis.example/token" {
		t.Error("the profile was changed")
	}
	for want, c := range map[string]struct{ post, to string }{
		"only as far as the host":                {"", "https://other.example/api"},
		"signs in at another address":            {"https://login.mis.example/token", "https://other.example"},
		"signs in at another address than it re": {"http://{school}.mis.example/token", "https://other.example"},
	} {
		if _, err := movedTo(profile("https://{school}.mis.example/api", c.post), c.to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
