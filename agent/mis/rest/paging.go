package rest

import "net/url"

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
	// Fill, if not nil, stands for Page and Size where the number is inside
	// another value: it gives the whole path and query of a page.
	Fill func(page int) (path string, query url.Values)
	// Last says of an envelope that no page comes after it. Without it, pages end
	// with the first that has no rows.
	Last func(envelope any) (bool, error)
	// Short says that the MIS fills every page but the last, so that a page with
	// fewer than Rows rows is the last one. Without Last only.
	Short bool
	// Next gives the address of the next page, "" after the last; for kind link.
	Next func(envelope any) (string, error)
	// Count gives how many rows all pages together have, if the envelope says so.
	// Fewer is a fault.
	Count func(envelope any) (int, bool, error)
}

// The kinds of Paging.
const (
	PagingNone = "none"
	PagingPage = "page"
	PagingSkip = "skip"
	PagingLink = "link"
)
