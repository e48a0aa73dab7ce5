package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollbridge/collector/portal/portaltest"
	"rollbridge/e2e/browser"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/status"
)

// host adds a school to the gallery whose agent the operator runs.
func (g *gallery) host() *hosting {
	g.Helper()
	w := emptyWorld(g.T, small())
	w.collector = g.collector
	g.must(os.Mkdir(w.folder(), 0o755))
	g.must(w.school.WriteCSV(w.folder()))
	h := &hosting{world: w, dir: g.schools, clock: g.clock}
	var err error
	h.code, err = g.collector.AddSchool(g.ctx, stack.School{ID: schoolID, Name: demoschool.SchoolName, Authorities: w.school.Authorities()})
	g.must(err)
	h.enrol(stack.Folder("csv", w.folder()))
	w.sync()
	return h
}

// hostedPages are the pages of a school whose agent the operator runs, through all that the
// school can do there: with what an authority's list says of it meanwhile.
func (g *gallery) hostedPages() {
	g.Helper()
	h := g.host()
	_, authority := h.most()
	see := func(name, path string) { g.Helper(); g.see(name, "school", schoolID, path) }
	see("hosted", "/school")
	see("hosted-scope", "/school/scope")
	see("hosted-log", "/school/log")
	see("hosted-log-older", "/school/log?back=3")
	see("hosted-log-verify", "/school/log/verify")
	g.hostedScope(h, authority)
	g.hostedPreview()
	g.hostedHeld(h)
	g.hostedPause(authority)
	g.hostedAway()
	g.hostedStop(authority)
}

// school are the windows of the school's own person.
func (g *gallery) school() []*browser.Tab { g.Helper(); return g.both("school", schoolID) }

// hostedScope says yes to what is asked for more, takes it back, and gives it again. What
// one window has done the other says a second time, which is refused.
func (g *gallery) hostedScope(h *hosting, authority string) {
	g.Helper()
	_, err := g.collector.Command(g.ctx, "school", "provision", schoolID, "--authority", authority,
		"--dataset", "pupil", "--dataset", "contact", "--dataset", "attendance", "--dataset", "sen")
	g.must(err)
	g.must(stack.Await(g.ctx, "the agent to hear of it", func() (bool, error) {
		if _, err := h.agent.Command(g.ctx, "sync"); err != nil {
			return false, err
		}
		out, err := h.agent.Command(g.ctx, "scope", "show")
		return strings.Contains(out, authority+".sen"), err
	}))
	part := "&part=" + authority + ".sen"
	g.see("hosted-asked", "school", schoolID, "/school")
	g.see("hosted-scope-waits", "school", schoolID, "/school/scope")
	for _, step := range []struct{ name, path string }{
		{"hosted-accept", "/school/scope/accept"}, {"hosted-deny", "/school/scope/change?what=deny" + part}, {"hosted-allow", "/school/scope/change?what=allow" + part},
	} {
		g.see(step.name, "school", schoolID, step.path)
		for _, tab := range g.school() {
			tab.Send()
			g.look(tab, step.name+"-sent")
		}
	}
}

// hostedPreview looks at what would leave, shortened and in full.
func (g *gallery) hostedPreview() {
	g.Helper()
	g.see("hosted-preview", "school", schoolID, "/school/preview")
	for _, tab := range g.school() {
		tab.Send()
		g.look(tab, "hosted-preview-shortened")
		tab.Click(`button[name="reveal"]`)
		g.look(tab, "hosted-preview-in-full")
	}
}

// hostedHeld loses many contacts, and releases that after a look.
func (g *gallery) hostedHeld(h *hosting) {
	g.Helper()
	path := h.loses()
	g.see("hosted-holds", "school", schoolID, "/school")
	g.see("hosted-held", "school", schoolID, path)
	for _, tab := range g.school() {
		tab.Send()
		g.look(tab, "hosted-held-preview")
		tab.Open(g.collector.PortalURL + path)
		tab.Click("#release button")
		g.wrong(tab, "hosted-held-error", http.StatusUnprocessableEntity)
	}
	tab := g.school()[0]
	tab.Pick("#sure")
	tab.Click("#release button")
	g.look(tab, "hosted-released")
}

