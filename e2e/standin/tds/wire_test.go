package tds

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// pupil is a session that answers everything with one row, and a handler that
// lets everybody in.
type pupil struct{}

func (pupil) Login(context.Context, Login) (Session, error) { return pupil{}, nil }
func (pupil) Run(_ context.Context, _ Request, w *Response) error {
	return w.Done(1)
}
func (pupil) Begin(context.Context, int) error { return nil }
func (pupil) Commit(context.Context) error     { return nil }
func (pupil) Rollback(context.Context) error   { return nil }
func (pupil) Reset(context.Context) error      { return nil }
func (pupil) Close() error                     { return nil }

// pack makes one packet.
func pack(kind packetType, status byte, body []byte) []byte {
	p := []byte{byte(kind), status, 0, 0, 0, 0, 1, 0}
	binary.BigEndian.PutUint16(p[2:], uint16(headerBytes+len(body)))
	return append(p, body...)
}

// Messages of a client that never encrypts.
var (
	helloPrelogin = pack(packetPrelogin, statusLast, []byte{preloginEncryption, 0, 6, 0, 1, preloginEnd, encryptNotSupported})
	helloLogin    = pack(packetLogin, statusLast, login7(func([]byte) {}))
	headers       = append([]byte{22, 0, 0, 0, 18, 0, 0, 0, 2, 0}, make([]byte, 12)...)
)

// login7 is LOGIN7 with no field in it, changed.
func login7(change func([]byte)) []byte {
	b := make([]byte, loginHeaderBytes)
	binary.LittleEndian.PutUint32(b, loginHeaderBytes)
	binary.LittleEndian.PutUint32(b[4:], version74)
	change(b)
	return b
}

// leave in a conversation means that the client goes without waiting for an answer.
var leave []byte

