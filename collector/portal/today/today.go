package today

import (
	"embed"
	"net/http"

	"rollbridge/collector/call"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
)

//go:embed pages/*.html
var files embed.FS

var pages = web.NewTemplates(files)

// A section is what its pages share.
type section struct {
	site      *web.Site
	registers *register.Registers
	book      *call.Book
}

// Routes are the pages of Today.
func Routes(s *web.Site, r *register.Registers, b *call.Book) []web.Route {
	t := &section{s, r, b}
	get := func(path string, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Right: account.SeeToday, Section: "today", Do: do}
	}
	return []web.Route{
		get("/{$}", t.today),
		get("/today/children", t.children),
		get("/today/print", t.paper),
		get("/today/schools-to-phone.csv", t.csv),
		get("/today/schools-to-phone.xlsx", t.xlsx),
	}
}
