package tds

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// alpn is the protocol that TDS 8 names in its handshake.
const alpn = "tds/8.0"

// tlsConfig is the server's side of a handshake.
func (o Options) tlsConfig() (*tls.Config, error) {
	if o.Certificate == nil {
		return nil, errors.New("the server has no certificate to encrypt with")
	}
	return &tls.Config{
		MinVersion:             o.MinTLS,
		MaxVersion:             o.MaxTLS,
		CipherSuites:           o.CipherSuites,
		SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return o.Certificate(), nil
		},
	}, nil
}

// strictTLS shakes hands before anything of TDS is said (TDS 8).
func strictTLS(ctx context.Context, c net.Conn, o Options) (*tls.Conn, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{alpn}
	t := tls.Server(c, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("shake hands for TDS 8: %w", noEOF(err))
	}
	if t.ConnectionState().NegotiatedProtocol != alpn {
		return nil, broken("TLS without the protocol name %s", alpn)
	}
	return t, nil
}

// wrappedTLS shakes hands inside PRELOGIN packets (TDS 7). What is said
// afterwards is TLS without packets around it. The newest version is TLS 1.2,
// as in SQL Server: TLS 1.3 goes with TDS 8 only.
func wrappedTLS(ctx context.Context, c net.Conn, o Options) (*tls.Conn, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	if config.MaxVersion == 0 || config.MaxVersion > tls.VersionTLS12 {
		config.MaxVersion = tls.VersionTLS12
	}
	w := &wrapping{Conn: c}
	t := tls.Server(w, config)
	err = t.HandshakeContext(ctx)
	// The last flight, or the alert that says why there is none, has no read
	// behind it that would send it.
	flushed := w.flush()
	if err != nil {
		return nil, fmt.Errorf("shake hands inside TDS: %w", noEOF(err))
	}
	if flushed != nil {
		return nil, flushed
	}
	if w.in.Len() > 0 {
		return nil, broken("more than the handshake inside its packets")
	}
	w.done = true
	return t, nil
}

// wrapping carries a TLS handshake in PRELOGIN packets and, once it is done,
// TLS records as they are. Written flights are kept until the other side's
// turn, because each must be one message.
type wrapping struct {
	net.Conn
	done    bool
	in, out bytes.Buffer
	taken   int
	record  int // bytes left of the TLS record being read
}

func (w *wrapping) Read(p []byte) (int, error) {
	if w.done {
		return w.readRecord(p)
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	for w.in.Len() == 0 {
		kind, _, body, err := readPacket(w.Conn, maxPacket)
		if err != nil {
			return 0, err
		}
		if w.taken += len(body) + headerBytes; kind != packetPrelogin || w.taken > maxHandshakeBytes {
			return 0, broken("a packet of type %#x or too much inside the TLS handshake", kind)
		}
		w.in.Write(body)
	}
	return w.in.Read(p)
}

// readRecord never reads beyond the TLS record that it is in: when only the
// sign-on is encrypted, what follows is not TLS's to take.
func (w *wrapping) readRecord(p []byte) (int, error) {
	if w.in.Len() > 0 {
		return w.in.Read(p)
	}
	if w.record == 0 {
		var head [5]byte
		if _, err := io.ReadFull(w.Conn, head[:]); err != nil {
			return 0, err
		}
		w.record = int(binary.BigEndian.Uint16(head[3:]))
		w.in.Write(head[:])
		return w.in.Read(p)
	}
	n, err := w.Conn.Read(p[:min(len(p), w.record)])
	w.record -= n
	return n, err
}

func (w *wrapping) Write(p []byte) (int, error) {
	if w.done {
		return w.Conn.Write(p)
	}
	return w.out.Write(p)
}

func (w *wrapping) flush() error {
	if w.out.Len() == 0 {
		return nil
	}
	pw := newPacketWriter(w.Conn, packetPrelogin, handshakePacket)
	if _, err := pw.Write(w.out.Bytes()); err != nil {
		return err
	}
	w.out.Reset()
	return pw.finish()
}

// preceded gives back the byte that was read to see what a connection is.
type preceded struct {
	net.Conn
	first []byte
}

func (p *preceded) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
