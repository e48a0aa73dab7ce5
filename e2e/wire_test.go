package e2e

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// A tap forwards the connections of an agent to a SQL Server and keeps what
// crosses. It can read it only where the session is not encrypted.
type tap struct {
	listener net.Listener
	target   string
	tasks    sync.WaitGroup

	mu    sync.Mutex
	open  []net.Conn
	heard [][]byte // one direction of one connection each
}

func newTap(t *testing.T, target string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{listener: l, target: target}
	p.tasks.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *tap) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

func (p *tap) close() {
	p.listener.Close()
	p.mu.Lock()
	for _, c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.tasks.Wait()
}

func (p *tap) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, server)
		p.mu.Unlock()
		p.tasks.Go(func() { p.carry(server, client) })
		p.tasks.Go(func() { p.carry(client, server) })
	}
}

// carry keeps the bytes of one direction until either side ends.
func (p *tap) carry(to, from net.Conn) {
	p.mu.Lock()
	at := len(p.heard)
	p.heard = append(p.heard, nil)
	p.mu.Unlock()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		p.heard[at] = append(p.heard[at], buffer[:n]...)
		p.mu.Unlock()
		if _, wrote := to.Write(buffer[:n]); err != nil || wrote != nil {
			to.Close()
			from.Close()
			return
		}
	}
}

// messages are the contents of the packets, put together again for each
// direction of each connection: a text that is cut by a packet's header is
// whole in them.
func (p *tap) messages() ([][]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all [][]byte
	for _, stream := range p.heard {
		content, err := unpacked(stream)
		if err != nil {
			return nil, err
		}
		all = append(all, content)
	}
	return all, nil
}

const tdsHeader = 8 // type, status, length (2, from the header on), process, number, window

func unpacked(stream []byte) (content []byte, err error) {
	for len(stream) > 0 {
		if len(stream) < tdsHeader {
			return nil, io.ErrUnexpectedEOF
		}
		size := int(binary.BigEndian.Uint16(stream[2:]))
		if kind := stream[0]; kind < 1 || kind > 18 || size < tdsHeader {
			return nil, errors.New("what crossed the wire is not plain TDS")
		}
		size = min(size, len(stream)) // a cut connection ends in the middle
		content = append(content, stream[tdsHeader:size]...)
		stream = stream[size:]
	}
	return content, nil
}
