package browser

import (
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// focused says what the keyboard is at, as a screen reader names it.
const focused = `(() => {
	const e = document.activeElement;
	if (!e || e === document.body) return "";
	const by = e.getAttribute("aria-labelledby");
	const name = e.getAttribute("aria-label") || (by && document.getElementById(by)?.innerText)
		|| (e.labels && e.labels.length && [...e.labels].map(l => l.innerText).join(" ")) || e.innerText || e.value || "";
	return name.replace(/\s+/g, " ").trim();
})()`

// Focused is the name of what the keyboard is at.
func (t *Tab) Focused() string { t.Helper(); return eval[string](t, focused) }

// Press presses keys that lead to no other page.
func (t *Tab) Press(keys ...string) {
	t.Helper()
	for _, k := range keys {
		t.do(chromedp.KeyEvent(k))
	}
}

// mostSteps is how many presses of the tabulator any page may need.
const mostSteps = 300

// Reach presses the tabulator until the keyboard is at what has this name, and fails
// where nothing has, or where it cannot be seen.
func (t *Tab) Reach(name string) {
	t.Helper()
	var seen []string
	for range mostSteps {
		t.Press(kb.Tab)
		now := t.Focused()
		if now == name {
			t.visible(name)
			return
		}
		if len(seen) < 60 {
			seen = append(seen, now)
		}
	}
	t.Fatalf("%s: the tabulator does not reach %q; it went to %q", t.Path(), name, seen)
}

// visible fails where what the keyboard is at is outside the window or shows no mark.
func (t *Tab) visible(name string) {
	t.Helper()
	state := eval[string](t, `(() => {
		const e = document.activeElement, r = e.getBoundingClientRect();
		if (r.width && (r.bottom < 0 || r.top > innerHeight)) return "outside the window";
		let m = e;
		if (e.matches(".govuk-radios__input, .govuk-checkboxes__input")) return "";
		const s = getComputedStyle(m);
		return s.outlineStyle === "none" && s.boxShadow === "none" ? "without a mark" : "";
	})()`)
	if state != "" {
		t.Errorf("%s: the keyboard is at %q %s", t.Path(), name, state)
	}
}

// Type types into what the keyboard is at, over what was there.
func (t *Tab) Type(text string) {
	t.Helper()
	eval[bool](t, "(e => (e.select && e.select(), true))(document.activeElement)")
	if text == "" {
		t.Press(kb.Delete)
		return
	}
	t.do(chromedp.KeyEvent(text))
}

// Fill reaches the input of a name and types into it.
func (t *Tab) Fill(name, text string) {
	t.Helper()
	t.Reach(name)
	t.Type(text)
}

// Go presses Enter on what the keyboard is at, and waits for the page that it leads to.
func (t *Tab) Go() {
	t.Helper()
	t.leave(chromedp.KeyEvent(kb.Enter))
}

// Follow reaches the link or button of a name and presses Enter.
func (t *Tab) Follow(name string) {
	t.Helper()
	t.Reach(name)
	t.Go()
}

// Choose reaches a group of radio buttons and moves to one of them by the arrows.
func (t *Tab) Choose(name string) {
	t.Helper()
	for range mostSteps {
		t.Press(kb.Tab)
		if eval[string](t, "document.activeElement.type || ''") != "radio" {
			continue
		}
		for range 30 {
			if t.Focused() == name {
				t.Press(" ")
				return
			}
			t.Press(kb.ArrowDown)
		}
	}
	t.Fatalf("%s: no radio button is named %q", t.Path(), name)
}

// Tick reaches a box and ticks it.
func (t *Tab) Tick(name string) {
	t.Helper()
	t.Reach(name)
	t.Press(" ")
}

// Select reaches a drop-down list and picks an entry as people do, by its first letters.
func (t *Tab) Select(name, entry string) {
	t.Helper()
	t.Reach(name)
	t.do(chromedp.KeyEvent(entry))
}
