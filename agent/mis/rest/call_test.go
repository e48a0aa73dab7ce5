package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatuses(t *testing.T) {
	for status, c := range map[int]struct {
		kind FaultKind
		says string
		seen int
	}{
		201: {Data, "no answer that is understood", 1},
		206: {Data, "no answer that is understood", 1},
		301: {Data, "not followed", 1},
		302: {Data, "not followed", 1},
		307: {Data, "not followed", 1},
		400: {Data, "does not accept the request for attendance", 1},
		401: {Right, "does not accept the sign-in", 1},
		403: {Right, "does not let this account read attendance", 1},
		404: {Data, "does not know the address", 1},
		405: {Data, "no answer that is understood", 1},
		407: {Setting, "proxy asks for a name", 1},
		410: {Data, "does not know the address", 1},
		422: {Data, "does not accept the request", 1},
		429: {Down, "asked too often", 6},
		500: {Down, "out of order", 6},
		501: {Down, "out of order", 1},
		502: {Down, "out of order", 6},
		503: {Down, "tried 6 times", 6},
		504: {Down, "out of order", 6},
		520: {Down, "out of order", 1},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, Settings{}, header, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://elsewhere.example/Canary")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"message":"Canary"}`))
			}, func(b *bench) {
				f := b.fault(Request{Query: map[string][]string{"name": {canary}}}, c.kind, c.says)
				if f.Status != status || b.seen() != c.seen || b.Cost().Requests != c.seen {
					t.Errorf("status %d, seen %d, cost %+v", f.Status, b.seen(), b.Cost())
				}
				if tries := strings.Count(b.log.String(), "asked again"); tries != c.seen-1 {
					t.Errorf("%d lines in the log", tries)
				}
			})
		})
	}
}

// waits is how long a session waits on its way through some answers.
func waits(t *testing.T, answers ...func(http.Header)) (waited time.Duration, fault *Fault) {
	t.Helper()
	n := 0
	inBubble(t, Settings{}, header, func(w http.ResponseWriter, _ *http.Request) {
		if n < len(answers) {
			answers[n](w.Header())
			w.WriteHeader(http.StatusServiceUnavailable)
			n++
			return
		}
		_, _ = w.Write([]byte(`[]`))
	}, func(b *bench) {
		start := time.Now()
		_, _, err := b.read(Request{})
		waited = time.Since(start)
		errors.As(err, &fault)
	})
	return waited, fault
}

func TestWaiting(t *testing.T) {
	after := func(text string) func(http.Header) {
		return func(h http.Header) { h.Set("Retry-After", text) }
	}
	date := func(d time.Duration) func(http.Header) {
		return func(h http.Header) {
			now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC) // another clock than ours
			h.Set("Date", now.Format(http.TimeFormat))
			h.Set("Retry-After", now.Add(d).Format(http.TimeFormat))
		}
	}
	for name, c := range map[string]struct {
		answers  []func(http.Header)
		from, to time.Duration
		fault    string
	}{
		"seconds":           {[]func(http.Header){after("42")}, 42 * time.Second, 42 * time.Second, ""},
		"date":              {[]func(http.Header){date(time.Minute)}, time.Minute, time.Minute, ""},
		"date that is over": {[]func(http.Header){date(-time.Minute)}, time.Second / 2, time.Second, ""},
		"no number":         {[]func(http.Header){after("soon")}, time.Second / 2, time.Second, ""},
		"below zero":        {[]func(http.Header){after("-5")}, time.Second / 2, time.Second, ""},
		"zero":              {[]func(http.Header){after("0")}, time.Second / 2, time.Second, ""},
		"its own back-off":  {[]func(http.Header){after(""), after(""), after(""), after(""), after("")}, 31 * time.Second / 2, 31 * time.Second, ""},
		"too long":          {[]func(http.Header){after("601")}, 0, 0, "longer than a read may take (10m1s)"},
		"for ever":          {[]func(http.Header){after("18446744073709551615")}, 0, 0, "longer than a read may take"},
		"too long together": {[]func(http.Header){after("400"), after("201")}, 400 * time.Second, 400 * time.Second, "out of order"},
		"as long as may be": {[]func(http.Header){after("400"), after("200")}, 600 * time.Second, 600 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			waited, fault := waits(t, c.answers...)
			if waited < c.from || waited > c.to {
				t.Errorf("waited %s", waited)
			}
			if c.fault == "" && fault != nil || c.fault != "" && (fault == nil || fault.Kind != Down || !strings.Contains(fault.Text, c.fault)) {
				t.Errorf("%v", fault)
			}
		})
	}
}

// cut breaks the connection behind some of an answer that is announced longer.
func cut(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Length", "1000000")
	_, _ = w.Write([]byte(text))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestBrokenConnection(t *testing.T) {
	whole := `{"n":3,"rows":[{"a":1},{"a":2},{"a":3}]}`
	for name, c := range map[string]struct {
		first []string
		then  string
		fault string
		seen  int
	}{
		"before any row":  {[]string{`{"n":3,`}, whole, "", 2},
		"between rows":    {[]string{`{"n":3,"rows":[{"a":1},{"a":2}`, `{"n":3,"rows":[{"a":1}`, `{"n":3,"rows":[{"a":1},{"a":2},{"a"`}, whole, "", 4},
		"in the envelope": {[]string{whole[:len(whole)-1]}, whole, "", 2},
		"other rows":      {[]string{`{"rows":[{"a":1},{"a":3}`}, whole, "gave other rows", 2},
		"fewer rows":      {[]string{`{"rows":[{"a":1},{"a":2},{"a":3}`}, `{"rows":[{"a":1},{"a":2}]}`, "gave other rows", 2},
		"again and again": {[]string{`{`, `{`, `{`, `{`, `{`, `{`}, whole, "The connection to the MIS at 127.0.0.1:8080 broke. The request for attendance was tried 6 times.", 6},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			inBubble(t, Settings{}, header, func(w http.ResponseWriter, _ *http.Request) {
				n++
				if n <= len(c.first) {
					cut(w, c.first[n-1])
				}
				_, _ = w.Write([]byte(c.then))
			}, func(b *bench) {
				r := Request{Rows: []string{"rows"}}
				if c.fault != "" {
					b.fault(r, Down, c.fault)
				} else if rows, envelope := b.must(r); !cmp.Equal(rows, []any{m{"a": 1}, m{"a": 2}, m{"a": 3}}) || !cmp.Equal(envelope, m{"n": 3}) {
					t.Errorf("%v %v", rows, envelope)
				}
				if b.seen() != c.seen {
					t.Errorf("seen %d", b.seen())
				}
			})
		})
	}
}

