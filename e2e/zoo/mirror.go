package zoo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Mood is how a mirror answers.
type Mood int

// The moods.
const (
	Fine Mood = iota
	// Forbids answers 403 where a file is missing, as object stores do.
	Forbids
	// Closed answers 403 to everything.
	Closed
	// Blocks answers everything with a web filter's page and 200.
	Blocks
	// Truncates ends every program half-way, with a length that says so.
	Truncates
	// CutsOff promises a whole program and closes the connection half-way.
	CutsOff
	// Flips turns one bit of every program.
	Flips
	// Holds answers for programs begin and then never go on.
	Holds
	// Fails answers 500.
	Fails
)

const blockPage = `<!DOCTYPE html><html><head><title>Blocked</title></head><body><h1>This page is blocked by your school's web filter</h1></body></html>`

// A Mirror serves the files of a directory.
type Mirror struct {
	URL string

	server *http.Server

	mu    sync.Mutex
	dir   string
	mood  Mood
	asked []string
}

// NewMirror serves dir on loopback, without TLS: what it serves is signed.
func NewMirror(dir string) (*Mirror, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a mirror: %w", err)
	}
	m := &Mirror{URL: "http://" + l.Addr().String() + "/updates/", dir: dir}
	m.server = &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	go func() { _ = m.server.Serve(l) }()
	return m, nil
}

// Serve serves another directory from now on.
func (m *Mirror) Serve(dir string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dir = dir
}

// Feel changes how the mirror answers.
func (m *Mirror) Feel(mood Mood) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mood = mood
}

// Asked are the files asked for so far, in order.
func (m *Mirror) Asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

// Close ends the mirror.
func (m *Mirror) Close() error { return m.server.Close() }

// ServeHTTP answers one request.
func (m *Mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/updates/")
	m.mu.Lock()
	dir, mood := m.dir, m.mood
	m.asked = append(m.asked, name)
	m.mu.Unlock()
	switch mood {
	case Closed:
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	case Fails:
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	case Blocks:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(blockPage))
		return
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist) && mood == Forbids:
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	case err != nil:
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(name, "targets/agent/") {
		switch mood {
		case Truncates:
			data = data[:len(data)/2]
		case Flips:
			data[len(data)/2] ^= 1
		case CutsOff, Holds:
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:len(data)/2])
			if mood == CutsOff {
				panic(http.ErrAbortHandler)
			}
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
	}
	http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(data))
}
