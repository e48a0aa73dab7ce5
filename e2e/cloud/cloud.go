// Package cloud is the server under the doubles of cloud MISs: it answers on
// 127.0.0.1 over plain HTTP with what a double's handler says, remembers what was
// asked, and stages what goes wrong between a school and its MIS.
//
// # What it guarantees
//
// A handler is asked one request at a time, so that it may read a demo school;
// [Server.Change] keeps requests away while a test changes that school. What is
// staged is done to the answer after the handler made it, or instead of it; what
// no fault matches goes out as the handler wrote it. [Server.Seen] has every
// request, those with staged answers too.
//
// # What it never does
//
// It knows nothing of any MIS: sign-in, paging and the MIS's own form of errors
// are the double's. It keeps no answer.
//
// Start reading at Start and Fault.
package cloud

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// A Request is one that was answered.
type Request struct {
	Method, Path string
	Query        url.Values
	Status       int // 0: none was sent
}

// A Server answers for one MIS. Its methods may be called by many at once.
type Server struct {
	handler http.Handler
	http    *http.Server
	url     string
	ended   chan struct{}

	answering sync.Mutex // one handler at a time, none during Change

	mu     sync.Mutex
	faults []*staged
	seen   []Request
}

// Start answers with h on a free port until Close.
func Start(h http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a cloud MIS: %w", err)
	}
	s := &Server{handler: h, url: "http://" + l.Addr().String(), ended: make(chan struct{})}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.ended)
		_ = s.http.Serve(l) // ends with Close
	}()
	return s, nil
}

// URL is the address of the server, without a slash at its end.
func (s *Server) URL() string { return s.url }

// Close breaks what is still being answered and ends the server. It may be
// called twice.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.ended
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("end a cloud MIS: %w", err)
	}
	return nil
}

// Change runs do while no request is being answered.
func (s *Server) Change(do func()) {
	s.answering.Lock()
	defer s.answering.Unlock()
	do()
}

// Stage adds faults; the first that matches a request is done to it.
func (s *Server) Stage(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &staged{Fault: f, first: map[string]answer{}})
	}
}

// Calm ends every fault.
func (s *Server) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Seen are the requests since the start or the last Forget, in the order in
// which their answers ended.
func (s *Server) Seen() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// Forget empties what Seen has.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	out := &noted{ResponseWriter: w}
	// Also when a fault breaks the connection with a panic.
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Status: out.status})
	}()
	f := s.fault(r)
	if f == nil {
		s.ask(out, r)
		return
	}
	f.do(s, out, r)
}

// ask lets the handler answer.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	s.answering.Lock()
	defer s.answering.Unlock()
	s.handler.ServeHTTP(w, r)
}

// noted remembers the status that was sent.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	if n.status == 0 {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

func (n *noted) Write(p []byte) (int, error) {
	if n.status == 0 {
		n.status = http.StatusOK
	}
	return n.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }
