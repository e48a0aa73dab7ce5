package web

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"
)

// The stylesheet that was built is the one that is served, and it names neither the
// typeface that only GOV.UK may use nor any address that a page would fetch.
func TestStylesheet(t *testing.T) {
	onDisk, err := os.ReadFile("assets/dist/govuk.css")
	css, there := Stylesheet()
	if errors.Is(err, fs.ErrNotExist) {
		if there || css != nil {
			t.Error("a stylesheet is served that was not built")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !there || !bytes.Equal(css, onDisk) {
		t.Error("the stylesheet on disk is not the one in the program")
	}
	for _, banned := range []string{"GDS Transport", "@font-face", "url("} {
		if bytes.Contains(css, []byte(banned)) {
			t.Errorf("the stylesheet holds %q", banned)
		}
	}
	for _, wanted := range []string{"font-family:arial,sans-serif", ".govuk-table", "MIT License"} {
		if !bytes.Contains(css, []byte(wanted)) {
			t.Errorf("the stylesheet lacks %q", wanted)
		}
	}
	script, err := built.ReadFile("assets/dist/govuk.js")
	if err != nil || !bytes.Contains(script, []byte("initAll")) || !bytes.Contains(script, []byte("MIT License")) || bytes.Contains(script, []byte("sourceMappingURL")) {
		t.Errorf("the script of govuk-frontend is not as portal.js needs it: %v", err)
	}
}
