package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// A shelf is a server with numbered rows.
type shelf struct {
	total  int
	cap    int // rows of a page at most; 0: what is asked
	by     string
	asked  []string // query of each request
	change func(page int, answer m)
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.asked = append(s.asked, r.URL.RawQuery)
	number := func(name string, none int) int {
		if n, err := strconv.Atoi(q.Get(name)); err == nil {
			return n
		}
		return none
	}
	size := number("size", 10)
	if s.cap > 0 {
		size = min(size, s.cap)
	}
	page := number("page", 1)
	from := (page - 1) * size
	if s.by == PagingSkip {
		from = number("page", 0)
	}
	to := min(from+size, s.total)
	rows := []any{}
	for i := from; i < to; i++ {
		rows = append(rows, m{"id": i, "name": canary})
	}
	answer := m{"rows": rows, "count": s.total, "next": nil}
	if to < s.total {
		answer["next"] = fmt.Sprintf("http://127.0.0.1:8080/api/x?page=%d&size=%d", page+1, size)
	}
	if s.change != nil {
		s.change(page, answer)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func nextLink(e any) (string, error) {
	link, _ := e.(m)["next"].(string)
	return link, nil
}

func noNext(e any) (bool, error) { return e.(m)["next"] == nil, nil }

func counted(e any) (int, bool, error) {
	n, ok := e.(m)["count"].(int)
	return n, ok, nil
}

func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		shelf  shelf
		paging Paging
		rows   int
		pages  int
	}{
		"none":                    {shelf{total: 7}, Paging{}, 7, 1},
		"page, until none":        {shelf{total: 25}, Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10}, 25, 4},
		"page, until none, whole": {shelf{total: 20}, Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10}, 20, 3},
		"page, smaller ones":      {shelf{total: 25, cap: 4}, Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10}, 25, 8},
		"page, last":              {shelf{total: 25}, Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10, Last: noNext}, 25, 3},
		"page, short":             {shelf{total: 25}, Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10, Short: true}, 25, 3},
		"page, count":             {shelf{total: 20}, Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10, Count: counted}, 20, 2},
		"page, of none":           {shelf{}, Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10, Last: noNext, Count: counted}, 0, 1},
		"skip, until none":        {shelf{total: 25, by: PagingSkip}, Paging{Kind: PagingSkip, Page: "page", Size: "size", Rows: 10}, 25, 4},
		"skip, smaller ones":      {shelf{total: 25, by: PagingSkip, cap: 4}, Paging{Kind: PagingSkip, Page: "page", Size: "size", Rows: 10}, 25, 8},
		"skip, short":             {shelf{total: 9, by: PagingSkip}, Paging{Kind: PagingSkip, Page: "page", Size: "size", Rows: 10, Short: true}, 9, 1},
		"link":                    {shelf{total: 25}, Paging{Kind: PagingLink, Size: "size", Rows: 10, Next: nextLink}, 25, 3},
		"link, count":             {shelf{total: 25, cap: 7}, Paging{Kind: PagingLink, Size: "size", Rows: 10, Next: nextLink, Count: counted}, 25, 4},
		"fill": {shelf{total: 25}, Paging{Kind: PagingPage, First: 1, Short: true, Rows: 10, Fill: func(page int) (string, url.Values) {
			return "filled/" + strconv.Itoa(page), url.Values{"page": {strconv.Itoa(page)}, "filter": {"a=1"}}
		}}, 25, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.shelf
			inBubble(t, Settings{}, header, s.ServeHTTP, func(b *bench) {
				rows, envelope := b.must(Request{Path: "x", Query: url.Values{"filter": {"a=1"}}, Rows: []string{"rows"}, Paging: c.paging})
				for i, row := range rows {
					if row.(m)["id"] != i {
						t.Fatalf("row %d is %v", i, row)
					}
				}
				if len(rows) != c.rows || len(s.asked) != c.pages || envelope.(m)["count"] != c.shelf.total {
					t.Errorf("%d rows in %d pages %q, %v", len(rows), len(s.asked), s.asked, envelope)
				}
				if !strings.Contains(s.asked[0], "filter=a%3D1") {
					t.Errorf("asked %q", s.asked)
				}
			})
		})
	}
}

