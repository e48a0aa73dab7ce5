package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// The test program stands for bench where bench starts itself.
func TestMain(m *testing.M) {
	if handled, err := runChild(os.Args[1:]); handled {
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// What this process holds in memory is not counted as the program's.
func TestPeakIsTheProgramsOwn(t *testing.T) {
	own := make([]byte, 100<<20)
	for i := 0; i < len(own); i += 4096 {
		own[i] = 1
	}
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte("a,b\n1,2\n3,4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := itself()
	if err != nil {
		t.Fatal(err)
	}
	u, err := measure(t.Context(), program, nil, childCSV, file)
	if err != nil {
		t.Fatal(err)
	}
	if u.Stdout != "2\n" || u.CPU <= 0 || u.Wall <= 0 {
		t.Errorf("measured %+v", u)
	}
	if u.Peak >= int64(len(own)) {
		t.Errorf("the peak of a small program is %d MiB", u.Peak>>20)
	}
	if _, err := measure(t.Context(), program, nil, childCSV, file+".missing"); err == nil {
		t.Error("a program that failed was measured")
	}
	runtime.KeepAlive(own)
}

func TestVerdictIsOfTheWholeRange(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		limit  float64
		want   string
	}{
		"below":            {[]float64{1, 1.2}, 1.8, verdictOK},
		"at the limit":     {[]float64{1.8}, 1.8, verdictOK},
		"range touches":    {[]float64{1.7, 9}, 1.8, verdictOK},
		"whole range over": {[]float64{1.9, 2.5, 9}, 1.8, verdictOver},
		"far over":         {[]float64{2.8, 3}, 1.8, verdictOver15},
		"no goal":          {[]float64{9}, 0, verdictNone},
		"not measured":     {nil, 1.8, verdictNone},
	} {
		if got := (row{values: c.values, limit: c.limit}).verdict(); got != c.want {
			t.Errorf("%s: verdict is %q, want %q", name, got, c.want)
		}
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{9, 1, 3}); got != 3 {
		t.Errorf("median of three is %v", got)
	}
	if got := median([]float64{4, 1, 9, 2}); got != 3 {
		t.Errorf("median of four is %v", got)
	}
}

func TestPercentile(t *testing.T) {
	var l load
	for i := range 100 {
		l.latency = append(l.latency, time.Duration(100-i))
	}
	if p50, p99, p100 := l.percentile(50), l.percentile(99), l.percentile(100); p50 != 51 || p99 != 100 || p100 != 100 {
		t.Errorf("p50, p99, p100 of 1 to 100 are %d, %d, %d", p50, p99, p100)
	}
}

// What the generator sends must be what an agent could send: each batch
// carries the state that a collector reaches by applying it.
func TestBodiesKeepTheStateDigest(t *testing.T) {
	idKey := bytes.Repeat([]byte{7}, 32)
	b, err := newBodies(newSchool(schoolPupils), idKey)
	if err != nil {
		t.Fatal(err)
	}
	tags := map[record.Key]record.Tag{}
	var state record.Digest
	counts := map[record.Dataset]int{}
	for i, plain := range [][]byte{b.full, b.change, b.back} {
		var m protocol.Manifest
		ops := 0
		err := protocol.ReadBody(plain, &m, func(o protocol.Op) error {
			ops++
			r, err := record.Decode(o.Dataset, o.Record)
			if err != nil {
				return err
			}
			if r.Key() != o.Key {
				t.Errorf("batch %d, operation %d: the record's key is not the operation's", i, ops)
			}
			if i == 0 {
				counts[o.Dataset]++
			}
			if old, found := tags[o.Key]; found {
				state.Remove(old)
			} else if i > 0 {
				t.Errorf("batch %d changes a record that is not there", i)
			}
			tags[o.Key] = record.NewTag(idKey, o.Dataset, o.Key, o.Record)
			state.Add(tags[o.Key])
			return nil
		})
		if err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
		if m.State != state {
			t.Errorf("batch %d: the manifest names another state", i)
		}
		if i > 0 && ops != batchPupils {
			t.Errorf("batch %d has %d changes, want %d", i, ops, batchPupils)
		}
	}
	if counts[record.DatasetPupil] != batchPupils || counts[record.DatasetAttendance] < batchPupils*38 || counts[record.DatasetContact] == 0 {
		t.Errorf("the full batch holds %v", counts)
	}
}

func TestJournalKeepsEverything(t *testing.T) {
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "journal"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	j := &journal{file: f}
	j.synced.L = &j.mu
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 4 {
				if err := j.append([]byte("12345")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size != 50*4*5 {
		t.Errorf("the journal has %d bytes (%v)", size, err)
	}
	if j.durable != j.written {
		t.Errorf("%d of %d appends were answered before they were durable", j.written-j.durable, j.written)
	}
	f.Close()
	if j.append([]byte("x")) == nil {
		t.Error("an append to a closed file was taken as durable")
	}
}

// A server that gives anything but a receipt for what was sent breaks the run.
func TestLoadNeedsReceipts(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": "", "no reply": "<html>", "an answer": `{"answer":{"key":"0000000000000000","payload":"e30=","signature":""}}`,
		"another receipt": `{"receipt":{"key":"0000000000000000","payload":"e30=","signature":""}}`,
	} {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
		u := upload{frame: []byte("frame")}
		u.digest[0] = 1
		server := &server{name: name, url: s.URL, check: hasReceipt, cpu: func() (time.Duration, error) { return 0, nil }}
		if _, err := server.send(t.Context(), []upload{u}, pace{workers: 1}); err == nil {
			t.Errorf("%s was taken as a receipt", name)
		}
		s.Close()
	}
}

// In an open loop the time that an upload waits for its turn counts.
func TestSteadyLoadHidesNoStall(t *testing.T) {
	const stall = 200 * time.Millisecond
	first := make(chan struct{}, 1)
	first <- struct{}{}
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case <-first:
			<-time.After(stall)
		default:
		}
	}))
	defer s.Close()
	server := &server{name: "stalled", url: s.URL, check: anything, cpu: func() (time.Duration, error) { return 0, nil }}
	l, err := server.send(t.Context(), make([]upload, 20), pace{workers: 1, perSecond: 1000})
	if err != nil {
		t.Fatal(err)
	}
	// Every upload was due within 20 ms and waited behind the first.
	if l.percentile(1) < stall/2 {
		t.Errorf("the fastest of the uploads that waited for the stalled one took %s", l.percentile(1))
	}
	if l.late == 0 {
		t.Error("no upload is counted as begun late")
	}
}

func TestRelayCountsBothWays(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	go func() {
		c, err := far.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		got, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.Repeat(got, 3))
	}()
	r, err := newRelay()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	r.serve(far.Addr().String())
	c, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || len(got) != 15 {
		t.Fatalf("got %d bytes back: %v", len(got), err)
	}
	c.Close()
	if up, down := r.take(); up != 5 || down != 15 {
		t.Errorf("counted %d up and %d down, want 5 and 15", up, down)
	}
}

func TestTableShowsWhatIsNotMeasured(t *testing.T) {
	var out strings.Builder
	err := printTable(&out, []row{
		{goal: "P1", what: "a ratio", values: []float64{1.5, 2, 1}, limit: 1.8},
		{goal: "P9", what: "nothing", limit: 1.5, note: "only in the full run"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1.50 (1.00-2.00)", "<= 1.80", "not measured", "only in the full run"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table does not show %q:\n%s", want, out.String())
		}
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{{"-only", "everything"}, {"-seconds", "0"}, {"-database", "mysql://x"}, {"extra"}} {
		var out strings.Builder
		if code := run(t.Context(), args, io.Discard, &out); code != 2 || out.Len() == 0 {
			t.Errorf("%v: exit code %d, %q", args, code, out.String())
		}
	}
}
