package e2e

import (
	"os"
	"testing"

	"rollbridge/e2e/browser"
	"rollbridge/e2e/stack"
)

// TestStopByKeyboard has a head teacher, whose machine is gone, stop the school for good:
// from the portal's first page, with the code from the safe, by keyboard alone, with
// JavaScript and without.
func TestStopByKeyboard(t *testing.T) {
	needChromium(t)
	for name, o := range map[string]browser.Options{"with JavaScript": {}, "without JavaScript": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			w := emptyWorld(t, small())
			w.must(os.Mkdir(w.folder(), 0o755))
			w.must(w.school.WriteCSV(w.folder()))
			code := w.enrolWithSafe(w.setUpCollector(stack.CollectorOptions{}))
			w.sync()

			tab := browser.Start(t).Tab(t, o)
			tab.Open(w.collector.PortalURL)
			tab.Follow("Stop a school")
			tab.Fill("Revocation code", code)
			tab.Follow("Stop and destroy the data")
			tab.Says("Your word is received")
			tab.Check("a school that was stopped")
			w.must(stack.Await(w.ctx, "the school to be stopped", func() (bool, error) { return len(w.stops()) == 1, nil }))
			w.hidden("stopped")
		})
	}
}
