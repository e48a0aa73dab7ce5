package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/language"
)

func formOf(t *testing.T, pairs ...string) *Form {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	return (&Visit{R: r, Printer: language.In(language.English)}).Form()
}

const label = "web.cookies.name" // "Name"

func TestText(t *testing.T) {
	for typed, want := range map[string]string{
		" x ": "x", "": "", "Żółć 李 \u200fأ": "Żółć 李 \u200fأ", "12345": "12345", "١٢٣٤٥": "١٢٣٤٥",
		"a\nb": "!", "a\x00b": "!", "123456": "!", "\xff": "!", "<b>": "<b>",
	} {
		f := formOf(t, "x", typed)
		got := f.Text("x", label, len([]rune(strings.TrimSpace(typed))))
		if len([]rune(typed)) == 6 {
			f = formOf(t, "x", typed)
			got = f.Text("x", label, 5)
		}
		if f.OK() != (want != "!") || f.OK() && got != want {
			t.Errorf("%q: %q, %v", typed, got, f.Problems())
		}
	}
	if f := formOf(t, "x", "a\r\nb\tc"); f.Lines("x", label, 5) != "a\nb\tc" || !f.OK() {
		t.Errorf("%v", f.Problems())
	}
	if f := formOf(t); f.Required("x", label, "web.form.choice", 5) != "" || len(f.Problems()) != 1 {
		t.Errorf("%v", f.Problems())
	}
}

func TestChoices(t *testing.T) {
	f := formOf(t, "x", "a", "y", "z", "y", "q", "v", "a", "v", "b", "v", "a", "n", "7", "m", "8", "o", "seven")
	if f.Choice("x", "a", "b") != "a" || f.Choice("none", "a") != "" || !f.OK() {
		t.Errorf("%v", f.Problems())
	}
	if got := f.Choices("v", "a", "b"); strings.Join(got, "") != "ab" {
		t.Errorf("%v", got)
	}
	if n, given := f.Number("n", label, 1, 7); n != 7 || !given || !f.OK() {
		t.Errorf("%d %v", n, f.Problems())
	}
	if _, given := f.Number("none", label, 1, 7); given {
		t.Error("an empty field is a number")
	}
	f.Choices("y", "z")
	f.Number("m", label, 1, 7)
	f.Number("o", label, 1, 7)
	if len(f.Problems()) != 3 || f.Problems().Of("m") != "Name must be a whole number from 1 to 7" {
		t.Errorf("%v", f.Problems())
	}
}

func TestDate(t *testing.T) {
	for _, c := range []struct{ day, month, year, want string }{
		{"23", "11", "2026", "2026-11-23"}, {" 1 ", "02", "2028", "2028-02-01"}, {"29", "2", "2028", "2028-02-29"},
		{"", "", "", ""},
		{"29", "2", "2026", "!"}, {"31", "4", "2026", "!"}, {"0", "1", "2026", "!"}, {"1", "13", "2026", "!"}, {"1", "1", "26", "!"},
		{"x", "1", "2026", "!"}, {"", "1", "2026", "!"}, {"1", "", "2026", "!"}, {"1", "1", "", "!"},
	} {
		f := formOf(t, "x-day", c.day, "x-month", c.month, "x-year", c.year)
		got := string(f.Date("x", label))
		if f.OK() != (c.want != "!") || f.OK() && got != c.want {
			t.Errorf("%v: %q, %v", c, got, f.Problems())
		}
	}
}

func TestClockTime(t *testing.T) {
	for typed, want := range map[string]time.Duration{
		"9:45am": 9*time.Hour + 45*time.Minute, "9.45": 9*time.Hour + 45*time.Minute, "09:45": 9*time.Hour + 45*time.Minute,
		"14:00": 14 * time.Hour, "2pm": 14 * time.Hour, "2 PM": 14 * time.Hour, "2:30 p.m.": 14*time.Hour + 30*time.Minute,
		"12am": 0, "12pm": 12 * time.Hour, "2yp": 14 * time.Hour, "00:00": 0,
		"24:00": -1, "9": -1, "13pm": -1, "0am": -1, "9:60": -1, "nine": -1, "9:4": -1, "-1:00": -1,
	} {
		f := formOf(t, "x", typed)
		got, given := f.ClockTime("x", label)
		if !given || f.OK() != (want >= 0) || f.OK() && got != want {
			t.Errorf("%q: %v, %v", typed, got, f.Problems())
		}
	}
	if _, given := formOf(t).ClockTime("x", label); given {
		t.Error("an empty field is a time")
	}
}

func TestPages(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/schools?word=late&page=7&sort=-name", nil)
	v := &View{Printer: language.In(language.English), visit: &Visit{R: r}}
	p := v.Pages(Paging{Page: 7, Pages: 20, Total: 500})
	var seen []string
	for _, l := range p.Links {
		seen = append(seen, l.Path)
	}
	want := "?page=1&sort=-name&word=late  ?page=6&sort=-name&word=late ?page=7&sort=-name&word=late ?page=8&sort=-name&word=late  ?page=20&sort=-name&word=late"
	if got := strings.Join(seen, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if s := v.Sort("name", label); s.State != "descending" || s.Path != "?sort=name&word=late" {
		t.Errorf("%+v", s)
	}
	if s := v.Sort("town", label); s.State != "none" || s.Path != "?sort=town&word=late" {
		t.Errorf("%+v", s)
	}
}

// A table of a page is sorted and cut on the server, by its address, which keeps the rest.
func TestPaging(t *testing.T) {
	for _, c := range []struct {
		query      string
		total      int
		from, to   int
		page, many int
	}{
		{"", 0, 0, 0, 1, 1}, {"", 1, 0, 1, 1, 1}, {"", 26, 0, 25, 1, 2}, {"page=2", 26, 25, 26, 2, 2},
		{"page=9", 26, 25, 26, 2, 2}, {"page=-1", 26, 0, 25, 1, 2}, {"page=x", 26, 0, 25, 1, 2}, {"page=20", 500, 475, 500, 20, 20},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+c.query, nil)
		p := (&Visit{R: r}).Paging(c.total)
		if got := fmt.Sprint(p.From(), p.To(), p.Page, p.Pages); got != fmt.Sprint(c.from, c.to, c.page, c.many) {
			t.Errorf("%q of %d: %s", c.query, c.total, got)
		}
	}
}
