package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// MinPassword is the fewest characters of an own password. There are no rules
// of composition (NIST SP 800-63B, section 3.1.1.2: length is what counts).
const MinPassword = 12

// maxPassword bounds the work that a stranger can cause.
const maxPassword = 1000

// Why a new password is refused; each text says what to do.
var (
	ErrShortPassword = fmt.Errorf("the password must have %d characters or more", MinPassword)
	ErrLongPassword  = fmt.Errorf("the password must have %d characters or fewer", maxPassword)
	ErrSamePassword  = errors.New("the password must not be the one-time password: choose your own")
	ErrNamePassword  = errors.New("the password must not be your user name: choose another")
)

// parameters of argon2id. What is in force for new hashes is the first choice
// of the OWASP Password Storage Cheat Sheet (46 MiB, one pass); old hashes
// carry their own.
type parameters struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

var inForce = parameters{memory: 46 << 10, passes: 1, lanes: 1}

const (
	saltLen = 16
	hashLen = 32
)

// hashing bounds how many hashes are worked out at once, and so the memory
// that a flood of sign-ins takes.
var hashing = make(chan struct{}, 4)

// work runs f when there is room for one more hash.
func work(ctx context.Context, f func()) error {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
		f()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hashPassword encodes a password as $argon2id$v=19$m=..,t=..,p=..$salt$hash.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	var sum []byte
	err := work(ctx, func() { sum = inForce.sum(password, salt) })
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return inForce.encode(salt, sum), nil
}

func (p parameters) sum(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, p.passes, p.memory, p.lanes, hashLen)
}

func (p parameters) encode(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.lanes,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// checkPassword says whether the password is the one that encoded was made of,
// in a time that does not depend on how wrong it is.
func checkPassword(ctx context.Context, encoded, password string) (bool, error) {
	p, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	if len(password) > maxPassword*utf8.UTFMax {
		return false, nil
	}
	var got []byte
	if err := work(ctx, func() { got = p.sum(password, salt) }); err != nil {
		return false, fmt.Errorf("check a password: %w", err)
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

var errHash = errors.New("a stored password is damaged; give the person a new one with `user reset`")

func decodeHash(encoded string) (p parameters, salt, sum []byte, err error) {
	part := strings.Split(encoded, "$")
	if len(part) != 6 || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errHash
	}
	if n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); n != 3 || err != nil {
		return p, nil, nil, errHash
	}
	// A row that somebody changed must not take all the memory there is.
	if p.memory > 1<<20 || p.passes == 0 || p.passes > 100 || p.lanes == 0 {
		return p, nil, nil, errHash
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(part[4])
	sum, sumErr := base64.RawStdEncoding.DecodeString(part[5])
	if saltErr != nil || sumErr != nil || len(sum) != hashLen {
		return p, nil, nil, errHash
	}
	return p, salt, sum, nil
}

// checkOwn says whether a person may choose this password.
func checkOwn(name, password string) error {
	n := utf8.RuneCountInString(norm.NFC.String(password))
	switch {
	case n < MinPassword:
		return ErrShortPassword
	case n > maxPassword:
		return ErrLongPassword
	case strings.EqualFold(strings.TrimSpace(password), name):
		return ErrNamePassword
	}
	return nil
}

// Letters and digits that are not mistaken for one another.
const oneTimeAlphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// newOneTime makes a one-time password of four groups of five characters: 99
// bits, so that it cannot be guessed while it waits.
func newOneTime() string {
	const groups, size = 4, 5
	var b strings.Builder
	for i := range groups * size {
		if i > 0 && i%size == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(oneTimeAlphabet[randomBelow(len(oneTimeAlphabet))])
	}
	return b.String()
}

// randomBelow draws evenly from 0 to n-1, n at most 256.
func randomBelow(n int) int {
	limit := 256 - 256%n
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails since Go 1.24: the program ends instead
		if int(b[0]) < limit {
			return int(b[0]) % n
		}
	}
}
