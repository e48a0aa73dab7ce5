package tds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sort"
	"strings"
	"sync"
)

// Messages of SQL Server Browser (MC-SQLR 2.2).
const (
	browserAllBroadcast = 0x02
	browserAll          = 0x03
	browserOne          = 0x04
	browserAnswer       = 0x05
	maxInstanceName     = 32
	maxBrowserAnswer    = 64<<10 - 1
)

// A Browser answers as SQL Server Browser does (UDP 1434, MC-SQLR): which TCP
// port an instance listens at. It answers a question about all instances and
// about one; a question about an instance that there is not stays without an
// answer, and so does everything else. Its methods may be called concurrently.
type Browser struct {
	socket    net.PacketConn
	done      chan struct{}
	mu        sync.Mutex
	instances map[string]int
}

// ListenBrowser answers at a UDP address for instances, by name with their TCP
// port. The caller closes it.
func ListenBrowser(addr string, instances map[string]int) (*Browser, error) {
	b := &Browser{done: make(chan struct{}), instances: map[string]int{}}
	for name, port := range instances {
		if name == "" || len(name) > maxInstanceName || strings.ContainsAny(name, ";\x00") || port < 1 || port > 65535 {
			return nil, fmt.Errorf("instance %q at port %d: want a name of 1 to %d characters without semicolons, and a port", name, port, maxInstanceName)
		}
		b.instances[name] = port
	}
	socket, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen as SQL Server Browser: %w", err)
	}
	b.socket = socket
	go b.serve()
	return b, nil
}

// Addr is the address that it listens at.
func (b *Browser) Addr() string { return b.socket.LocalAddr().String() }

// Set changes an instance's port; 0 takes the instance away.
func (b *Browser) Set(instance string, port int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if port == 0 {
		delete(b.instances, instance)
		return
	}
	b.instances[instance] = port
}

// Close stops it. It may be called twice.
func (b *Browser) Close() error {
	err := b.socket.Close()
	<-b.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (b *Browser) serve() {
	defer close(b.done)
	question := make([]byte, 1+maxInstanceName+1)
	for {
		n, from, err := b.socket.ReadFrom(question)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an error about one datagram (ICMP, too long) is not ours
		}
		if answer := b.answer(question[:n]); answer != nil {
			// Nobody may be there to take it, as with any datagram.
			_, _ = b.socket.WriteTo(answer, from)
		}
	}
}

// answer is the datagram that answers a question, or nil.
func (b *Browser) answer(question []byte) []byte {
	if len(question) == 0 {
		return nil
	}
	wanted := ""
	switch question[0] {
	case browserAll, browserAllBroadcast:
	case browserOne:
		name, _, _ := bytes.Cut(question[1:], []byte{0})
		if wanted = string(name); wanted == "" {
			return nil
		}
	default:
		return nil
	}
	text := b.listing(wanted)
	if text == "" || len(text) > maxBrowserAnswer {
		return nil
	}
	answer := binary.LittleEndian.AppendUint16([]byte{browserAnswer}, uint16(len(text)))
	return append(answer, text...)
}

// listing describes one instance, or all for "".
func (b *Browser) listing(wanted string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for name := range b.instances {
		if wanted == "" || strings.EqualFold(name, wanted) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "ServerName;STANDIN;InstanceName;%s;IsClustered;No;Version;16.0.1000.6;tcp;%d;;", name, b.instances[name])
	}
	return text.String()
}
