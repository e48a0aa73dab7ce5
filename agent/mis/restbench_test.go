package mis

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollbridge/shared/record"
)

// bigYAML asks for everything of everybody, as the worst interface makes one do.
var bigYAML = strings.NewReplacer(`get: "marks/{pupil}"`, "get: marks", "pupil: $pupil", "pupil: .student").Replace(restYAML)

// A bigCloud has pupils of whom every part-th is in care, with marks of days
// each: one answer, written as it is read.
type bigCloud struct{ pupils, part, days int }

func (c bigCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := bufio.NewWriterSize(w, 64<<10)
	defer out.Flush()
	w.Header().Set("Content-Type", "application/json")
	switch strings.TrimPrefix(r.URL.Path, "/v1/7/") {
	case "students":
		out.WriteString(`{"last":true,"data":{"students":[`)
		for i := range c.pupils {
			if i > 0 {
				out.WriteString(",")
			}
			fmt.Fprintf(out, `{"id":%d,"surname":"Fictional %d","forename":"Ada","upn":null,"born":"2010-02-28","emails":[],"care":{"marker":%t,"authority":"823"}}`, i, i, i%c.part == 0)
		}
		out.WriteString(`]}}`)
	case "contacts":
		out.WriteString(`{"last":true,"data":[]}`)
	case "marks":
		out.WriteString("[")
		first := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
		for day := range c.days {
			date := first.AddDate(0, 0, day).Format("2006-01-02")
			for i := range c.pupils {
				if day+i > 0 {
					out.WriteString(",")
				}
				fmt.Fprintf(out, `{"id":"%d.%s.AM","student":%d,"day":"%s","half":"AM","code":"/","late":null,"notes":null}`, i, date, i, date)
			}
		}
		out.WriteString("]")
	}
}

func (c bigCloud) source(tb testing.TB) *Source {
	tb.Helper()
	server := httptest.NewServer(c)
	tb.Cleanup(server.Close)
	s, err := Open(restProfile(tb, bigYAML), Site{API: &API{Names: map[string]string{"host": server.URL, "school": "7"}, Password: "geheim", RequestTime: 10 * time.Minute}})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// peak is the most that the heap grew while something ran, beside what was
// there before.
func peak(run func()) int64 {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Int64
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), int64(now.HeapAlloc)-int64(before.HeapAlloc)))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	run()
	close(done)
	<-stopped
	return most.Load()
}

// 2,000 pupils and marks of many days go by; the marks of eighty are kept.
func TestRESTMemory(t *testing.T) {
	s := bigCloud{pupils: 2000, part: 25, days: 60}.source(t)
	most := peak(func() {
		got, err := s.Read(context.Background(), Ask{Datasets: []record.Dataset{record.DatasetPupil, record.DatasetAttendance}, Today: "2026-11-20", IDKey: idKey}, everybody, func(Row) error { return nil })
		if err != nil {
			t.Error(err)
		} else if d := got.Datasets[1]; d.Rows != 120_000 || d.Matched != 80*60 {
			t.Errorf("%+v", d)
		}
	})
	if most > 40<<20 {
		t.Errorf("a read took %d MiB", most>>20)
	}
}

// BenchmarkREST reads a term's marks of a school beside a bare pass over the same
// answer with the standard decoder.
func BenchmarkREST(b *testing.B) {
	c := bigCloud{pupils: 2000, part: 25, days: 60}
	rows := float64(c.pupils * c.days)
	ask := Ask{Datasets: []record.Dataset{record.DatasetPupil, record.DatasetAttendance}, Today: "2026-11-20", IDKey: idKey}
	s := c.source(b)
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Read(context.Background(), ask, everybody, func(Row) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("bare", func(b *testing.B) {
		server := httptest.NewServer(c)
		defer server.Close()
		b.ReportAllocs()
		for b.Loop() {
			answer, err := http.Get(server.URL + "/v1/7/marks")
			if err != nil {
				b.Fatal(err)
			}
			d := json.NewDecoder(answer.Body)
			if _, err := d.Token(); err != nil {
				b.Fatal(err)
			}
			for d.More() {
				var row map[string]any
				if err := d.Decode(&row); err != nil {
					b.Fatal(err)
				}
			}
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
