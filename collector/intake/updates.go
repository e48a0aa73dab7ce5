package intake

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/shared/logkey"
)

// Bounds of how many files are fetched at once, by all and by one source: schools
// share addresses, and a slow line takes long for a program.
const (
	maxFetches       = 256
	maxSourceFetches = 32
	// slowest is how many bytes a second a line must carry.
	slowest = 16 << 10
)

// updates serves the files of releases: regular files whose names a repository has,
// nothing else, and no list of them. They are signed, so who serves them does not
// matter, and they are the same for everybody.
type updates struct {
	dir    string
	refuse func(http.ResponseWriter, *rejection)
	failed func(error)
	served *prometheus.CounterVec

	mu      sync.Mutex
	all     int
	sources map[netip.Prefix]int
}

// What became of requests for updates.
const (
	fetchServed  = "served"
	fetchUnknown = "unknown" // no such file; each check ends with one
	fetchBusy    = "busy"
	fetchFailed  = "failed" // it cannot be read
)

// updatesRoutes adds the files of releases, if there is a directory of them.
func (h *Handler) updatesRoutes() {
	if h.Updates == "" {
		return
	}
	h.mux.Handle("GET /updates/{path...}", &updates{
		dir: h.Updates, refuse: h.refuse, served: h.metrics.updates, sources: map[netip.Prefix]int{},
		failed: func(err error) { h.Log.Error("a file of releases cannot be served", logkey.Error, err.Error()) },
	})
}

// The names of a repository's files.
var (
	metadataName = regexp.MustCompile(`^(timestamp|[1-9][0-9]{0,17}\.(root|targets|snapshot|rollout))\.json$`)
	targetName   = regexp.MustCompile(`^targets/(agent/[0-9a-z.-]{1,64}/[0-9a-z]{1,16}-[0-9a-z]{1,16}/)?[0-9a-f]{64}\.[a-z-]{1,32}(\.[a-z]{1,8})?$`)
)

// ServeHTTP ends every check of a client with 404: it looks for the next root until
// there is none, and takes any other answer for a fault.
func (u *updates) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("path")
	if !metadataName.MatchString(name) && !targetName.MatchString(name) {
		u.unknown(w)
		return
	}
	leave, ok := u.enter(r.RemoteAddr)
	if !ok {
		u.served.WithLabelValues(fetchBusy).Inc()
		u.refuse(w, &rejection{http.StatusServiceUnavailable, reasonBusy, "too many files are fetched at once; try again later"})
		return
	}
	defer leave()
	f, info, err := u.open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.unknown(w)
		return
	case err != nil:
		u.failed(err)
		u.served.WithLabelValues(fetchFailed).Inc()
		u.refuse(w, &rejection{http.StatusServiceUnavailable, reasonBusy, "the file cannot be read now; try again later"})
		return
	}
	defer f.Close()
	u.served.WithLabelValues(fetchServed).Inc()
	u.give(w, r, name, f, info)
}

func (u *updates) unknown(w http.ResponseWriter) {
	u.served.WithLabelValues(fetchUnknown).Inc()
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "there is no such file", http.StatusNotFound)
}

// give sends a file, or the ranges of it that are asked for.
func (u *updates) give(w http.ResponseWriter, r *http.Request, name string, f *os.File, info fs.FileInfo) {
	// A deadline that cannot be set (a test's recorder) leaves Server's.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute + time.Duration(info.Size()/slowest)*time.Second))
	head := w.Header()
	head.Set("Content-Type", "application/octet-stream")
	head.Set("X-Content-Type-Options", "nosniff")
	modified := time.Time{}
	switch base := path.Base(name); {
	case name == "timestamp.json":
		// No date either: two of one second would be taken for the same.
		head.Set("Cache-Control", "no-store")
	case strings.HasPrefix(name, "targets/"):
		hash, _, _ := strings.Cut(base, ".")
		head.Set("ETag", `"`+hash+`"`)
		fallthrough
	default:
		head.Set("Cache-Control", "public, max-age=604800, immutable")
		modified = info.ModTime()
	}
	if strings.HasSuffix(name, ".json") {
		head.Set("Content-Type", "application/json")
	}
	// One range resumes a download; many cost more than they are worth.
	if strings.Contains(r.Header.Get("Range"), ",") {
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", modified, f)
}

// open opens a regular file below the directory and nothing else: what a link names
// may lie anywhere, and what is no file may never end.
func (u *updates) open(name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(u.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open the releases: %w", err)
	}
	defer root.Close()
	for at := name; at != "."; at = path.Dir(at) {
		info, err := root.Lstat(at)
		if err != nil {
			return nil, nil, fmt.Errorf("open the releases: %w", err)
		}
		if at == name && !info.Mode().IsRegular() || at != name && !info.IsDir() {
			return nil, nil, fs.ErrNotExist
		}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("open the releases: %w", err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil, errors.Join(fs.ErrNotExist, err, f.Close())
	}
	return f, info, nil
}

// enter takes a place for a fetch, which the caller gives back by leave.
func (u *updates) enter(address string) (leave func(), ok bool) {
	source := sourceOf(address)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all >= maxFetches || u.sources[source] >= maxSourceFetches {
		return nil, false
	}
	u.all++
	u.sources[source]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.all--
		if u.sources[source]--; u.sources[source] == 0 {
			delete(u.sources, source)
		}
	}, true
}
