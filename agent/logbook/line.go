package logbook

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
)

const (
	formatName = "rollbridge/logbook/v1"
	domain     = formatName + "\x00"
	// maxLine is above the largest signed statement (protocol.MaxSignedBytes)
	// in two layers of base64.
	maxLine = 4 << 20
)

// A header is the first line.
type header struct {
	Format  string           `json:"format"`
	Key     []byte           `json:"key"`
	Agent   envelope.AgentID `json:"agent"`
	Root    string           `json:"root"`
	Created time.Time        `json:"created"`
}

// A Line is one entry as people read it.
type Line struct {
	N     uint64          `json:"n"`
	Time  time.Time       `json:"time"`
	Event outbox.Event    `json:"event"`
	Data  json.RawMessage `json:"data"`
	// Hash is that of the whole line: what the next one names. Read sets it.
	Hash string `json:"-"`
}

// A linked is a Line with the hash of the line before.
type linked struct {
	Line
	Prev string `json:"prev"`
}

const (
	sigMember = `,"sig":"`
	sigTail   = `"}`
)

var sigLen = base64.StdEncoding.EncodedLen(ed25519.SignatureSize)

// seal encodes v, signs it and puts the signature in as the last member. The
// result has no line break.
func seal(v any, key ed25519.PrivateKey) ([]byte, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode an entry: %w", err)
	}
	sig := ed25519.Sign(key, append([]byte(domain), content...))
	line := append(content[:len(content)-1:len(content)-1], sigMember...)
	line = base64.StdEncoding.AppendEncode(line, sig)
	line = append(line, sigTail...)
	if len(line) > maxLine {
		return nil, fmt.Errorf("encode an entry: %d bytes is over the limit of %d", len(line), maxLine)
	}
	return line, nil
}

var (
	errUnsigned = errors.New("it does not end in a signature")
	errChanged  = errors.New("it was changed: its signature does not match")
)

// signed returns the content that the line's signature is over, and the
// signature.
func signed(line []byte) (content, sig []byte, err error) {
	at := len(line) - len(sigMember) - sigLen - len(sigTail)
	if at < 1 || !bytes.HasPrefix(line[at:], []byte(sigMember)) || !bytes.HasSuffix(line, []byte(sigTail)) {
		return nil, nil, errUnsigned
	}
	start := at + len(sigMember)
	sig, err = base64.StdEncoding.DecodeString(string(line[start : start+sigLen]))
	if err != nil {
		return nil, nil, errUnsigned
	}
	return append(line[:at:at], '}'), sig, nil
}

// check verifies a line and decodes it into v.
func check(line []byte, key ed25519.PublicKey, v any) error {
	content, sig, err := signed(line)
	if err != nil {
		return err
	}
	if !ed25519.Verify(key, append([]byte(domain), content...), sig) {
		return errChanged
	}
	if err := json.Unmarshal(content, v); err != nil {
		return errors.New("it is not understood; a newer version may be needed")
	}
	return nil
}

// first reads the header, with the key that it names itself: who holds the
// file must compare that key, or the agent and the root, with what they know.
func first(line []byte) (header, error) {
	var h header
	content, _, err := signed(line)
	if err != nil || json.Unmarshal(content, &h) != nil || h.Format != formatName || len(h.Key) != ed25519.PublicKeySize {
		return h, ErrFormat
	}
	if err := check(line, h.Key, &h); err != nil {
		return h, fmt.Errorf("%w: its first line: %w", ErrBroken, err)
	}
	return h, nil
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// eachLine calls each for every line without its line break; whole is false
// for a last line that has none. A line over the limit is io.ErrShortBuffer.
func eachLine(r io.Reader, each func(line []byte, whole bool) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		var line []byte
		for {
			part, err := b.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxLine+1 {
				return io.ErrShortBuffer
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if errors.Is(err, io.EOF) {
				if len(line) == 0 {
					return nil
				}
				return each(line, false)
			}
			if err != nil {
				return err
			}
			break
		}
		if err := each(line[:len(line)-1], true); err != nil {
			return err
		}
	}
}

// Read calls each for every entry in order without verifying anything; each's
// error ends it and is returned as it is. A last line that a crash cut off is
// left out.
func Read(r io.Reader, each func(Line) error) error {
	n := 0
	err := eachLine(r, func(line []byte, whole bool) error {
		n++
		if n == 1 || !whole {
			return nil
		}
		var l linked
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("read the logbook: line %d: %w", n, ErrFormat)
		}
		l.Hash = hashOf(line)
		return each(l.Line)
	})
	if errors.Is(err, io.ErrShortBuffer) {
		return fmt.Errorf("read the logbook: line %d is too long: %w", n+1, ErrFormat)
	}
	return err
}
