package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// axeFile is where npm puts axe-core (`make axe`).
const axeFile = "node_modules/axe-core/axe.min.js"

var axe = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	source, err := os.ReadFile(filepath.Join(filepath.Dir(here), axeFile))
	if err != nil {
		return "", fmt.Errorf("axe-core is not there: run `make axe` (needs npm): %w", err)
	}
	return string(source), nil
})

// The rules of WCAG 2.2 at A and AA, and what axe-core's makers call good practice.
const axeRun = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
	.then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.target.join(" ") + ": " + n.html + " " + (n.failureSummary || ""))}))))`

type violation struct {
	ID    string
	Help  string
	Nodes []string
}

// Check fails where the page as it stands breaks a rule of accessibility that a machine
// can see: those of axe-core, that of reflow, and a few of our own.
func (t *Tab) Check(state string) {
	t.Helper()
	source, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	if t.options.NoScript { // those of the page have had their chance; axe-core is ours
		t.noScript(false)
		defer t.noScript(true)
	}
	eval[bool](t, "if (!window.axe) {"+source+"}; true")
	var found []violation
	if err := json.Unmarshal([]byte(eval[string](t, axeRun)), &found); err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Errorf("%s, %s: %s: %s\n\t%s", t.Path(), state, v.ID, v.Help, strings.Join(v.Nodes[:min(3, len(v.Nodes))], "\n\t"))
	}
	for _, problem := range eval[[]string](t, ownRules) {
		t.Errorf("%s, %s: %s", t.Path(), state, problem)
	}
}

// ownRules are what axe-core does not look at and people need.
const ownRules = `(() => {
	const found = [];
	const say = (e, what) => found.push(what + ": " + e.outerHTML.slice(0, 160));
	const shown = e => e.getClientRects().length > 0;
	if (!document.documentElement.lang) found.push("the page says no language");
	if (document.querySelectorAll("h1").length !== 1) found.push("there is not one h1, but " + document.querySelectorAll("h1").length);
	if (document.documentElement.scrollWidth > innerWidth + 1) found.push("the page is wider than the window: " + document.documentElement.scrollWidth + " > " + innerWidth);
	for (const t of document.querySelectorAll("table")) {
		if (!t.caption || !t.caption.textContent.trim()) say(t, "a table has no caption");
		for (const h of t.querySelectorAll("th")) if (!h.scope) say(h, "a head of a table has no scope");
	}
	for (const e of document.querySelectorAll("[style], script:not([src]), style")) say(e, "something is inline that the policy forbids");
	for (const e of document.querySelectorAll("meta[http-equiv=refresh]")) say(e, "the page refreshes by itself");
	for (const e of document.querySelectorAll("button, input:not([type=hidden]):not([aria-hidden=true]), select, textarea")) {
		const r = e.getBoundingClientRect();
		if (shown(e) && (r.width < 24 || r.height < 24)) say(e, "a target is smaller than 24 px (" + r.width + " x " + r.height + ")");
		const region = e.closest(".portal-scroll");
		if (region && e.matches("input, select, textarea") && r.right > region.getBoundingClientRect().right + 1) say(e, "a field is out of sight at the side");
	}
	const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
	for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push("the id " + id + " is there twice");
	return found;
})()`