func TestPagesThatCannotBe(t *testing.T) {
	byPage := Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10}
	byLink := Paging{Kind: PagingLink, Next: nextLink}
	with := func(p Paging, change func(*Paging)) Paging {
		change(&p)
		return p
	}
	link := func(text string) shelf {
		return shelf{total: 25, change: func(_ int, a m) { a["next"] = text }}
	}
	broken := errors.New(canary)
	for name, c := range map[string]struct {
		shelf  shelf
		paging Paging
		says   string
	}{
		"one page for ever":       {shelf{total: 25, change: func(_ int, a m) { a["rows"] = []any{m{"id": 1}} }}, byPage, "the same page of attendance twice"},
		"one page and counts":     {shelf{total: 25, change: func(p int, a m) { a["rows"], a["page"] = []any{m{"id": 1}}, p }}, byPage, "the same page of attendance twice"},
		"one page by links":       {shelf{total: 1000, change: func(_ int, a m) { a["rows"] = []any{m{"id": 1}} }}, byLink, "the same page of attendance twice"},
		"none and never the last": {shelf{total: 25, change: func(_ int, a m) { a["rows"], a["next"] = []any{}, "x" }}, with(byPage, func(p *Paging) { p.Last = noNext }), "without rows and says that more follow"},
		"fewer than counted":      {shelf{total: 25, change: func(_ int, a m) { a["count"] = 26 }}, with(byPage, func(p *Paging) { p.Count = counted }), "there are 26 rows of attendance and sent 25"},
		"fewer, one page":         {shelf{total: 5, change: func(_ int, a m) { a["count"] = 26 }}, Paging{Count: counted}, "there are 26 rows of attendance and sent 5"},
		"fewer, short":            {shelf{total: 25, cap: 4}, with(byPage, func(p *Paging) { p.Short, p.Count = true, counted }), "there are 25 rows of attendance and sent 4"},
		"last is broken":          {shelf{total: 25}, with(byPage, func(p *Paging) { p.Last = func(any) (bool, error) { return false, broken } }), "The expression last"},
		"count is broken":         {shelf{total: 25}, with(byPage, func(p *Paging) { p.Count = func(any) (int, bool, error) { return 0, false, broken } }), "The expression count"},
		"next is broken":          {shelf{total: 25}, with(byLink, func(p *Paging) { p.Next = func(any) (string, error) { return "", broken } }), "The expression next"},
		"same link":               {link("/api/x?Canary=1"), byLink, "the same"},
		"link to itself":          {link("http://127.0.0.1:8080/api/x"), byLink, "the same next page"},
		"link in a ring": {shelf{total: 1000, change: func(p int, a m) {
			a["next"], a["rows"] = []string{"?page=2", "?page=3", "?page=2"}[p%3], []any{p, a["next"]}
		}}, byLink, "the same next page"},
		"other host":            {link("http://evil.example/Canary"), byLink, "at another address"},
		"other host, no scheme": {link("//evil.example/Canary"), byLink, "at another address"},
		"other port":            {link("http://127.0.0.1:9/Canary"), byLink, "at another address"},
		"other scheme":          {link("https://127.0.0.1:8080/Canary"), byLink, "at another address"},
		"strange scheme":        {link("javascript:Canary"), byLink, "at another address"},
		"user in link":          {link("http://Canary@127.0.0.1:8080/api"), byLink, "at another address"},
		"no link":               {link("http://[Canary"), byLink, "no web address"},
		"bad escape":            {link("/%zzCanary"), byLink, "no web address"},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.shelf
			inBubble(t, Settings{}, header, s.ServeHTTP, func(b *bench) {
				b.fault(Request{Path: "x", Rows: []string{"rows"}, Paging: c.paging}, Data, c.says)
			})
		})
	}
}

func TestTooManyPages(t *testing.T) {
	n := 0
	inBubble(t, Settings{}, header, func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `[%d]`, n)
	}, func(b *bench) {
		b.fault(Request{Paging: Paging{Kind: PagingPage, Page: "page"}}, Data, "over 10000 pages")
		if n != maxPages {
			t.Errorf("%d pages", n)
		}
	})
}