// hostedPause pauses and goes on.
func (g *gallery) hostedPause(authority string) {
	g.Helper()
	g.see("hosted-pause", "school", schoolID, "/school/pause")
	for _, tab := range g.school() {
		tab.Send()
		g.wrong(tab, "hosted-pause-error", http.StatusUnprocessableEntity)
	}
	tab := g.school()[0]
	tab.Pick(`input[name="how"][value="open"]`)
	tab.Send()
	g.look(tab, "hosted-paused-now")
	g.see("hosted-paused", "school", schoolID, "/school")
	g.becomes(status.Paused)
	g.everywhere("paused", authority)
	tab.Open(g.collector.PortalURL + "/school")
	tab.Click(`form[action="/school/resume"] button`)
	g.look(tab, "hosted-resumed")
}

// becomes waits until the collector has a word for the hosted school.
func (g *gallery) becomes(want status.Word) {
	g.Helper()
	g.must(stack.Await(g.ctx, "the school to be "+string(want), func() (bool, error) {
		r, err := g.collector.Try(g.ctx, "status", "--json") // which also says by its code that alarms are due
		if err != nil {
			return false, err
		}
		var all struct {
			Schools []struct {
				ID string `json:"id"`
				AM struct {
					Status status.Word `json:"status"`
				} `json:"am"`
			} `json:"schools"`
		}
		if err := json.Unmarshal([]byte(r.Stdout), &all); err != nil {
			return false, fmt.Errorf("read the status: %w", err)
		}
		for _, s := range all.Schools {
			if s.ID == schoolID {
				return s.AM.Status == want, nil
			}
		}
		return false, nil
	}))
}

// everywhere looks at an authority's pages that have a word for the hosted school.
func (g *gallery) everywhere(word, authority string) {
	g.Helper()
	for name, path := range map[string]string{"today": "/", "calls": "/calls", "schools": "/schools", "school": "/schools/" + schoolID} {
		g.see(name+"-"+word, "administrator", authority, path)
	}
}

// hostedAway asks while the agent cannot answer: its settings are damaged.
func (g *gallery) hostedAway() {
	g.Helper()
	file := filepath.Join(g.schools, schoolID, "agent.yaml")
	settings, err := os.ReadFile(file)
	g.must(err)
	g.must(os.WriteFile(file, []byte("not: [settings"), 0o600))
	g.see("hosted-home-away", "school", schoolID, "/school")
	for _, tab := range g.school() {
		g.open(tab, sight{name: "hosted-away", path: "/school/scope", code: http.StatusServiceUnavailable})
	}
	g.must(os.WriteFile(file, settings, 0o600))
}

// hostedStop stops the school for good: what its page says then, and when its data are
// destroyed.
func (g *gallery) hostedStop(authority string) {
	g.Helper()
	g.see("hosted-revoke", "school", schoolID, "/school/revoke")
	for _, tab := range g.school() {
		tab.Send()
		g.wrong(tab, "hosted-revoke-error", http.StatusUnprocessableEntity)
	}
	tab := g.school()[0]
	tab.Pick("#sure")
	tab.Send()
	g.look(tab, "hosted-stopped-now")
	g.becomes(status.Stopped)
	g.see("hosted-stopped", "school", schoolID, "/school")
	g.see("hosted-log-stopped", "school", schoolID, "/school/log")
	g.everywhere("stopped", authority)

	g.must(g.collector.Close())
	// The clock has gone on since the gallery began: an hour is longer than it takes.
	setClock(g.T, g.clock, time.Until(portaltest.Now().Add(30*24*time.Hour+time.Hour)))
	_, err := g.collector.Start(g.ctx, "")
	g.must(err)
	g.windows = map[string]*browser.Tab{} // every session has ended
	head := g.signedIn("school", schoolID)
	g.must(stack.Await(g.ctx, "the certificate", func() (bool, error) {
		page, err := head.Get(g.ctx, "/school/certificate")
		return page.Code == http.StatusOK, err
	}))
	g.see("hosted-destroyed", "school", schoolID, "/school")
}
