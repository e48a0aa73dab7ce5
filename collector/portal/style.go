package portal

import "embed"

// The directory holds govuk.css once `make style` has run, and otherwise a placeholder,
// so that the collector builds on a machine without npm.
//
//go:embed all:assets/dist
var styles embed.FS

// Stylesheet returns the portal's stylesheet as it was at build time. built is false,
// and css nil, when the program was built without it: pages then work unstyled, and the
// collector says so when it starts.
func Stylesheet() (css []byte, built bool) {
	css, err := styles.ReadFile("assets/dist/govuk.css")
	if err != nil {
		return nil, false
	}
	return css, true
}
