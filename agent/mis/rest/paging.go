package rest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Paging says how the pages of an answer are asked for, and which is the last.
type Paging struct {
	// Kind is none, page, skip or link; empty means none.
	Kind string
	// Page is the query parameter that holds the number of the page (page), or
	// how many rows to pass over (skip); Size the one that holds Rows. Empty
	// means that it is not sent.
	Page, Size string
	// First is the number of the first page (or of the first row), Rows how many
	// rows to ask for at a time.
	First, Rows int
	// Fill, if not nil, stands for Page where the number is inside another value:
	// it gives the whole path and query of a page.
	Fill func(page int) (path string, query url.Values)
	// Last says of an envelope that no page comes after it. Without it, pages end
	// with the first that has no rows.
	Last func(envelope any) (bool, error)
	// Short says that the MIS fills every page but the last, so that a page with
	// fewer than Rows rows is the last one. Without Last only.
	Short bool
	// Next gives the address of the next page, "" after the last; for kind link.
	// It may be relative to the page that names it.
	Next func(envelope any) (string, error)
	// Count gives how many rows all pages together have, if the envelope says so.
	// Fewer is a fault, and so is a number that falls from page to page: what was
	// taken out has moved rows from a page to come to one that was read. As many
	// are the end if there is no Last.
	Count func(envelope any) (int, bool, error)
}

// The kinds of Paging.
const (
	PagingNone = "none"
	PagingPage = "page"
	PagingSkip = "skip"
	PagingLink = "link"
)

const maxPages = 10_000

// A walk goes from page to page.
type walk struct {
	base    *url.URL
	request Request
	target  *url.URL // of the page to ask for
	number  int      // of that page, or the rows to pass over

	pages, rows int
	count       int // that the envelope names; -1 unknown
	sums        map[uint64]struct{}
	links       map[string]struct{}
}

func newWalk(s *Session, r Request) (*walk, error) {
	w := &walk{base: s.base, request: r, number: r.Paging.First, count: -1, sums: map[uint64]struct{}{}, links: map[string]struct{}{}}
	p := r.Paging
	switch p.Kind {
	case "", PagingNone, PagingPage, PagingSkip:
	case PagingLink:
		if p.Next == nil {
			return nil, &Fault{Kind: Setting, Text: "The profile reads pages by links and does not say where the next one is."}
		}
	default:
		return nil, &Fault{Kind: Setting, Text: fmt.Sprintf("The profile reads pages by %q: it must be none, page, skip or link.", p.Kind)}
	}
	if p.Short && p.Rows <= 0 {
		return nil, &Fault{Kind: Setting, Text: "The profile says that every page but the last is full, and not of how many rows."}
	}
	return w, w.aim()
}

// aim sets the target to the page with the current number.
func (w *walk) aim() error {
	p, path, query := w.request.Paging, w.request.Path, url.Values{}
	for name, values := range w.request.Query {
		query[name] = values
	}
	if p.Fill != nil {
		path, query = p.Fill(w.number)
		if query == nil {
			query = url.Values{}
		}
	} else if p.Page != "" && (p.Kind == PagingPage || p.Kind == PagingSkip) {
		query.Set(p.Page, strconv.Itoa(w.number))
	}
	if p.Size != "" && p.Rows > 0 {
		query.Set(p.Size, strconv.Itoa(p.Rows))
	}
	target, err := below(w.base, path)
	if err != nil {
		return dataFault("The address at which %s is asked for cannot be used: it holds a part that is no name. Check the names in the settings and the profile.", w.request.What)
	}
	// A plus sign for a space is known to forms only.
	target.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	w.target = target
	return nil
}

// below is path, which is escaped, below base. It never leaves it.
func below(base *url.URL, path string) (*url.URL, error) {
	target := *base
	if path == "" {
		return &target, nil
	}
	for part := range strings.SplitSeq(path, "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		if plain == "." || plain == ".." {
			return nil, fmt.Errorf("path leaves its place")
		}
	}
	raw := strings.TrimRight(base.EscapedPath(), "/") + "/" + strings.TrimLeft(path, "/")
	plain, err := url.PathUnescape(raw)
	if err != nil {
		return nil, err
	}
	target.Path, target.RawPath = plain, raw
	return &target, nil
}

