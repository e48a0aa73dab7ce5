package audit

import (
	"crypto/sha256"
	"encoding/binary"
)

// domain separates these hashes from every other.
const domain = "rollbridge/audit/entry/v1"

// A row is an entry of a chain exactly as the database keeps it.
type row struct {
	chain                           Chain
	seq, at                         int64
	id                              []byte
	user, action, authority, school string
	children, about                 string
	reason /* sealed */, hash/* own */ []byte
}

// sum is the hash of a row that follows one with the hash previous: over every column,
// each with its length, so that no two rows are encoded alike.
func (r row) sum(previous []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{
		[]byte(domain), previous, []byte(r.chain), number(r.seq), r.id, number(r.at), []byte(r.user), []byte(r.action),
		[]byte(r.authority), []byte(r.school), []byte(r.children), []byte(r.about), r.reason,
	} {
		h.Write(number(int64(len(part))))
		h.Write(part)
	}
	return h.Sum(nil)
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// first is the hash before the first entry of a chain.
func first(c Chain) []byte {
	sum := sha256.Sum256([]byte(domain + "/first/" + string(c)))
	return sum[:]
}
