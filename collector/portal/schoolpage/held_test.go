package schoolpage_test

import (
	"strings"
	"testing"

	"rollbridge/collector/hosted/hostedtest"
)

// What a safety stop holds is released by the school, after a look, and by nothing else.
func TestHeld(t *testing.T) {
	const code = "ABCD1234"
	r := newRig(t)
	b := r.browser()
	r.place.Answer(oak, "status", hostedtest.Answer{Out: `{"state":"active","school":"oak-lane","holds":[
		{"code":"` + code + `","why":"disappearance","dataset":"pupil","authority":"855","gone":31,"of":33},
		{"code":"BBBB2222","why":"permission","dataset":"sen"}]}`})
	r.says(b.Get("/school"), 200, "What a safety stop keeps back", "31 of 33 pupil records are missing", "(Leicestershire)", `href="/school/held?code=`+code, "Nobody can release this")
	if strings.Contains(b.Get("/school").Body, "code=BBBB2222") {
		t.Error("what no yes helps is offered for a yes")
	}
	r.says(b.Get("/school/held?code="+code), 200, "31 of 33", "removed at the authorities too", `name="code" value="`+code)
	for _, bad := range []string{"", "BBBB2222", "ZZZZ9999", "--full", "%3Cscript%3E"} {
		r.says(b.Get("/school/held?code="+bad), 409, "What you saw is not what stands there now")
		r.says(b.Post("/school/held", "sure", "yes", "code", bad), 409)
	}
	r.place.Answer(oak, "preview --json --release", hostedtest.Answer{Out: `{"masked":true,"changes":[{"authority":"855","of":"gone","id":"bbbbbbbb","dataset":"pupil","what":"removed","why":"left"}]}`})
	r.says(b.Post("/school/preview", "release", code), 200, "what would be sent if you released", `name="release" value="`+code, "/school/held?code="+code)
	if got := r.place.Last(oak); got != "preview --json --release "+code {
		t.Errorf("looked with %q", got)
	}
	r.wasAudited("school_previewed shortened, with code " + code)
	r.says(b.Post("/school/preview", "release", "--reveal"), 409)
	r.says(b.Post("/school/held", "code", code), 422, "Error: ", `href="#sure"`, `value="`+code)
	for _, asked := range r.place.Asked(oak) {
		if asked.Args[0] == "sync" {
			t.Errorf("asked %q", asked.Args)
		}
	}
	r.place.Answer(oak, "sync", hostedtest.Answer{})
	if a := b.Post("/school/held", "code", code, "sure", "yes"); a.Location != "/school" || r.place.Last(oak) != "sync --release "+code {
		t.Errorf("%d, asked %q", a.Code, r.place.Last(oak))
	}
	r.says(b.Get("/school"), 200, "It is released.")
	r.wasAudited("school_viewed what is held")
	r.wasAudited("hold_released code " + code)
	r.wasAudited("hold_released code nothing")
	r.wasAudited("hold_released not done: changed")
	b.Language = "cy"
	for why, word := range map[string]string{"disappearance": "tynnir y cofnodion", "returned": "mae'r awdurdodau", "schema": "yn y ffurf", "identifier": "Ni all neb", "new": "Dywedwch wrth y gweithredwr"} {
		r.place.Answer(oak, "status", hostedtest.Answer{Out: `{"state":"active","school":"oak-lane","holds":[{"code":"` + code + `","why":"` + why + `","dataset":"contact","gone":3,"of":4}]}`})
		body := b.Get("/school").Body + b.Get("/school/held?code="+code).Body
		if !strings.Contains(strings.ReplaceAll(body, "&#39;", "'"), word) || strings.Contains(body, "school.held") {
			t.Errorf("%s is not said in Welsh", why)
		}
	}
}
