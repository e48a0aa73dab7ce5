package tds

import (
	"context"
	"errors"
	"net"
)

var errNotYet = errors.New("tds: not written yet")

// Serve answers one connection until the client leaves, the protocol is broken
// or ctx ends, and closes it. A client that leaves between requests is no error.
func Serve(ctx context.Context, c net.Conn, o Options, h Handler) error { return errNotYet }
