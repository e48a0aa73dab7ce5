package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/collector/language"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// A View is what a template is given as its dot. Inside range and with it is $.
type View struct {
	*language.Printer
	Page
	// Flash says once that something was done.
	Flash string

	visit *Visit
}

// User is who is signed in.
func (v *View) User() account.User { return v.visit.User }

// Authority is whose pages these are.
func (v *View) Authority() store.Authority { return v.visit.Authority }

// Authorities are those that the person may choose from.
func (v *View) Authorities() []store.Authority { return v.visit.mine }

// Can says whether the person has a right.
func (v *View) Can(r account.Right) bool { return v.visit.User.May(r) }

// Now is when the page was asked for.
func (v *View) Now() time.Time { return v.visit.Now }

// Moment is a time as seen from now; a time that never was says so.
func (v *View) Moment(t time.Time) string {
	if t.IsZero() {
		return v.T("web.never")
	}
	return v.Printer.Moment(t, v.visit.Now)
}

// Ago is how long ago a time was.
func (v *View) Ago(t time.Time) string {
	if t.IsZero() {
		return v.T("web.never")
	}
	return v.Printer.Ago(t, v.visit.Now)
}

// FullTitle is the title as browsers show it; a form with an error says so first.
func (v *View) FullTitle() string {
	title := v.Title + " - Rollbridge"
	if len(v.Problems) > 0 {
		return v.T("web.error-title", "Title", title)
	}
	return title
}

// Public says that these pages are not the operator's own: there are some that anybody may
// open.
func (v *View) Public() bool { return !v.visit.site.Plain }

// Cookie is the whole name of a cookie on these pages.
func (v *View) Cookie(name string) string { return v.visit.site.cookie(name) }

// Other is the language that the page is not in.
func (v *View) Other() language.Language {
	if v.Language() == language.English {
		return language.Welsh
	}
	return language.English
}

// Back is the page to come back to from a choice that belongs to no page.
func (v *View) Back() string {
	r := v.visit.R
	if r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		return local(from.RequestURI())
	}
	return "/"
}

// A MenuEntry is one entry of the navigation.
type MenuEntry struct {
	Section string
	Path    string
	Key     string // of its text
	Right   account.Right
}

var menu = []MenuEntry{
	{"today", "/", "web.menu.today", account.SeeToday},
	{"schools", "/schools", "web.menu.schools", account.SeeSchools},
	{"children", "/children", "web.menu.children", account.SeeChildren},
	{"calls", "/calls", "web.menu.calls", account.RecordCalls},
	{"reports", "/reports", "web.menu.reports", account.SeeReports},
	{"people", "/people", "web.menu.people", account.ManagePeople},
	{"school", "/school", "web.menu.school", account.SchoolPage},
}

// entries are those that this person may open.
func (v *Visit) entries() (list []MenuEntry) {
	all := menu
	if v.site.Menu != nil {
		all = v.site.Menu
	}
	for _, e := range all {
		if v.User.May(e.Right) {
			list = append(list, e)
		}
	}
	return list
}

// home is where this person begins.
func (v *Visit) home() string {
	if v.site.Home != "" {
		return v.site.Home
	}
	if list := v.entries(); len(list) > 0 {
		return list[0].Path
	}
	if v.User.ID != "" {
		return "/account"
	}
	return "/"
}

// Menu is the navigation of this person.
func (v *View) Menu() []MenuEntry { return v.visit.entries() }

// Home is where this person begins.
func (v *View) Home() string { return v.visit.home() }

// Here is the entry of the navigation that the page belongs to.
func (v *View) Here() string { return v.visit.route.Section }

// Ends is when the session ends if no other page is opened.
func (v *View) Ends() time.Time { return v.visit.Ends() }

// EndsIn is Ends in seconds from now, for portal.js.
func (v *View) EndsIn() int { return int(v.visit.Ends().Sub(v.visit.Now) / time.Second) }

// WarnBefore is how many seconds before the end portal.js warns.
func (v *View) WarnBefore() int { return int(SessionWarning / time.Second) }

// Restored says that the form is filled in as it was before the session ended.
func (v *View) Restored() bool { return v.visit.kept != nil }

// A Tag is a status word with its colour.
type Tag struct{ Text, Colour string }

// Tag is for the block "tag".
func (v *View) Tag(w status.Word) Tag { return Tag{v.Word(w), w.Info().Colour} }

// A Piece is a part of a text.
type Piece struct {
	Text string
	// Code says that it is a command, or what a program said.
	Code bool
}

