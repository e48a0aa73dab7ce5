package sqlserver_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/standin/tds"
)

// browserHost is a loopback address whose UDP port 1434 is free: SQL Browser has
// no other port.
func browserHost(t *testing.T) string {
	t.Helper()
	for range 20 {
		host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 2+rand.IntN(250))
		c, err := net.ListenPacket("udp", host+":1434")
		if err == nil {
			c.Close()
			return host
		}
	}
	t.Fatal("no loopback address has UDP port 1434 free")
	return ""
}

func TestInstance(t *testing.T) {
	s := &server{host: browserHost(t), answer: pupils(1)}
	s.start(t)
	browser, err := tds.ListenBrowser(s.host+":1434", map[string]int{"SIMS": s.port})
	if err != nil {
		t.Fatal(err)
	}
	defer browser.Close()
	set := s.settings(t)
	set.Port, set.Instance = 0, "sims"
	open(t, set)

	set.Instance = "OTHER"
	refused(t, set, sqlserver.Down, "knows no instance OTHER", "port")

	// The instance has moved to a port where nothing listens.
	l, err := net.Listen("tcp", s.host+":0")
	if err != nil {
		t.Fatal(err)
	}
	browser.Set("SIMS", l.Addr().(*net.TCPAddr).Port)
	l.Close()
	set.Instance = "SIMS"
	refused(t, set, sqlserver.Down, "cannot be reached")

	// Nothing listens for SQL Browser.
	browser.Close()
	refused(t, set, sqlserver.Down, "UDP port 1434", "does not answer")

	// Something does, and says nothing.
	silent, err := net.ListenPacket("udp", s.host+":1434")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	refused(t, set, sqlserver.Down, "does not answer")
}
