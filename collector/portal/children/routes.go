package children

import (
	"embed"
	"net/http"

	"rollbridge/collector/call"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var templates = web.NewTemplates(pageFiles)

// pages are the pages of children.
type pages struct {
	site *web.Site
	book *call.Book
	// leftDays is how long a child who has left the list is kept.
	leftDays int
}

// Routes are the pages of children. leftDays is the setting retention.left_days.
func Routes(s *web.Site, leftDays int) []web.Route {
	p := pages{s, call.New(s.Store, s.Vault), leftDays}
	get := func(path string, right account.Right, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Right: right, Section: "children", Do: do}
	}
	post := func(path string, right account.Right, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Right: right, Section: "children", Do: do}
	}
	return []web.Route{
		get("/children", account.SeeChildren, p.list),
		post("/children/search", account.SeeChildren, p.search),
		get("/children/missing", account.SeeChildren, p.missing),
		get("/children/export", account.Export, p.askCohort),
		post("/children/export", account.Export, p.exportCohort),
		get("/children/{school}/{pupil}", account.SeeChildren, p.child),
		get("/children/{school}/{pupil}/export", account.Export, p.askChild),
		post("/children/{school}/{pupil}/export", account.Export, p.exportChild),
	}
}
