package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
)

// marks writes an answer of n rows, of some 130 bytes each.
func marks(w io.Writer, n int) {
	_, _ = io.WriteString(w, `{"meta":{"as_at":"2025-09-01"},"rows":[`)
	for i := range n {
		if i > 0 {
			_, _ = io.WriteString(w, ",\n")
		}
		_, _ = fmt.Fprintf(w, `{"Id":"%d.2025-09-01.AM","StudentId":%d,"Date":"2025-09-01","Session":"AM","Mark":"/","MinsLate":null,"Notes":"","LastUpdated":"2025-09-01T09:00:00"}`, i, i)
	}
	_, _ = io.WriteString(w, `]}`)
}

func marksServer(n int) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		marks(w, n)
	}))
}

// A long answer is never held: what lives in memory does not grow with its rows.
func TestMemoryOfLongAnswer(t *testing.T) {
	const n = 1_000_000 // some 150 MB
	server := marksServer(n)
	defer server.Close()
	s, err := Open(Settings{URL: server.URL}, header)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	start, most := live(), uint64(0)
	rows := 0
	_, err = s.Each(t.Context(), Request{What: "attendance", Rows: []string{"rows"}}, func(int, any) error {
		if rows++; rows%250_000 == 0 {
			most = max(most, live())
		}
		return nil
	})
	if err != nil || rows != n {
		t.Fatalf("%d rows, %v", rows, err)
	}
	if most > start+4<<20 {
		t.Errorf("%d KiB live, %d before the read", most>>10, start>>10)
	}
	if got := s.Cost(); got.Rows != n || got.Bytes < n*100 {
		t.Errorf("cost %+v", got)
	}
}

// BenchmarkEach is a read of 20,000 rows, beside the same answer read by net/http
// and encoding/json alone.
func BenchmarkEach(b *testing.B) {
	const n = 20_000
	server := marksServer(n)
	defer server.Close()
	b.Run("session", func(b *testing.B) {
		s, err := Open(Settings{URL: server.URL, ReadRequests: 1 << 30}, header)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		b.ReportAllocs()
		for b.Loop() {
			rows := 0
			_, err := s.Each(b.Context(), Request{Rows: []string{"rows"}}, func(int, any) error {
				rows++
				return nil
			})
			if err != nil || rows != n {
				b.Fatal(rows, err)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			response, err := http.Get(server.URL)
			if err != nil {
				b.Fatal(err)
			}
			var answer struct{ Rows []any }
			err = json.NewDecoder(response.Body).Decode(&answer)
			response.Body.Close()
			if err != nil || len(answer.Rows) != n {
				b.Fatal(len(answer.Rows), err)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