// next goes on from a page that was read; more is false after the last one.
func (w *walk) next(got page) (more bool, err error) {
	w.pages++
	if _, again := w.sums[got.sum]; again && got.rows > 0 {
		return false, dataFault("The MIS sent the same page of %s twice, so it may never end. Check how the profile asks for pages, and ask the supplier of the MIS.", w.request.What)
	}
	w.sums[got.sum] = struct{}{}
	if err := w.recount(got); err != nil {
		return false, err
	}
	if more, err = w.advance(got); err != nil {
		return false, err
	}
	switch {
	case !more && w.rows < w.count:
		return false, dataFault("The MIS says that there are %d rows of %s and sent %d. Check how the profile asks for pages, and ask the supplier of the MIS.", w.count, w.request.What, w.rows)
	case more && w.pages >= maxPages:
		return false, dataFault("The MIS sent over %d pages of %s. Ask for larger pages in the profile.", maxPages, w.request.What)
	}
	return more, nil
}

func (w *walk) recount(got page) error {
	if w.request.Paging.Count == nil || got.envelope == nil {
		return nil
	}
	n, known, err := w.request.Paging.Count(got.envelope)
	if err != nil {
		return expressionFault(w.request.What, "count", err)
	}
	if known && n < w.count {
		return &Fault{Kind: Down, Text: fmt.Sprintf("The rows of %s changed while they were read page by page, so that some may have been passed over. It is asked again at the next read; nothing is lost.", w.request.What)}
	}
	if known {
		w.count = n
	}
	return nil
}

// advance sets the target to the page after got.
func (w *walk) advance(got page) (more bool, err error) {
	if got.none {
		return false, w.promised()
	}
	switch w.request.Paging.Kind {
	case PagingLink:
		return w.follow(got)
	case PagingPage:
		w.number++
	case PagingSkip:
		w.number += got.rows
	default:
		return false, nil
	}
	last, err := w.last(got)
	if err != nil || last {
		return false, err
	}
	return true, w.aim()
}

// promised is a fault if the page before said that this one holds more.
func (w *walk) promised() error {
	if p := w.request.Paging; w.pages > 1 && (p.Last != nil || p.Kind == PagingLink) {
		return dataFault("The MIS says that more of %s follows and sent nothing. Check how the profile asks for pages, and ask the supplier of the MIS.", w.request.What)
	}
	return nil
}

// last says that nothing follows a page of kind page or skip.
func (w *walk) last(got page) (bool, error) {
	p := w.request.Paging
	if p.Last == nil {
		return got.rows == 0 || w.count >= 0 && w.rows >= w.count || p.Short && got.rows < p.Rows, nil
	}
	last, err := p.Last(got.envelope)
	switch {
	case err != nil:
		return false, expressionFault(w.request.What, "last", err)
	case !last && got.rows == 0:
		return false, dataFault("The MIS sent a page of %s without rows and says that more follow. Check how the profile asks for pages, and ask the supplier of the MIS.", w.request.What)
	}
	return last, nil
}

// follow takes the link to the next page, which must stay with the MIS: the
// request is signed.
func (w *walk) follow(got page) (bool, error) {
	link, err := w.request.Paging.Next(got.envelope)
	if err != nil {
		return false, expressionFault(w.request.What, "next", err)
	}
	if link == "" {
		return false, nil
	}
	target, err := w.target.Parse(link)
	if err != nil {
		return false, dataFault("The MIS names a next page of %s that is no web address. Ask the supplier of the MIS.", w.request.What)
	}
	target.Fragment, target.RawFragment = "", ""
	if target.Scheme != w.base.Scheme || !strings.EqualFold(target.Hostname(), w.base.Hostname()) || port(target) != port(w.base) || target.User != nil {
		return false, dataFault("The MIS names a next page of %s at another address than %s, to which the sign-in is not sent. Check the address of the MIS in the settings, and ask its supplier.", w.request.What, w.base.Host)
	}
	w.links[w.target.String()] = struct{}{}
	if _, again := w.links[target.String()]; again {
		return false, dataFault("The MIS names the same next page of %s twice, so it would never end. Ask the supplier of the MIS.", w.request.What)
	}
	w.target = target
	return true, nil
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