// Marked is for the block "marked": what stands in backquotes in a text is code.
func (v *View) Marked(text string) (list []Piece) {
	for i, piece := range strings.Split(text, "`") {
		if piece != "" {
			list = append(list, Piece{piece, i%2 == 1})
		}
	}
	return list
}

// A Seen is a time as a cell of a table shows it; both are empty for never.
type Seen struct{ Ago, At, Never string }

// Seen is for the block "moment".
func (v *View) Seen(t time.Time) Seen {
	if t.IsZero() {
		return Seen{Never: v.T("web.never")}
	}
	return Seen{Ago: v.Ago(t), At: v.Moment(t)}
}

// A Row is one line of a summary list, with a link that does something about it where
// Path is set.
type Row struct{ Key, Value, Path, Action, What string }

// Row is for the block "row". Texts are ready to be shown; what says for whoever hears
// the link alone what it is about.
func (v *View) Row(key string, value any, link ...string) Row {
	r := Row{Key: key, Value: text(v, value)}
	if len(link) > 1 {
		r.Path, r.Action = link[0], link[1]
	}
	if len(link) > 2 {
		r.What = link[2]
	}
	return r
}

func text(v *View, value any) string {
	switch x := value.(type) {
	case string:
		return x
	case int:
		return v.Number(x)
	case time.Time:
		return v.Moment(x)
	}
	return ""
}

// A Sort is the head of a column by which a table can be sorted.
type Sort struct {
	Text, Path, State, Help string
	Numeric                 bool
}

// Sort is for the block "sort": the address's ?sort names the column, with a minus in
// front for the other way round.
func (v *View) Sort(column, key string, numeric ...bool) Sort {
	q := v.visit.R.URL.Query()
	now := q.Get("sort")
	s := Sort{Text: v.T(key), State: "none", Help: v.T("web.sort.up"), Numeric: len(numeric) > 0 && numeric[0]}
	next := column
	switch now {
	case column:
		s.State, s.Help, next = "ascending", v.T("web.sort.down"), "-"+column
	case "-" + column:
		s.State = "descending"
	}
	q.Set("sort", next)
	q.Del("page")
	s.Path = "?" + q.Encode()
	return s
}

// PageSize is how many rows a table of a page has.
const PageSize = 25

// A Paging is where in a long list a page is.
type Paging struct{ Page, Pages, Total int }

// Paging finds the page that ?page asks for; one that is not there is the nearest.
func (v *Visit) Paging(total int) Paging {
	p := Paging{Pages: max(1, (total+PageSize-1)/PageSize), Total: total}
	p.Page, _ = strconv.Atoi(v.R.URL.Query().Get("page"))
	p.Page = min(max(p.Page, 1), p.Pages)
	return p
}

// From is the index of the page's first row, To that after its last.
func (p Paging) From() int { return (p.Page - 1) * PageSize }

// To is of From.
func (p Paging) To() int { return min(p.From()+PageSize, p.Total) }

// A PageLink is one entry of the block "pagination"; one without a number is a gap.
type PageLink struct {
	Number int
	Path   string
	Here   bool
}

// Pagination is for the block "pagination".
type Pagination struct {
	Links                    []PageLink
	Previous, Next           string
	PreviousText, NextText   string
	Label, PageText, Showing string
}

// Pages is for the block "pagination".
func (v *View) Pages(p Paging) Pagination {
	to := func(n int) string {
		q := v.visit.R.URL.Query()
		q.Set("page", strconv.Itoa(n))
		return "?" + q.Encode()
	}
	out := Pagination{
		PreviousText: v.T("web.page.previous"), NextText: v.T("web.page.next"), Label: v.T("web.page.label"), PageText: v.T("web.page.page"),
		Showing: v.T("web.page.showing", "From", v.Number(p.From()+1), "To", v.Number(p.To()), "Total", v.Number(p.Total)),
	}
	if p.Pages < 2 {
		return out
	}
	if p.Page > 1 {
		out.Previous = to(p.Page - 1)
	}
	if p.Page < p.Pages {
		out.Next = to(p.Page + 1)
	}
	last := 0
	for _, n := range slices.Compact([]int{1, max(2, p.Page-1), p.Page, min(p.Page+1, p.Pages), p.Pages}) {
		if n <= last {
			continue
		}
		if n > last+1 {
			out.Links = append(out.Links, PageLink{})
		}
		out.Links = append(out.Links, PageLink{Number: n, Path: to(n), Here: n == p.Page})
		last = n
	}
	return out
}

// Phone is a number as a link dials it.
func (v *View) Phone(number string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
}
