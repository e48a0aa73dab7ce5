package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"rollbridge/shared/protocol"
)

// serveBare is the yardstick of intake: the least server that makes what it is
// sent durable before it answers. It reads a POST over TLS, appends the body to
// a file, shares one fdatasync with all that came meanwhile, and answers 200.
// It serves until it is told to end.
func serveBare(listen, cert, key, file string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("yardstick server: %w", err)
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("yardstick server: %w", err)
	}
	j := &journal{file: out}
	j.synced.L = &j.mu
	server := &http.Server{
		Addr:    listen,
		Handler: http.HandlerFunc(j.take),
		// As the product serves: HTTP/1.1 is what agents speak.
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServeTLS("", "") }()
	select {
	case err := <-failed:
		return fmt.Errorf("yardstick server: %w", err)
	case <-stop:
		return server.Close()
	}
}

// A journal appends and syncs in groups: whoever comes while a sync runs waits
// for the next one, which one of them does for all.
type journal struct {
	mu      sync.Mutex
	synced  sync.Cond
	file    *os.File
	written uint64 // appends made
	durable uint64 // appends that a finished sync covers
	syncing bool
	broken  error
}

func (j *journal) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxFrameBytes))
	if err != nil {
		http.Error(w, "not read", http.StatusBadRequest)
		return
	}
	if err := j.append(body); err != nil {
		http.Error(w, "not kept", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (j *journal) append(body []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(body); err != nil {
		return err
	}
	j.written++
	mine := j.written
	for j.durable < mine && j.broken == nil {
		if j.syncing {
			j.synced.Wait()
			continue
		}
		j.syncing = true
		covers := j.written
		j.mu.Unlock()
		err := dataSync(j.file)
		j.mu.Lock()
		j.syncing, j.broken = false, err
		if err == nil {
			j.durable = covers
		}
		j.synced.Broadcast()
	}
	return j.broken
}
