package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"rollbridge/collector/intake"
	"rollbridge/shared/logkey"
)

// Limits of the portal and of the private listener; intake has its own.
const (
	headerTime  = 10 * time.Second
	readTime    = 30 * time.Second
	writeTime   = time.Minute
	idleTime    = 2 * time.Minute
	headerBytes = 16 << 10
	// stopTime is how long answers may take once the process is to end.
	stopTime = 15 * time.Second
)

var errEndedEarly = errors.New("it ended by itself")

// A listener is one address that is open and will be served.
type listener struct {
	name   string
	socket net.Listener
	server *http.Server
}

// pages makes the server of a handler for people; without certificates it
// speaks plain HTTP.
func pages(h http.Handler, c *intake.Certificates, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: headerBytes,
		// What strangers do wrong on a connection is no news.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if c != nil {
		s.TLSConfig = c.Config()
	}
	return s
}

// open binds the address at once, so that a taken one ends the start.
func open(name, address string, s *http.Server) (*listener, error) {
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w: if another process has this address, give this one another in %s.listen", name, err, name)
	}
	return &listener{name: name, socket: socket, server: s}, nil
}

// serve answers until ctx ends, and then for at most stopTime more.
func (l *listener) serve(ctx context.Context, log *slog.Logger) error {
	log.Info("listening", logkey.Role, l.name, logkey.Address, l.socket.Addr().String())
	ended := make(chan error, 1)
	go func() {
		if l.server.TLSConfig != nil {
			ended <- l.server.ServeTLS(l.socket, "", "")
			return
		}
		ended <- l.server.Serve(l.socket)
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w: %w", l.name, errEndedEarly, err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := l.server.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		// What was not answered in time is sent again by its agent.
		err = l.server.Close()
	}
	<-ended
	if err != nil {
		return fmt.Errorf("stop %s: %w", l.name, err)
	}
	return nil
}
