package web

import (
	"embed"
	"net/http"
)

// The directory dist holds what npm built once `make style` has run, and otherwise a
// placeholder, so that the collector builds on a machine without npm.
//
//go:embed all:assets/dist
var built embed.FS

//go:embed files/portal.css files/portal.js files/icon.svg
var ours embed.FS

// An asset is a file that pages load.
type asset struct {
	name, kind string
	file       string
	from       *embed.FS
}

func assets() []asset {
	const css, js = "text/css; charset=utf-8", "text/javascript; charset=utf-8"
	return []asset{
		{"govuk.css", css, "assets/dist/govuk.css", &built},
		{"govuk.js", js, "assets/dist/govuk.js", &built},
		{"portal.css", css, "files/portal.css", &ours},
		{"portal.js", js, "files/portal.js", &ours},
		{"icon.svg", "image/svg+xml", "files/icon.svg", &ours},
	}
}

// Stylesheet returns the stylesheet of govuk-frontend as it was at build time. built is
// false, and css nil, when the program was built without it: pages then work unstyled,
// and the collector says so when it starts.
func Stylesheet() (css []byte, isBuilt bool) {
	css, err := built.ReadFile("assets/dist/govuk.css")
	if err != nil {
		return nil, false
	}
	return css, true
}

// serve lets browsers keep an asset for an hour: it changes only with the program.
func (a asset) serve(w http.ResponseWriter, _ *http.Request) {
	content, err := a.from.ReadFile(a.file)
	if err != nil {
		http.Error(w, "This file is not built.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(content) // the browser went away
}
