package move

import (
	"archive/tar"
	"bytes"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"rollbridge/agent/school"
	"rollbridge/shared/envelope"
)

// The file is one line of JSON, the header, and what is sealed to the new
// machine's key with the header as context: a tar under zstd.
const (
	format  = "rollbridge/move/v1"
	purpose = "move"
	// maxHeader and maxFile bound what is read; a school's state has some MB.
	maxHeader = 4 << 10
	maxFile   = 512 << 20
)

// A header says in clear what the file is.
type header struct {
	Format string         `json:"format"`
	Key    envelope.KeyID `json:"key"`
	Made   time.Time      `json:"made"`
}

// The names in the tar.
const (
	nameAbout = "about.json"
	nameKeys  = "keys.json"
	fileMode  = 0o600
)

// About is what the file says of itself, sealed with the rest.
type About struct {
	Agent   envelope.AgentID `json:"agent"`
	Version string           `json:"version"`
	// Settings are the keys of the settings that were set on the old machine,
	// never their values.
	Settings []string `json:"settings,omitempty"`
}

// contents are the files by their names.
type contents map[string][]byte

func refused(text string) error { return &school.Fault{Kind: school.Refused, Text: text} }

// seal is the whole file.
func (c contents) seal(to Key, made time.Time) ([]byte, error) {
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(c)) {
		h := &tar.Header{Name: name, Mode: fileMode, Size: int64(len(c[name])), Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(c[name]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	line, err := json.Marshal(header{Format: format, Key: to.ID(), Made: made})
	if err != nil {
		return nil, err
	}
	sealed, err := envelope.SealTo(to.public, purpose, line, packed.Bytes())
	if err != nil {
		return nil, err
	}
	if len(sealed) > maxFile {
		return nil, refused(fmt.Sprintf("what is to be moved has %d bytes and may have %d: enrol the new machine with a new code instead; no data are lost", len(sealed), maxFile))
	}
	return slices.Concat(line, []byte("\n"), sealed), nil
}

var errDamaged = refused("the file is damaged or was changed on the way: copy it again from the old machine; nothing was changed here")

// parse reads the header.
func parse(file []byte) (h header, line, sealed []byte, err error) {
	line, _, found := bytes.Cut(file[:min(len(file), maxHeader)], []byte("\n"))
	if !found || json.Unmarshal(line, &h) != nil || h.Format == "" {
		return h, nil, nil, refused("this is not a file that `rollbridge-agent move export` made")
	}
	if h.Format != format {
		return h, nil, nil, refused("the file was made by a newer version of this program: update this machine first, then import it again")
	}
	return h, line, file[len(line)+1:], nil
}

// open takes the file apart. It trusts nothing in it but what only the old
// machine's program can have sealed.
func open(file []byte, key hpke.PrivateKey) (contents, error) {
	h, line, sealed, err := parse(file)
	if err != nil {
		return nil, err
	}
	if own := envelope.KeyIDOf(key.PublicKey().Bytes()); h.Key != own {
		return nil, refused(fmt.Sprintf("the file is sealed to the key %s, and this machine's is %s: import it on the machine that showed that key", h.Key, own))
	}
	packed, err := envelope.OpenFrom(key, purpose, line, sealed)
	if err != nil {
		return nil, errDamaged
	}
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFile))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	c := contents{}
	for t := tar.NewReader(io.LimitReader(z, 2*maxFile)); ; {
		entry, err := t.Next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, errDamaged
		}
		if entry.Typeflag != tar.TypeReg || !carried(entry.Name) {
			return nil, refused("the file holds something that this version does not know: update this machine first, then import it again")
		}
		if c[entry.Name], err = io.ReadAll(t); err != nil {
			return nil, errDamaged
		}
	}
}
