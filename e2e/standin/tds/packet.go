package tds

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A packetType is the first byte of a packet (MS-TDS 2.2.3.1.1).
type packetType uint8

const (
	packetBatch       packetType = 0x01
	packetCall        packetType = 0x03
	packetAnswer      packetType = 0x04
	packetAttention   packetType = 0x06
	packetBulk        packetType = 0x07
	packetFederated   packetType = 0x08
	packetTransaction packetType = 0x0E
	packetLogin       packetType = 0x10
	packetToken       packetType = 0x11
	packetPrelogin    packetType = 0x12
)

// Bits of a packet's status (MS-TDS 2.2.3.1.2).
const (
	statusLast          = 0x01
	statusIgnore        = 0x02
	statusReset         = 0x08
	statusResetKeepTran = 0x10
)

// errProtocol is what a client is dropped for.
var errProtocol = errors.New("the client broke the protocol")

// broken says how the client broke the protocol.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

// A message is what a client sent in one or more packets.
type message struct {
	kind   packetType
	status byte // of the first packet
	body   []byte
}

// readPacket reads one packet of at most size bytes. The error is io.EOF only
// where a client may leave: before the first byte.
func readPacket(r io.Reader, size int) (kind packetType, status byte, body []byte, err error) {
	var h [headerBytes]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, 0, nil, err
	}
	length := int(binary.BigEndian.Uint16(h[2:]))
	if length < headerBytes || length > size {
		return 0, 0, nil, broken("a packet of %d bytes where %d to %d are allowed", length, headerBytes, size)
	}
	body = make([]byte, length-headerBytes)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, 0, nil, fmt.Errorf("read the rest of a packet: %w", noEOF(err))
	}
	return packetType(h[0]), h[1], body, nil
}

// readMessage reads the packets of one message of at most limit bytes.
func readMessage(r io.Reader, size, limit int) (message, error) {
	var m message
	for first := true; ; first = false {
		kind, status, body, err := readPacket(r, size)
		switch {
		case err != nil && !first:
			return m, fmt.Errorf("read the next packet of a message: %w", noEOF(err))
		case err != nil:
			return m, err
		case first:
			m = message{kind: kind, status: status}
		case kind != m.kind:
			return m, broken("a packet of type %#x inside a message of type %#x", kind, m.kind)
		}
		if status&statusIgnore != 0 {
			return m, broken("a message that is to be ignored, which the stand-in does not do")
		}
		if len(body) == 0 && status&statusLast == 0 {
			return m, broken("an empty packet inside a message")
		}
		if len(m.body)+len(body) > limit {
			return m, broken("a message of type %#x with more than %d bytes", m.kind, limit)
		}
		m.body = append(m.body, body...)
		if status&statusLast != 0 {
			return m, nil
		}
	}
}

// noEOF makes the end of the stream in the middle of something unexpected.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A packetWriter cuts messages into packets. A packet leaves when the next
// byte does not fit, so that the last one is never empty.
type packetWriter struct {
	to     io.Writer
	kind   packetType
	number byte
	buf    []byte // header and body of the packet being filled
	size   int
}

func newPacketWriter(to io.Writer, kind packetType, size int) *packetWriter {
	w := &packetWriter{to: to, kind: kind, size: size}
	w.begin()
	return w
}

func (w *packetWriter) begin() {
	w.buf = append(w.buf[:0], make([]byte, headerBytes)...)
}

// Write adds to the message and sends the packets that it fills.
func (w *packetWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if len(w.buf) >= w.size {
			if err := w.send(0); err != nil {
				return written, err
			}
		}
		n := min(len(p), w.size-len(w.buf))
		w.buf = append(w.buf, p[:n]...)
		p, written = p[n:], written+n
	}
	return written, nil
}

// flush sends what is there without ending the message.
func (w *packetWriter) flush() error {
	if len(w.buf) == headerBytes {
		return nil
	}
	return w.send(0)
}

// finish ends the message.
func (w *packetWriter) finish() error {
	err := w.send(statusLast)
	w.number = 0
	return err
}

func (w *packetWriter) send(status byte) error {
	w.number++
	w.buf[0], w.buf[1], w.buf[6] = byte(w.kind), status, w.number
	binary.BigEndian.PutUint16(w.buf[2:], uint16(len(w.buf)))
	_, err := w.to.Write(w.buf)
	w.begin()
	if err != nil {
		return fmt.Errorf("send to the client: %w", err)
	}
	return nil
}
