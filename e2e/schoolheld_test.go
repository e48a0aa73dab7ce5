package e2e

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"rollbridge/e2e/stack"
)

// TestSchoolReleasesWhatIsHeld has a hosted school lose many contacts at once: a safety
// stop keeps the removals back until the school itself has looked and said yes on its page.
// Neither an authority nor the operator can, and a yes is good once.
func TestSchoolReleasesWhatIsHeld(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	h := newHosting(t, w)
	h.enrol(stack.Folder("csv", w.folder()))
	w.sync()
	before := h.contacts()
	path := h.loses()
	head := h.browser(stack.Person{Name: "head", Role: "school", School: schoolID})
	page := h.get(head, "/school", "What a safety stop keeps back", "contact records are missing from what was read")
	if !strings.Contains(page, `href="`+path+`"`) {
		t.Errorf("the page does not lead to %s:\n%s", path, page)
	}
	h.get(head, path, "contact records are missing", "We have looked")
	_, code, _ := strings.Cut(path, "code=")
	preview, err := head.Post(w.ctx, "/school/preview", "release", code)
	w.must(err)
	h.says(preview, "the preview of what is held", "what would be sent if you released", ", removed")
	for _, other := range []stack.Person{{Name: "lead", Role: "administrator", Authorities: w.school.Authorities()[:1]}, {Name: "second", Role: "operator"}} {
		page, err := h.browser(other).Post(w.ctx, "/school/held", "code", code, "sure", "yes")
		w.must(err)
		if page.Code != http.StatusForbidden {
			t.Errorf("%s releases what the school holds: %d", other.Role, page.Code)
		}
	}
	if now := h.contacts(); now != before {
		t.Fatalf("%d contacts of %d are left although the school has not said yes", now, before)
	}
	h.post(head, "/school", "/school/held", "code", code, "sure", "yes")
	w.same()
	if now := h.contacts(); now >= before {
		t.Errorf("%d contacts of %d are left after the school's yes", now, before)
	}
	if page := h.get(head, "/school", "It is released."); strings.Contains(page, "What a safety stop keeps back") {
		t.Error("something is held still")
	}
	h.get(head, "/school/log", "A person at the school said yes to what was held back ("+code+")")
	page2, err := head.Post(w.ctx, "/school/held", "code", code, "sure", "yes")
	w.must(err)
	if page2.Code != http.StatusConflict {
		t.Errorf("a yes given twice is answered with %d", page2.Code)
	}
}

// loses takes many contacts away and has the agent read: the page of what is held then.
func (h *hosting) loses() (path string) {
	h.t.Helper()
	h.loseContacts()
	h.must(h.school.WriteCSV(h.folder()))
	r, err := h.agent.Try(h.ctx, "sync")
	h.must(err)
	_, code, held := strings.Cut(r.Stdout, "release code ")
	if r.Code == 0 || !held {
		h.t.Fatalf("nothing is held (%d):\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	return "/school/held?code=" + code[:8]
}

func (h *hosting) contacts() int {
	h.t.Helper()
	all, err := h.collector.Records(h.ctx, schoolID)
	h.must(err)
	return all.Counts()["contact"]
}
