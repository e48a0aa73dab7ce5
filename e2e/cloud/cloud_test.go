package cloud

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// pages is a handler that answers with the page asked for.
type pages struct{ Tokens }

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"page": r.URL.Query().Get("page"), "rows": []string{"é", "two"}})
}

func start(t *testing.T) (*Server, *pages) {
	t.Helper()
	p := &pages{}
	s, err := Start(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, p
}

// get is the status, the body, and whether the body broke off.
func get(t *testing.T, s *Server, path string) (status int, body string, broken bool) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	r, err := client.Get(s.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	all, err := io.ReadAll(r.Body)
	return r.StatusCode, string(all), err != nil
}

func TestFaults(t *testing.T) {
	const good = "{\"page\":\"2\",\"rows\":[\"é\",\"two\"]}\n"
	for _, c := range []struct {
		name   string
		fault  Fault
		status int
		holds  func(body string, broken bool) bool
	}{
		{"no fault of this path", Fault{Path: "/other", Kind: Empty}, 200, func(b string, _ bool) bool { return b == good }},
		{"status", Fault{Kind: Status(503)}, 503, func(b string, _ bool) bool { return json.Valid([]byte(b)) }},
		{"status with words", Fault{Path: "/rows", Kind: Status(422), Body: "no such field"}, 422, func(b string, _ bool) bool { return b == "no such field" }},
		{"cut", Fault{Kind: Cut}, 200, func(b string, broken bool) bool { return broken && strings.HasPrefix(good, b) && b != "" }},
		{"half", Fault{Kind: Half}, 200, func(b string, broken bool) bool { return !broken && len(b) == len(good)/2 }},
		{"garbage", Fault{Kind: Garbage}, 200, func(b string, _ bool) bool { return !json.Valid([]byte(b)) }},
		{"login", Fault{Kind: Login}, 200, func(b string, _ bool) bool { return strings.HasPrefix(b, "<!doctype") }},
		{"redirect", Fault{Kind: Redirect}, 302, func(string, bool) bool { return true }},
		{"empty", Fault{Kind: Empty}, 200, func(b string, _ bool) bool { return b == "{}" }},
		{"charset", Fault{Kind: WrongCharset}, 200, func(b string, _ bool) bool { return strings.Contains(b, "\"\xe9\"") }},
		{"bad UTF-8", Fault{Kind: BadUTF8}, 200, func(b string, _ bool) bool { return !utf8.ValidString(b) }},
		{"bigger", Fault{Kind: Bigger}, 200, func(b string, _ bool) bool { return len(b) > 64<<20 && json.Valid([]byte(b)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := start(t)
			s.Stage(c.fault)
			status, body, broken := get(t, s, "/rows?page=2")
			if status != c.status || !c.holds(body, broken) {
				t.Errorf("status %d, want %d; broken %t; %.80q", status, c.status, broken, body)
			}
			if seen := s.Seen(); len(seen) != 1 || seen[0].Path != "/rows" || seen[0].Query.Get("page") != "2" || seen[0].Status != c.status {
				t.Errorf("seen: %+v", seen)
			}
			s.Calm()
			if status, body, _ := get(t, s, "/rows?page=2"); status != 200 || body != good {
				t.Errorf("when calm: %d %q", status, body)
			}
		})
	}
}

// A fault begins after those it lets pass, and ends after its times; the next
// one has its turn then.
func TestWhen(t *testing.T) {
	s, _ := start(t)
	s.Stage(Fault{Path: "/rows", Skip: 1, Times: 2, Kind: Status(429), Seconds: 3}, Fault{Path: "/rows", Skip: 2, Kind: Status(500)})
	var got []int
	for range 5 {
		status, _, _ := get(t, s, "/rows")
		got = append(got, status)
	}
	if want := []int{200, 429, 429, 200, 500}; !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	s.Forget()
	if len(s.Seen()) != 0 {
		t.Error("something is still seen")
	}
}

func TestSamePage(t *testing.T) {
	s, _ := start(t)
	s.Stage(Fault{Path: "/rows", Kind: SamePage})
	_, one, _ := get(t, s, "/rows?page=1")
	_, two, _ := get(t, s, "/rows?page=2")
	if one != two || !strings.Contains(one, `"page":"1"`) {
		t.Errorf("%q, then %q", one, two)
	}
}

func TestTokens(t *testing.T) {
	s, p := start(t)
	token := p.Issue()
	if !p.Good(token) || p.Good("another") {
		t.Error("a token that was issued is not good, or another is")
	}
	s.Stage(Fault{Kind: ExpireToken})
	if status, _, _ := get(t, s, "/rows"); status != 200 || p.Good(token) {
		t.Errorf("status %d; the token is good: %t", status, p.Good(token))
	}
}

// Slow and Drip end when the client goes or the server closes.
func TestNoAnswer(t *testing.T) {
	s, _ := start(t)
	s.Stage(Fault{Path: "/slow", Kind: Slow}, Fault{Path: "/drip", Kind: Drip})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := http.DefaultClient.Do(ask); err == nil {
		r.Body.Close()
		t.Error("there was an answer")
	}
	r, err := http.Get(s.URL() + "/drip")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if n, err := r.Body.Read(make([]byte, 10)); n != 1 || err != nil {
		t.Errorf("%d bytes at first: %v", n, err)
	}
}
