package delta

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"

	"rollbridge/agent/mis"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Grave stands for a contact that was removed, without naming it: an HMAC
// under the local key of its key in the state.
type Grave [16]byte

// MaxGraves bounds how many are remembered, the newest: far more than the
// contacts that a school removes in ReturnedFor days.
const MaxGraves = 20_000

func (k Keys) grave(name string) Grave {
	m := hmac.New(sha256.New, k.Local)
	m.Write([]byte("rollbridge/removed/v1\x00" + name))
	return Grave(m.Sum(nil)[:16])
}

// isContact says whether a dataset is one of people around a child, of whom one
// that was taken away must not come back by itself: a parent who may no longer
// know where the child lives is the reason for this rule.
func isContact(d record.Dataset) bool {
	return d == record.DatasetContact || d == record.DatasetAgencyContact
}

// A comeback is a record that was removed, is there again, and is held.
type comeback struct {
	dataset   record.Dataset
	key       record.Key
	authority string
	graves    []Grave
	row       sending
}

// graves are those in which a contact of a pupil lies: under the pupil's id and,
// of one who got a permanent UPN since, under the id before.
func (c *Comparison) graves(d record.Dataset, key record.Key) (found []Grave) {
	if !isContact(d) {
		return nil
	}
	id := key.Pupil()
	for _, of := range []record.PupilID{id, c.before[id]} {
		if of == "" {
			continue
		}
		g := c.in.Keys.grave(StateKey(d, record.Key(of)+key[len(id):]))
		if day, known := c.in.State.Graves[g]; known && c.in.Today <= day.AddDays(protocol.ReturnedFor) {
			found = append(found, g)
		}
	}
	return found
}

// formerly remembers under which id a pupil was sent before.
func (c *Comparison) formerly(row mis.Row, now Entry) {
	if row.Record.Dataset() == record.DatasetPupil && now.Renamed && now.Base != "" {
		c.before[row.Record.Pupil()] = now.Base
	}
}

// bury remembers a contact that leaves while its pupil stays.
func (c *Comparison) bury(d record.Dataset, name string) {
	if isContact(d) {
		c.buried = append(c.buried, c.in.Keys.grave(name))
	}
}

// settleReturned holds what came back, per dataset and authority, or sends it if
// a person has said yes.
func (c *Comparison) settleReturned() {
	type set struct {
		d         record.Dataset
		authority string
	}
	sets := map[set][]comeback{}
	var order []set
	for _, r := range c.returned {
		k := set{r.dataset, r.authority}
		if sets[k] == nil {
			order = append(order, k)
		}
		sets[k] = append(sets[k], r)
	}
	for _, k := range order {
		var keys []record.Key
		for _, r := range sets[k] {
			keys = append(keys, r.key)
		}
		h := protocol.Hold{Code: protocol.ReturnedCode(k.d, k.authority, keys), Why: protocol.WhyReturned,
			Dataset: k.d, Authority: k.authority, Gone: len(keys)}
		if !slices.Contains(c.in.Released, h.Code) {
			c.holds = append(c.holds, h)
			c.counts.of(k.authority, k.d).Held += len(keys)
			continue
		}
		for _, r := range sets[k] {
			c.rows = append(c.rows, r.row)
			c.risen = append(c.risen, r.graves...)
		}
	}
}