// An answer that only the end of its connection ends may have been cut.
func TestAnswerWithoutLength(t *testing.T) {
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + text)
			_ = rw.Flush()
		}
	}
	inBubble(t, Settings{}, header, raw(`[1,2]`), func(b *bench) {
		if rows, _ := b.must(Request{}); len(rows) != 2 {
			t.Error(rows)
		}
	})
	inBubble(t, Settings{}, header, raw(`[1,"Canary"`), func(b *bench) {
		b.fault(Request{}, Down, "broke")
		if b.seen() != 6 {
			t.Error(b.seen())
		}
	})
}

func TestNobodyListens(t *testing.T) {
	inBubble(t, Settings{URL: "http://127.0.0.1:1"}, header, says(`[]`), func(b *bench) {
		b.Session.http.Transport.(*wire).base.DialContext = nil // a real one: nothing listens at port 1
		b.fault(Request{}, Down, "Nothing listens at 127.0.0.1:1")
	})
}

func TestSlowAnswers(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		for _, c := range []byte(`["` + strings.Repeat(canary, 1000)) {
			if _, err := w.Write([]byte{c}); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	silent := func(after string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if after != "" {
				_, _ = w.Write([]byte(after))
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		}
	}
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		set  Settings
		says string
	}{
		"one byte a second":  {drip, Settings{RequestTime: time.Hour}, "too slowly"},
		"silence":            {silent(""), Settings{}, "within 1m0s"},
		"silence inside":     {silent(`["Canary",`), Settings{RequestTime: time.Hour}, "too slowly"},
		"silence after much": {silent(`["` + strings.Repeat("x", 5000)), Settings{RequestTime: time.Hour}, "too slowly"},
		"too long":           {drip, Settings{RequestTime: 10 * time.Second}, "within 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, c.set, header, c.h, func(b *bench) {
				b.fault(Request{}, Down, c.says)
				if b.seen() != maxSlowTries {
					t.Errorf("tried %d times", b.seen())
				}
			})
		})
	}
	// A slow caller is not a slow server.
	inBubble(t, Settings{RequestTime: time.Hour}, header, says(`[`+strings.Repeat(`"a",`, 40_000)+`1]`), func(b *bench) {
		n := 0
		_, err := b.Each(b.t.Context(), Request{}, func(int, any) error {
			if n++; n%4000 == 0 {
				time.Sleep(time.Minute)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestEndOfContext(t *testing.T) {
	stop := errors.New("paused by the school")
	for name, h := range map[string]http.HandlerFunc{
		"asking":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"waiting": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "500"); w.WriteHeader(503) },
		"reading": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`[1,`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{}, header, h, func(b *bench) {
				ctx, cancel := context.WithCancelCause(b.t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(stop) })
				_, err := b.Each(ctx, Request{What: "attendance"}, func(int, any) error { return nil })
				if !errors.Is(err, stop) {
					t.Errorf("%v", err)
				}
				b.calm(err.Error())
				if b.seen() != 1 {
					t.Error("asked again")
				}
			})
		})
	}
}

func TestErrorOfRow(t *testing.T) {
	own := fmt.Errorf("the caller's own: %w", &Fault{Kind: Right, Text: "Not ours."})
	inBubble(t, Settings{}, header, says(`[1,2,3]`), func(b *bench) {
		_, err := b.Each(b.t.Context(), Request{}, func(n int, _ any) error {
			if n == 2 {
				return own
			}
			return nil
		})
		if err != own || b.seen() != 1 {
			t.Errorf("%v, seen %d", err, b.seen())
		}
		// The session still works.
		b.must(Request{})
	})
}

func TestReadRequests(t *testing.T) {
	inBubble(t, Settings{ReadRequests: 3}, header, says(`[]`), func(b *bench) {
		for range 3 {
			b.must(Request{})
		}
		b.fault(Request{}, Data, "more than 3 times")
		if b.seen() != 3 || b.Cost().Requests != 3 {
			t.Errorf("seen %d, cost %+v", b.seen(), b.Cost())
		}
	})
}

func TestConnections(t *testing.T) {
	for _, limit := range []int{1, 3} {
		at, most := make(chan int, 1), 0
		at <- 0
		count := func(d int) {
			n := <-at + d
			most = max(most, n)
			at <- n
		}
		inBubble(t, Settings{Connections: limit}, header, func(w http.ResponseWriter, _ *http.Request) {
			count(1)
			time.Sleep(time.Second)
			count(-1)
			_, _ = w.Write([]byte(`[]`))
		}, func(b *bench) {
			for range 9 {
				go func() { _, _, _ = b.read(Request{}) }()
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if most != limit || b.Cost().Requests != 9 {
				t.Errorf("%d at once of %d allowed; %+v", most, limit, b.Cost())
			}
		})
	}
}
