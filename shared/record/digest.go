package record

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"math/big"
)

// A Tag is HMAC-SHA-256, under the school's id key, of one record's dataset,
// key and canonical bytes.
type Tag [sha256.Size]byte

// A Digest stands for a whole set of records: the sum of their tags modulo
// 2^256, little end first (design.md §4). It does not depend on order, and
// adding or taking away one record needs no other record.
type Digest [sha256.Size]byte

// NewTag makes the tag of a record as it stands in a batch.
func NewTag(idKey []byte, d Dataset, k Key, canonical []byte) Tag {
	m := hmac.New(sha256.New, idKey)
	writePart(m, "rollbridge/tag/v1")
	writePart(m, string(d))
	writePart(m, string(k))
	m.Write(canonical)
	var t Tag
	m.Sum(t[:0])
	return t
}

func writePart(m hash.Hash, part string) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(part)))
	m.Write(n[:])
	m.Write([]byte(part))
}

// Add counts a record in.
func (d *Digest) Add(t Tag) { d.combine(t, (*big.Int).Add) }

// Remove takes a record out.
func (d *Digest) Remove(t Tag) { d.combine(t, (*big.Int).Sub) }

var modulus = new(big.Int).Lsh(big.NewInt(1), 256)

func (d *Digest) combine(t Tag, op func(z, x, y *big.Int) *big.Int) {
	sum := new(big.Int).SetBytes(reversed(d[:]))
	op(sum, sum, new(big.Int).SetBytes(reversed(t[:])))
	sum.Mod(sum, modulus)
	var out [sha256.Size]byte
	sum.FillBytes(out[:])
	copy(d[:], reversed(out[:]))
}

func reversed(b []byte) []byte {
	r := make([]byte, len(b))
	for i, c := range b {
		r[len(b)-1-i] = c
	}
	return r
}

// MarshalText writes 64 hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return errors.New("a state digest is 64 hexadecimal digits")
	}
	copy(d[:], b)
	return nil
}
