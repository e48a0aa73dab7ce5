package delta

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"slices"

	"rollbridge/agent/mis"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Mark stands for a pupil, or for what a person knows a pupil by, without
// naming either: an HMAC under the local key.
type Mark [16]byte

// MarkOf stands for a pupil.
func (k Keys) MarkOf(id record.PupilID) Mark { return k.mark("pupil", string(id)) }

// MarkOfUPN stands for a UPN however it is written; false where the text can be
// none.
func (k Keys) MarkOfUPN(text string) (Mark, bool) {
	upn, _ := codes.ParseUPN(text) // with an unknown authority it is one all the same
	if upn.Reveal() == "" {
		return Mark{}, false
	}
	return k.mark("upn", upn.Reveal()), true
}

// MarkOfMIS stands for the MIS's own id of a pupil.
func (k Keys) MarkOfMIS(id string) Mark { return k.markOfBase(record.NewPupilID(k.ID, id)) }

// markOfBase stands for the id that a pupil has, or would have, without a UPN.
func (k Keys) markOfBase(id record.PupilID) Mark { return k.mark("base", string(id)) }

func (k Keys) mark(kind, text string) Mark {
	m := hmac.New(sha256.New, k.Local)
	m.Write([]byte("rollbridge/sent/v1\x00" + kind + "\x00" + text))
	return Mark(m.Sum(nil)[:16])
}

// A Sent says how much of one dataset of one pupil a result carries. Removals
// count also what a full batch takes away by not having it.
type Sent struct {
	Pupil     Mark
	Authority string // as in a Count
	Dataset   record.Dataset
	Upserts   int
	Removals  int
}

// A Successor is a pupil who is sent under another id from now on.
type Successor struct{ Was, Now Mark }

// An Alias leads from a UPN or the MIS's id to the pupil who has it now.
type Alias struct{ Alias, Pupil Mark }

// A Note is what a line does not say of itself: whose the record is, and
// whether it was never sent before.
type Note struct {
	Authority string `json:"authority,omitempty"`
	New       bool   `json:"new,omitempty"`
}

type tallyKey struct {
	pupil record.PupilID
	of    countKey
}

// absent are records that a full batch takes away without a line.
type tally struct{ upserts, removals, absent int }

// Note takes a row as the MIS gives it, before scope trims it: the UPN leads a
// person at the school to the pupil also where it may not leave. Nothing is
// kept of a pupil who is not sent.
func (c *Comparison) Note(row mis.Row) {
	p, ok := row.Record.(*record.Pupil)
	if !ok {
		return
	}
	if mark, ok := c.in.Keys.MarkOfUPN(p.UPN); ok {
		c.upns[p.ID] = mark
	}
}

// alias remembers what a pupil who was read may be asked for by. base is empty
// where the id itself is made without a UPN.
func (c *Comparison) alias(id, base record.PupilID, upn Mark) {
	if base == "" {
		base = id
	}
	c.aliases[id] = []Mark{c.in.Keys.markOfBase(base)}
	if upn != (Mark{}) {
		c.aliases[id] = append(c.aliases[id], upn)
	}
}

func (c *Comparison) tally(id record.PupilID, authority string, d record.Dataset) *tally {
	k := tallyKey{id, countKey{authority, d}}
	if c.sent[k] == nil {
		c.sent[k] = &tally{}
	}
	return c.sent[k]
}

func (c *Comparison) noteUpsert(s sending) {
	_, known := c.in.State.Entries[s.name]
	c.notes = append(c.notes, Note{Authority: s.authority, New: !known && s.was == ""})
	if !s.dataset.OfPupils() {
		return
	}
	_, key, _ := SplitKey(s.name)
	c.tally(key.Pupil(), s.authority, s.dataset).upserts++
	if s.was != "" {
		c.successors = append(c.successors, Successor{c.in.Keys.MarkOf(s.was), c.in.Keys.MarkOf(key.Pupil())})
	}
}

// noteRemoval counts a removal for its pupil. What is removed under an old id is
// sent under the new one and takes nothing from the pupil.
func (c *Comparison) noteRemoval(id record.PupilID, authority string, d record.Dataset, why string) {
	c.notes = append(c.notes, Note{Authority: authority})
	if d.OfPupils() && why != protocol.RemovedRenamed {
		c.tally(id, authority, d).removals++
	}
}

func (c *Comparison) noteAbsence(id record.PupilID, authority string, d record.Dataset) {
	if d.OfPupils() {
		c.tally(id, authority, d).absent++
	}
}

// counted are the counts with the pupils that they are about.
func (c *Comparison) counted() []Count {
	for k, t := range c.sent {
		if t.upserts+t.removals > 0 {
			c.counts.of(k.of.authority, k.of.dataset).Pupils++
		}
	}
	return c.counts.sorted()
}

func (c *Comparison) sentOf() []Sent {
	list := make([]Sent, 0, len(c.sent))
	for k, t := range c.sent {
		list = append(list, Sent{c.in.Keys.MarkOf(k.pupil), k.of.authority, k.of.dataset, t.upserts, t.removals + t.absent})
	}
	order := record.Datasets()
	slices.SortFunc(list, func(a, b Sent) int {
		return cmp.Or(bytes.Compare(a.Pupil[:], b.Pupil[:]), cmp.Compare(a.Authority, b.Authority),
			cmp.Compare(slices.Index(order, a.Dataset), slices.Index(order, b.Dataset)))
	})
	return list
}

// sortedAliases are those of the pupils that this read used.
func (c *Comparison) sortedAliases() []Alias {
	var list []Alias
	for _, id := range slices.Sorted(maps.Keys(c.aliases)) {
		if _, used := c.pupils[id]; !used {
			continue
		}
		for _, a := range c.aliases[id] {
			list = append(list, Alias{a, c.in.Keys.MarkOf(id)})
		}
	}
	return list
}
