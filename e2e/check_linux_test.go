package e2e

import (
	"net"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"rollbridge/agent/check"
	"rollbridge/e2e/stack"
)

// TestCheckSwallowedConnection asks for a way on which nobody answers at all.
func TestCheckSwallowedConnection(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t, stack.CollectorOptions{})
	checks(t, w.fresh(t, stack.AgentOptions{}), given(t, w.at(swallowing(t), nil).String()),
		append(skipped("cannot be reached", check.TLS, check.Collector), bad(check.Route, check.Slow, "did not answer", "the network manager"))...)
}

// swallowing is an address at which connections are neither taken nor refused,
// as behind a firewall: a queue that is full.
func swallowing(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*unix.SockaddrInet4).Port))
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return address
}
