package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// served is a handler that has only files of releases.
func served(t *testing.T, dir string) (*Handler, *httptest.Server) {
	t.Helper()
	reg := prometheus.NewRegistry()
	h := &Handler{
		Config: Config{Log: slog.New(slog.DiscardHandler), Updates: dir, Registerer: reg}, mux: http.NewServeMux(), metrics: newMetrics(reg),
	}
	h.updatesRoutes()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return h, s
}

// counted is what the metric says of requests with this end.
func counted(t *testing.T, h *Handler, result string) float64 {
	t.Helper()
	families, err := h.Registerer.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "rollbridge_intake_updates_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *httptest.Server, path string, header ...string) (int, string, http.Header) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := s.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func hashed(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// What a repository holds is given, whatever else lies there is not, and nothing is
// listed.
func TestUpdates(t *testing.T) {
	dir := t.TempDir()
	program := strings.Repeat("program", 1000)
	target := "targets/agent/1.2.0-rc.1/windows-amd64/" + hashed(program) + ".rollbridge-agent.exe"
	for name, content := range map[string]string{
		"timestamp.json": "t", "1.root.json": "r", "2.targets.json": "g", "1795338000.snapshot.json": "s", "1795338000.rollout.json": "o",
		target: program, "targets/" + hashed("x") + ".rollout.json": "x",
		"secret.json": "no", ".hidden": "no", "targets/agent/readme": "no", "1.root.json.bak": "no",
	} {
		put(t, dir, name, content)
	}
	put(t, filepath.Dir(dir), "outside", "no")
	for link, to := range map[string]string{"3.root.json": "../outside", "4.root.json": "1.root.json", "targets/agent/2.0.0": "1.2.0-rc.1"} {
		if err := os.Symlink(to, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "5.root.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	h, s := served(t, dir)
	for path, want := range map[string]string{
		"timestamp.json": "t", "1.root.json": "r", "2.targets.json": "g", "1795338000.snapshot.json": "s", "1795338000.rollout.json": "o",
		target: program, "targets/" + hashed("x") + ".rollout.json": "x",
	} {
		if status, text, _ := get(t, s, "/updates/"+path); status != http.StatusOK || text != want {
			t.Errorf("%s: HTTP %d, %.20q", path, status, text)
		}
	}
	for _, path := range []string{
		"", "2.root.json", "3.root.json", "4.root.json", "5.root.json", "secret.json", ".hidden", "targets", "targets/", "targets/agent/", "targets/agent/readme",
		"1.root.json.bak", "1.root.json/", "01.root.json", "root.json", "%2e%2e/outside", "targets/%2e%2e/secret.json", "..%2foutside", "1.root.json%00",
		strings.Replace(target, "1.2.0-rc.1", "2.0.0", 1), strings.Replace(target, "1.2.0-rc.1", "..", 1),
		"1795338000.snapshot.json%0a", strings.Repeat("a", 5000),
	} {
		if status, text, header := get(t, s, "/updates/"+path); status != http.StatusNotFound || strings.Contains(text, "no\n") || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%.60s: HTTP %d, %.40q, %v", path, status, text, header)
		}
	}
	if n := counted(t, h, fetchServed); n != 7 {
		t.Errorf("%v served", n)
	}
	if res, err := s.Client().Post(s.URL+"/updates/timestamp.json", "text/plain", strings.NewReader("x")); err != nil || res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a post: %v %v", res, err)
	} else {
		res.Body.Close()
	}
	// A download is taken up where it broke off; many ranges are the whole file.
	_, _, header := get(t, s, "/updates/"+target)
	if header.Get("ETag") == "" || !strings.Contains(header.Get("Cache-Control"), "immutable") {
		t.Errorf("headers of a program: %v", header)
	}
	if status, text, _ := get(t, s, "/updates/"+target, "Range", "bytes=6990-", "If-Range", header.Get("ETag")); status != http.StatusPartialContent || text != program[6990:] {
		t.Errorf("a range: HTTP %d, %d bytes", status, len(text))
	}
	if status, text, _ := get(t, s, "/updates/"+target, "Range", "bytes=0-,0-,0-,0-"); status != http.StatusOK || len(text) != len(program) {
		t.Errorf("many ranges: HTTP %d, %d bytes", status, len(text))
	}
	if status, _, _ := get(t, s, "/updates/"+target, "Range", "bytes=9999999-"); status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range behind the end: HTTP %d", status)
	}
	// Two timestamps of one second are two.
	if _, _, header := get(t, s, "/updates/timestamp.json"); header.Get("Cache-Control") != "no-store" || header.Get("Last-Modified") != "" || header.Get("ETag") != "" {
		t.Errorf("headers of the timestamp: %v", header)
	}
}

// A pipe never ends, so it is not opened.
func TestUpdatesOpenNoPipe(t *testing.T) {
	dir := t.TempDir()
	if !pipe(t, filepath.Join(dir, "1.root.json")) {
		return
	}
	_, s := served(t, dir)
	if status, _, _ := get(t, s, "/updates/1.root.json"); status != http.StatusNotFound {
		t.Errorf("HTTP %d", status)
	}
}

func TestUpdatesWithoutARepository(t *testing.T) {
	for name, dir := range map[string]string{"not there yet": filepath.Join(t.TempDir(), "none"), "not wanted": ""} {
		_, s := served(t, dir)
		if status, _, _ := get(t, s, "/updates/timestamp.json"); status != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", name, status)
		}
	}
}

// Fetches are bounded by source and together, and a place is given back.
func TestUpdatesAreBounded(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "timestamp.json", "t")
	h, _ := served(t, dir)
	ask := func(address string) int {
		r := httptest.NewRequest(http.MethodGet, "/updates/timestamp.json", nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for range 3 * maxFetches {
		if code := ask("192.0.2.1:1"); code != http.StatusOK {
			t.Fatalf("one after another: HTTP %d", code)
		}
	}
	// A source whose reader stands still holds its place.
	stuck := make(chan struct{})
	begun := make(chan struct{}, maxFetches)
	hold := func(address string) {
		r := httptest.NewRequest(http.MethodGet, "/updates/timestamp.json", nil)
		r.RemoteAddr = address
		h.ServeHTTP(&slowWriter{httptest.NewRecorder(), begun, stuck}, r)
	}
	done := make(chan struct{})
	for range maxSourceFetches {
		go func() { hold("192.0.2.1:1"); done <- struct{}{} }()
	}
	for range maxSourceFetches {
		<-begun
	}
	if code := ask("192.0.2.1:99"); code != http.StatusServiceUnavailable {
		t.Errorf("one too many of a source: HTTP %d", code)
	}
	if code := ask("192.0.2.2:1"); code != http.StatusOK {
		t.Errorf("another source: HTTP %d", code)
	}
	close(stuck)
	for range maxSourceFetches {
		<-done
	}
	if code := ask("192.0.2.1:1"); code != http.StatusOK {
		t.Errorf("afterwards: HTTP %d", code)
	}
}

type slowWriter struct {
	*httptest.ResponseRecorder
	begun, until chan struct{}
}

func (s *slowWriter) WriteHeader(code int) {
	s.begun <- struct{}{}
	select {
	case <-s.until:
	case <-time.After(time.Minute):
	}
	s.ResponseRecorder.WriteHeader(code)
}