// talk serves a connection whose client says one thing after the other, waits
// for an answer to each, and then leaves. It gives the bodies of the answers
// and what Serve returned.
func talk(t testing.TB, said ...[]byte) ([]byte, error) {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- Serve(context.Background(), server, Options{Encryption: Unsupported}, pupil{}) }()
	client.SetDeadline(time.Now().Add(time.Minute))
	var answers []byte
	for i, part := range said {
		if part == nil {
			break
		}
		if i+1 < len(said) && said[i+1] == nil {
			go io.Copy(io.Discard, client)
		}
		if _, err := client.Write(part); err != nil {
			break // the server has left
		}
		if i+1 < len(said) && said[i+1] == nil {
			break
		}
		m, err := readMessage(client, maxPacket, maxRequestBytes)
		if err != nil {
			break
		}
		answers = append(answers, m.body...)
	}
	client.Close()
	return answers, <-done
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestBrokenProtocol(t *testing.T) {
	text := toUTF16(nil, "count")
	type talks [][]byte
	say := func(parts ...[]byte) talks { return parts }
	signedOn := func(request ...[]byte) talks { return talks{helloPrelogin, helloLogin, join(request...)} }
	callOf := func(param ...byte) talks {
		return signedOn(pack(packetCall, statusLast, join(headers, []byte{0xFF, 0xFF, 10, 0, 0, 0}, param)))
	}
	for name, said := range map[string]talks{
		"HTTP":                   say([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), leave),
		"TLS":                    say([]byte{tlsHandshakeRecord, 3, 1, 0, 5, 1, 2, 3, 4, 5}),
		"short packet":           say([]byte{byte(packetPrelogin), 1, 0, 3, 0, 0, 0, 0}),
		"long packet":            say([]byte{byte(packetPrelogin), 1, 0xFF, 0xFF, 0, 0, 0, 0}),
		"cut packet":             say(helloPrelogin[:10], leave),
		"login first":            say(helloLogin),
		"prelogin, no end":       say(pack(packetPrelogin, statusLast, []byte{0, 0, 6, 0, 1})),
		"prelogin, outside":      say(pack(packetPrelogin, statusLast, []byte{1, 0, 6, 0xFF, 0xFF, 0xFF, 2})),
		"prelogin, nothing":      say(pack(packetPrelogin, statusLast, []byte{preloginEnd})),
		"prelogin, endless":      say(bytes.Repeat(pack(packetPrelogin, 0, make([]byte, 4000)), 3)),
		"prelogin, empty":        say(pack(packetPrelogin, 0, nil)),
		"prelogin, then nothing": say(helloPrelogin),
		"prelogin twice":         say(helloPrelogin, helloPrelogin),
		"login, short":           say(helloPrelogin, pack(packetLogin, statusLast, make([]byte, 20))),
		"login, other length":    say(helloPrelogin, pack(packetLogin, statusLast, login7(func(b []byte) { b[0] = 7 }))),
		"login, field outside": say(helloPrelogin, pack(packetLogin, statusLast, login7(func(b []byte) {
			binary.LittleEndian.PutUint16(b[36:], loginHeaderBytes)
			binary.LittleEndian.PutUint16(b[38:], 0xFFFF)
		}))),
		"login, extension outside": say(helloPrelogin, pack(packetLogin, statusLast, login7(func(b []byte) {
			b[27] = loginExtension
			binary.LittleEndian.PutUint16(b[56:], 90)
			binary.LittleEndian.PutUint16(b[58:], 4)
		}))),
		"mixed packets":      signedOn(pack(packetBatch, 0, headers), pack(packetCall, statusLast, text)),
		"ignored message":    signedOn(pack(packetBatch, statusLast|statusIgnore, headers)),
		"odd batch":          signedOn(pack(packetBatch, statusLast, append(headers, 'x'))),
		"headers too long":   signedOn(pack(packetBatch, statusLast, []byte{0xFF, 0xFF, 0xFF, 0xFF})),
		"header too long":    signedOn(pack(packetBatch, statusLast, []byte{10, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0})),
		"header too short":   signedOn(pack(packetBatch, statusLast, []byte{10, 0, 0, 0, 6, 0, 0, 0, 2, 0})),
		"unknown message":    signedOn(pack(0x55, statusLast, headers)),
		"call of nothing":    signedOn(pack(packetCall, statusLast, join(headers, []byte{0, 0}))),
		"call, no number":    signedOn(pack(packetCall, statusLast, join(headers, []byte{0xFF, 0xFF, 99, 0, 0, 0}))),
		"param, cut name":    callOf(20, 'x'),
		"param, cut type":    callOf(0, 0, wireNVarChar, 8),
		"param, cut value":   callOf(0, 0, wireNVarChar, 8, 0, 0, 0, 0, 0, 0, 8, 0, 'x', 0),
		"param, too long":    callOf(0, 0, wireNVarChar, 2, 0, 0, 0, 0, 0, 0, 4, 0, 'x', 0, 'x', 0),
		"param, odd":         callOf(0, 0, wireNVarChar, 4, 0, 0, 0, 0, 0, 0, 3, 0, 'x', 0, 'x'),
		"param, size of int": callOf(0, 0, wireIntN, 3, 3, 1, 2, 3),
		"param, scale":       callOf(0, 0, wireTime, 9, 0),
		"param, digits":      callOf(0, 0, wireNumeric, 17, 60, 2, 0),
		"param, 25 o'clock":  callOf(0, 0, wireTime, 0, 3, 0xFF, 0xFF, 0xFF),
		"param, late date":   callOf(0, 0, wireDate, 3, 0xFF, 0xFF, 0xFF),
		"param, 9 parts":     callOf(0, 0, wireVarBinary, 0xFF, 0xFF, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'x', 0, 0, 0, 0),
		"param, vast part":   callOf(0, 0, wireVarBinary, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 'x'),
		"begin, cut":         signedOn(pack(packetTransaction, statusLast, join(headers, []byte{managerBegin}))),
		"begin, isolation":   signedOn(pack(packetTransaction, statusLast, join(headers, []byte{managerBegin, 0, 9, 0}))),
		"cut message":        append(signedOn(pack(packetBatch, 0, headers)), leave),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := talk(t, said...)
			if !errors.Is(err, errProtocol) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLeavingIsNoError(t *testing.T) {
	for _, said := range [][][]byte{nil, {helloPrelogin, helloLogin},
		{helloPrelogin, helloLogin, pack(packetAttention, statusLast, nil)}} {
		if _, err := talk(t, said...); err != nil {
			t.Errorf("after %d messages: %v", len(said), err)
		}
	}
}

// What is refused in words leaves the connection as it was.
func TestRefusedRequests(t *testing.T) {
	reset := pack(packetBatch, statusLast|statusResetKeepTran, join(headers, toUTF16(nil, "x")))
	transaction := bytes.Clone(headers)
	transaction[10] = 7
	two := join(headers, []byte{0xFF, 0xFF, 10, 0, 0, 0}, []byte{nextCall})
	for want, request := range map[string][]byte{
		"bulk load":         pack(packetBulk, statusLast, []byte("x")),
		"transaction descr": pack(packetBatch, statusLast, transaction),
		"keeps its":         reset,
		"several calls":     pack(packetCall, statusLast, two),
		"wire's type 0x63":  pack(packetCall, statusLast, join(headers, []byte{0xFF, 0xFF, 10, 0, 0, 0, 0, 0, 0x63})),
		"encrypted":         pack(packetCall, statusLast, join(headers, []byte{0xFF, 0xFF, 10, 0, 0, 0, 0, paramEncrypted, 0x63})),
		"request 1 of":      pack(packetTransaction, statusLast, join(headers, []byte{1, 0})),
	} {
		got, err := talk(t, helloPrelogin, helloLogin, request)
		if err != nil || !bytes.Contains(got, toUTF16(nil, want)) {
			t.Errorf("%s: %v", want, err)
			continue
		}
		// Without the bit, an error looks like an empty result to some clients.
		done := got[len(got)-13:]
		token, status := done[0], binary.LittleEndian.Uint16(done[1:])
		if called := request[0] == byte(packetCall); status&doneError == 0 || called != (token == tokenDoneProc) || !called && token != tokenDone {
			t.Errorf("%s: the answer ends with token %#x, status %#x", want, token, status)
		}
	}
	many := join(headers, []byte{0xFF, 0xFF, 10, 0, 0, 0}, bytes.Repeat([]byte{0, 0, wireNull}, maxParams+1))
	var k cursor
	k.rest = many
	if _, err := readHeaders(&k); err != nil {
		t.Fatal(err)
	}
	if _, err := readCall(&k); err == nil || !strings.Contains(err.Error(), "2100") {
		t.Errorf("too many parameters: %v", err)
	}
}

// FuzzConn sends whatever it is given as the client's side of a connection.
func FuzzConn(f *testing.F) {
	signedOn := join(helloPrelogin, helloLogin)
	f.Add([]byte{})
	f.Add(join(signedOn, pack(packetBatch, statusLast, join(headers, toUTF16(nil, "count 1")))))
	f.Add(join(signedOn, pack(packetTransaction, statusLast, join(headers, []byte{managerBegin, 0, 2, 0}))))
	f.Add(join(signedOn, pack(packetCall, statusLast, join(headers, []byte{0xFF, 0xFF, 10, 0, 0, 0,
		0, 0, wireNVarChar, 8, 0, 0, 0, 0, 0, 0, 2, 0, 'x', 0, 0, 0, wireNVarChar, 8, 0, 0, 0, 0, 0, 0, 0, 0}))))
	f.Add(join(signedOn, pack(packetCall, statusLast, join(headers, []byte{0xFF, 0xFF, 13, 0, 0, 0, 2, '@', 0, 'h', 0, 1, wireIntN, 4, 0,
		0, 0, wireNull, 0, 0, wireVarChar, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 'x', 0, 0, 0, 0}))))
	f.Add(join(signedOn, pack(packetAttention, statusLast, nil)))
	f.Fuzz(func(t *testing.T, sent []byte) {
		talk(t, sent, leave)
		talk(t, helloPrelogin, helloLogin, sent, leave)
	})
}

// FuzzCall reads whatever it is given as a procedure call, and FuzzNTLM as an
// NTLM message.
func FuzzCall(f *testing.F) {
	for code := range 256 {
		f.Add([]byte{0xFF, 0xFF, 10, 0, 0, 0, 0, 0, byte(code), 8, 0, 0, 0, 0, 0, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		k, err := readCall(&cursor{rest: body})
		if err != nil {
			return
		}
		for _, p := range k.params {
			if p.Value == nil {
				continue
			}
			if !holds(p.Type.Kind, p.Value) {
				t.Errorf("%s came as %T", p.Type, p.Value)
			}
		}
	})
}

func FuzzNTLM(f *testing.F) {
	f.Add(append(bytes.Clone(ntlmSignature), 3, 0, 0, 0, 9))
	f.Fuzz(func(t *testing.T, m []byte) {
		if a, err := parseNTLM(m); err == nil && a.proves("", [8]byte{}) {
			t.Error("proved by chance")
		}
	})
}
