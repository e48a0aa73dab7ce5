package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strings"
)

//go:embed pages/*.html
var pageFiles embed.FS

// shared are the files of pages/ that every page of every section is made with.
var shared = []string{"pages/layout.html", "pages/blocks.html", "pages/fields.html"}

// ownPages are those that belong to no section.
var ownPages = NewTemplates(pageFiles)

// A Page is what a visit shows.
type Page struct {
	Name  string // of the file in the section's pages/, without .html
	Title string // without the name of the service; nothing about a person
	Code  int    // 0 is 200, or 422 with problems
	// Problems of a form: the title says "Error:" first, a summary and each field say what
	// is wrong.
	Problems Problems
	Data     any
	// Print leaves out everything that is not for paper.
	Print bool
}

// Templates are the pages of one section.
type Templates struct{ pages map[string]*template.Template }

// NewTemplates parses pages/*.html. Each file defines "main"; one whose name begins with
// "_" is shared by the others. Every page has web's layout and blocks (pages/blocks.html
// and pages/fields.html say how each is used). The files are part of the program, so a
// mistake in one ends every test.
func NewTemplates(files fs.FS) *Templates {
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		panic("web: " + err.Error()) // the pattern is well formed
	}
	base := template.Must(template.New("layout.html").ParseFS(pageFiles, shared...))
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			template.Must(base.ParseFS(files, name))
		}
	}
	t := &Templates{pages: map[string]*template.Template{}}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if strings.HasPrefix(page, "_") || page == "layout" || page == "blocks" || page == "fields" {
			continue
		}
		t.pages[page] = template.Must(template.Must(base.Clone()).ParseFS(files, name))
	}
	return t
}

// Names lists the pages.
func (t *Templates) Names() (list []string) {
	for name := range maps.Keys(t.pages) {
		list = append(list, name)
	}
	return list
}

// Show renders before it answers, so that a fault ends in the error page and not in half
// a page.
func (v *Visit) Show(t *Templates, p Page) error {
	page, known := t.pages[p.Name]
	if !known {
		return fmt.Errorf("show the page %s: there is no such file", p.Name)
	}
	if p.Code == 0 {
		p.Code = http.StatusOK
		if len(p.Problems) > 0 {
			p.Code = http.StatusUnprocessableEntity
		}
	}
	content := &View{Printer: v.Printer, Page: p, visit: v}
	if p.Code == http.StatusOK {
		content.Flash = v.takeFlash()
		v.takeKept()
	}
	var b bytes.Buffer
	if err := page.Execute(&b, content); err != nil {
		return fmt.Errorf("show the page %s: %w", p.Name, err)
	}
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.W.Header().Set("Content-Language", string(v.Language()))
	v.W.Header().Add("Vary", "Accept-Language")
	v.W.WriteHeader(p.Code)
	_, _ = v.W.Write(b.Bytes()) // the browser went away
	return nil
}
