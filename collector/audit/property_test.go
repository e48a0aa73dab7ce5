package audit

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
)

// Whatever is flipped, dropped, swapped, doubled or cut in a chain that was checkpointed
// is found, and a chain that nobody touched is whole.
func TestAnyChangeIsFound(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b.open()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		authority := fmt.Sprintf("a%d", n)
		chain := OfAuthority(authority)
		length := rapid.IntRange(1, 8).Draw(t, "length")
		for range length {
			b.add(Entry{Authority: authority, User: rapid.SampledFrom([]string{"u1", "u2"}).Draw(t, "user"), Action: rapid.SampledFrom(Actions()).Draw(t, "action")})
		}
		var rows []row
		var before end
		b.must(b.db.Read(b.Context(), func(tx *database.Tx) (err error) {
			if err := tx.QueryRow(b.Context(), "SELECT seq, hash, from_seq, from_hash FROM audit_chains WHERE chain = ?", string(chain)).
				Scan(&before.seq, &before.hash, &before.from, &before.fromHash); err != nil {
				return err
			}
			rows, err = readRows(b.Context(), tx, rowColumns+"WHERE chain = ? ORDER BY seq", string(chain))
			return err
		}))
		mark := Mark{Seq: before.seq, Hash: before.hash, From: before.from, FromHash: before.fromHash}
		faults := func() []Fault {
			w := walk{chain: chain, known: []Mark{mark}}
			b.must(b.db.Read(b.Context(), func(tx *database.Tx) error {
				w.faults = nil
				return w.run(b.Context(), tx, func(e end, _ *Mark) (int64, []byte) { return e.from, e.fromHash })
			}))
			return w.faults
		}
		if found := faults(); len(found) > 0 {
			t.Fatalf("a whole chain: %+v", found)
		}
		what := b.damage(t, rows)
		if found := faults(); len(found) == 0 {
			t.Fatalf("not found: %s", what)
		}
	})
}

// damage does one thing to a chain, and says what.
func (b *bench) damage(t *rapid.T, rows []row) string {
	r := rows[rapid.IntRange(0, len(rows)-1).Draw(t, "entry")]
	at := []any{string(r.chain), r.seq}
	do := func(what, query string, args ...any) string {
		b.exec(query, args...)
		return fmt.Sprintf("%s of entry %d of %d", what, r.seq, len(rows))
	}
	const one = " WHERE chain = ? AND seq = ?"
	switch rapid.IntRange(0, 6).Draw(t, "damage") {
	case 0:
		column := rapid.SampledFrom([]string{"id", "hash", "reason"}).Draw(t, "column")
		value := map[string][]byte{"id": r.id, "hash": r.hash, "reason": append(r.reason, 1)}[column]
		value = bytes.Clone(value)
		value[rapid.IntRange(0, len(value)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		return do("flipped "+column, "UPDATE audit SET "+column+" = ?"+one, append([]any{value}, at...)...)
	case 1:
		column := rapid.SampledFrom([]string{"user_id", "action", "authority", "school", "children", "about"}).Draw(t, "column")
		return do("changed "+column, "UPDATE audit SET "+column+" = "+column+" || 'x'"+one, at...)
	case 2:
		return do("moved in time", "UPDATE audit SET at = at + ?"+one, append([]any{rapid.SampledFrom([]int{-1, 1, 1 << 40}).Draw(t, "by")}, at...)...)
	case 3:
		return do("dropped", "DELETE FROM audit"+one, at...)
	case 4:
		if len(rows) == 1 {
			return do("numbered anew", "UPDATE audit SET seq = 2"+one, at...)
		}
		other := rows[r.seq%int64(len(rows))]
		b.exec("UPDATE audit SET seq = -1"+one, at...)
		b.exec("UPDATE audit SET seq = ?"+one, r.seq, string(r.chain), other.seq)
		return do("swapped", "UPDATE audit SET seq = ? WHERE chain = ? AND seq = -1", other.seq, string(r.chain))
	case 5:
		b.exec("DELETE FROM audit WHERE chain = ? AND seq >= ?", at...)
		last := first(r.chain)
		if r.seq > 1 {
			last = rows[r.seq-2].hash
		}
		return do("cut off, the end made to fit,", "UPDATE audit_chains SET seq = ?, hash = ? WHERE chain = ?", r.seq-1, last, string(r.chain))
	}
	// The rest of the chain is made anew after a change, each hash right.
	last := first(r.chain)
	if r.seq > 1 {
		last = rows[r.seq-2].hash
	}
	r.user += "x"
	for i, next := range append([]row{r}, rows[r.seq:]...) {
		next.hash = next.sum(last)
		last = next.hash
		user := next.user
		b.exec("UPDATE audit SET user_id = ?, hash = ?"+one, user, next.hash, string(r.chain), r.seq+int64(i))
	}
	return do("made anew from the change", "UPDATE audit_chains SET hash = ? WHERE chain = ?", last, string(r.chain))
}

// No two entries are encoded alike, however their texts are divided.
func FuzzEncoding(f *testing.F) {
	f.Add("ab", "c", "", "", int64(1), int64(2), []byte("x"), []byte{})
	f.Add("a", "bc", "", "", int64(2), int64(1), []byte{}, []byte("x"))
	f.Fuzz(func(t *testing.T, user, action, school, about string, seq, at int64, id, reason []byte) {
		a := row{chain: Operator, seq: seq, at: at, id: id, user: user, action: action, school: school, about: about, reason: reason}
		for name, other := range map[string]row{
			"user and action divided otherwise":  {chain: a.chain, seq: seq, at: at, id: id, user: user + action, school: school, about: about, reason: reason},
			"school and about divided otherwise": {chain: a.chain, seq: seq, at: at, id: id, user: user, action: action, school: school + about, reason: reason},
			"the id in the reason":               {chain: a.chain, seq: seq, at: at, id: append(bytes.Clone(id), reason...), user: user, action: action, school: school, about: about},
			"number and time exchanged":          {chain: a.chain, seq: at, at: seq, id: id, user: user, action: action, school: school, about: about, reason: reason},
		} {
			same := other.seq == a.seq && other.at == a.at && other.user == a.user && other.action == a.action && other.school == a.school &&
				other.about == a.about && bytes.Equal(other.id, a.id) && bytes.Equal(other.reason, a.reason)
			if bytes.Equal(a.sum(first(Operator)), other.sum(first(Operator))) != same {
				t.Errorf("%s: %+v and %+v", name, a, other)
			}
		}
	})
}

// What is no checkpoint is refused, and breaks nothing.
func FuzzCheckpointFile(f *testing.F) {
	f.Add([]byte(`{"keyring":{"payload":"e30="},"checkpoint":{"payload":"e30="},"marks":{}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := (Shelf{}).parse(text); err == nil {
			t.Errorf("taken: %q", text)
		}
	})
}
