package move

import (
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"rollbridge/agent/school"
	"rollbridge/agent/secret"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
)

// KeyLife is for how long a machine shows the same key.
const KeyLife = 7 * 24 * time.Hour

// A Key is the public key that a new machine shows.
type Key struct {
	public hpke.PublicKey
}

// ID names the key in messages and files; it is no secret.
func (k Key) ID() envelope.KeyID { return envelope.KeyIDOf(k.public.Bytes()) }

// The reasons why a pasted text is not a key.
var (
	ErrKeyForm  = errors.New("this is not the key of a new machine; paste all of what `rollbridge-agent move import` printed there, from RBM1 to the end")
	ErrKeyCheck = errors.New("the key was changed on the way (its check characters do not match); copy it again from the new machine")
)

const (
	keyPrefix   = "RBM1"
	keyCheckLen = 5
	keyLine     = 64
	maxKeyText  = 8 << 10
)

// No I, L, O or U, as in enrolment codes.
var keyEncoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// String is the key to paste, in lines: it is as long as a key must be that
// also a quantum computer cannot open later.
func (k Key) String() string {
	b := k.public.Bytes()
	sum := sha256.Sum256(b)
	text := keyPrefix + keyEncoding.EncodeToString(append(b[:len(b):len(b)], sum[:keyCheckLen]...))
	var lines []string
	for len(text) > 0 {
		n := min(keyLine, len(text))
		lines = append(lines, text[:n])
		text = text[n:]
	}
	return strings.Join(lines, "\n")
}

// ParseKey reads a pasted key: case, spaces, line breaks and hyphens do not
// matter. Errors are ErrKeyForm or ErrKeyCheck.
func ParseKey(text string) (Key, error) {
	if len(text) > maxKeyText {
		return Key{}, ErrKeyForm
	}
	compact := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '-', '"', '\'', '\ufeff':
			return -1
		case 'o', 'O':
			return '0'
		case 'i', 'I', 'l', 'L':
			return '1'
		}
		return r
	}, text)
	compact, found := strings.CutPrefix(strings.ToUpper(compact), keyPrefix)
	if !found {
		return Key{}, ErrKeyForm
	}
	b, err := keyEncoding.DecodeString(compact)
	if err != nil || len(b) <= keyCheckLen {
		return Key{}, ErrKeyForm
	}
	// The last character has bits that stand for nothing; they are 0.
	if keyEncoding.EncodeToString(b) != compact {
		return Key{}, ErrKeyCheck
	}
	b, check := b[:len(b)-keyCheckLen], b[len(b)-keyCheckLen:]
	if sum := sha256.Sum256(b); string(sum[:keyCheckLen]) != string(check) {
		return Key{}, ErrKeyCheck
	}
	public, err := envelope.ParsePublicKey(b)
	if err != nil {
		return Key{}, ErrKeyForm
	}
	return Key{public}, nil
}

// A keptKey is the content of school.MoveKeyName.
type keptKey struct {
	Made    time.Time `json:"made"`
	Private []byte    `json:"private"`
}

// NewKey is the key of this machine, made if there is none that is younger than
// KeyLife: the same key is shown again until then. dir is the data directory;
// the caller holds its state lock.
func NewKey(dir string) (Key, error) {
	private, made, err := readKey(dir)
	now := clock.Now()
	if err == nil && now.Sub(made) < KeyLife && !made.After(now) {
		return Key{private.PublicKey()}, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Key{}, err
	}
	if private, err = envelope.GenerateKey(); err != nil {
		return Key{}, fmt.Errorf("make the key of this machine: %w", err)
	}
	raw, err := private.Bytes()
	if err != nil {
		return Key{}, fmt.Errorf("make the key of this machine: %w", err)
	}
	text, err := json.Marshal(keptKey{Made: now.UTC().Truncate(time.Second), Private: raw})
	if err == nil {
		err = secret.Write(filepath.Join(dir, school.MoveKeyName), text)
	}
	if err != nil {
		return Key{}, fmt.Errorf("keep the key of this machine: %w", err)
	}
	return Key{private.PublicKey()}, nil
}

func readKey(dir string) (hpke.PrivateKey, time.Time, error) {
	text, err := secret.Read(filepath.Join(dir, school.MoveKeyName))
	if err != nil {
		return nil, time.Time{}, err
	}
	var kept keptKey
	if err := json.Unmarshal(text, &kept); err != nil {
		return nil, time.Time{}, fmt.Errorf("read %s: it is damaged; delete it, then run `rollbridge-agent move import` to get a new key", school.MoveKeyName)
	}
	private, err := envelope.ParsePrivateKey(kept.Private)
	return private, kept.Made, err
}
