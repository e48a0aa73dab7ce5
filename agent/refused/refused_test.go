package refused

import (
	"context"
	"net"
	"testing"
)

func TestConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if _, err := net.Dial("tcp", address); !Connection(err) {
		t.Errorf("nobody listens, and the error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := new(net.Dialer).DialContext(ctx, "tcp", address); err == nil || Connection(err) {
		t.Errorf("given up, and the error is %v", err)
	}
	if Connection(nil) {
		t.Error("no error is one")
	}
}