// Page 2 fails, and the read with it.
func TestSecondPageFails(t *testing.T) {
	for status, kind := range map[int]FaultKind{403: Right, 404: Data, 500: Down} {
		s := shelf{total: 25}
		inBubble(t, Settings{}, header, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("page") == "2" {
				w.WriteHeader(status)
				return
			}
			s.ServeHTTP(w, r)
		}, func(b *bench) {
			b.fault(Request{Rows: []string{"rows"}, Paging: Paging{Kind: PagingLink, Next: nextLink}}, kind, "attendance")
		})
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ base, path, want string }{
		{"", "", "/api"},
		{"", "Learners", "/api/Learners"},
		{"", "/Learners", "/api/Learners"},
		{"/", "Learners", "/Learners"},
		{"/a%2Fb/", "c%20d%2Fe/f%3Fg", "/a%2Fb/c%20d%2Fe/f%3Fg"},
		{"", "Students('a''b')", "/api/Students('a''b')"},
		{"", "a/", "/api/a/"},
	} {
		set := Settings{}
		if c.base != "" {
			set.URL = "http://127.0.0.1:8080" + c.base
		}
		inBubble(t, set, header, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != c.want+"?%24filter=a%20b%2Bc" {
				t.Errorf("%q + %q is %q", c.base, c.path, r.RequestURI)
			}
			_, _ = w.Write([]byte(`[]`))
		}, func(b *bench) { b.must(Request{Path: c.path, Query: url.Values{"$filter": {"a b+c"}}}) })
	}
	for _, path := range []string{"..", "a/../../b", "a/%2e%2e/b", ".", "%zzCanary"} {
		inBubble(t, Settings{}, header, says(`[]`), func(b *bench) {
			b.fault(Request{Path: path}, Data, "a part that is no name")
			if b.seen() != 0 {
				t.Errorf("%q was asked for", path)
			}
		})
	}
}

// A page that was promised and is empty (204) does not end the rows.
func TestSecondPageIsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		paging Paging
		ends   bool
	}{
		"link":       {Paging{Kind: PagingLink, Next: nextLink}, false},
		"last":       {Paging{Kind: PagingPage, Page: "page", First: 1, Last: noNext}, false},
		"count":      {Paging{Kind: PagingPage, Page: "page", First: 1, Count: counted}, false},
		"until none": {Paging{Kind: PagingPage, Page: "page", First: 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{total: 25}
			inBubble(t, Settings{}, header, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("page") == "2" {
					w.WriteHeader(http.StatusNoContent)
					return
				}
				s.ServeHTTP(w, r)
			}, func(b *bench) {
				r := Request{Rows: []string{"rows"}, Paging: c.paging}
				if c.ends {
					b.must(r)
					return
				}
				b.fault(r, Data, "attendance")
			})
		})
	}
}

// What is taken out between two pages moves rows onto a page that was read. What
// is added does no harm.
func TestCountThatFalls(t *testing.T) {
	for name, by := range map[string]int{"falls": -1, "grows": 1} {
		t.Run(name, func(t *testing.T) {
			s := shelf{total: 25}
			inBubble(t, Settings{}, header, func(w http.ResponseWriter, r *http.Request) {
				s.ServeHTTP(w, r)
				if len(s.asked) == 1 {
					s.total += by
				}
			}, func(b *bench) {
				r := Request{Rows: []string{"rows"}, Paging: Paging{Kind: PagingPage, Page: "page", First: 1, Size: "size", Rows: 10, Last: noNext, Count: counted}}
				if by < 0 {
					b.fault(r, Down, "changed while they were read")
				} else if rows, _ := b.must(r); len(rows) != 26 {
					t.Errorf("%d rows", len(rows))
				}
			})
		})
	}
}

func TestPagingThatIsNone(t *testing.T) {
	for _, p := range []Paging{{Kind: "cursor"}, {Kind: PagingLink}, {Kind: PagingPage, Short: true}} {
		inBubble(t, Settings{}, header, says(`[]`), func(b *bench) { b.fault(Request{Paging: p}, Setting, "The profile") })
	}
}
