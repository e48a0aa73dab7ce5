package outbox_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
)

// An intake is what the collector does with envelopes, in a few lines: it
// takes what follows its head, or a full batch that withdraws its head or
// begins right after it, and applies in order.
type intake struct {
	log     []envelope.Link // taken, oldest first
	applied int             // how many of log have an outcome
}

func (c *intake) head() envelope.Link {
	if len(c.log) == 0 {
		return envelope.Link{}
	}
	return c.log[len(c.log)-1]
}

func (c *intake) take(item outbox.Item) bool {
	e, err := envelope.Parse(item.Envelope)
	if err != nil {
		return false
	}
	h, head := e.Header, c.head()
	follows := h.Sequence == head.Sequence+1 && h.Previous == head.Digest
	for i, l := range h.Withdrawn {
		follows = follows || l == head || i == 0 && l.Sequence == head.Sequence+1
	}
	if slices.Contains(c.log, item.Link) {
		return true // a repeat gets its receipt again
	}
	if follows {
		c.log = append(c.log, item.Link)
	}
	return follows
}

// TestDelivers is the chain of design.md §4: whatever is sealed, sent,
// answered, lost or restored, the collector ends with the agent's newest
// batch, and within a few syncs.
func TestDelivers(t *testing.T) {
	// Every check writes real files with fsync.
	ok(t, flag.Set("rapid.checks", "25"))
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "delivers")
		ok(t, err)
		defer os.RemoveAll(dir)
		a := enrolled(t, dir)
		defer func() { a.close(t) }()
		c := &intake{}
		var backup intake
		serial, version := uint64(0), 0
		sync := func(t *rapid.T) {
			reason, err := a.FullReason()
			ok(t, err)
			version++
			a.seal(t, reason != "", 0, 2, version)
		}
		send := func(t *rapid.T, lost bool) bool {
			item, found, err := a.Next()
			ok(t, err)
			if !found {
				return false
			}
			ok(t, a.Attempted(item.Link))
			if c.take(item) {
				if !lost {
					ok(t, a.Receipted(item.Link, receiptOf(t, item.Link)))
				}
				return true
			}
			head := c.head()
			kept, err := a.Rewind(head)
			ok(t, err)
			if !kept {
				ok(t, a.NeedFull(outbox.FullRestored, &head))
			}
			return kept
		}
		// A check-in tells the agent where the collector stands.
		checkin := func(t *rapid.T) {
			head := c.head()
			if mine, err := a.Head(); err != nil || head == mine {
				ok(t, err)
				return
			}
			n, err := a.Waiting()
			ok(t, err)
			if n > 0 {
				return
			}
			kept, err := a.Rewind(head)
			ok(t, err)
			if !kept {
				ok(t, a.NeedFull(outbox.FullRestored, &head))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"sync":       sync,
			"send":       func(t *rapid.T) { send(t, false) },
			"reply lost": func(t *rapid.T) { send(t, true) },
			"check in":   checkin,
			"apply": func(t *rapid.T) {
				if c.applied = len(c.log); c.applied == 0 {
					return
				}
				serial++
				signed, st, o := outcomeOf(t, c.head(), serial)
				ok(t, a.ApplyOutcome(signed, st, o, nil))
			},
			"back up": func(*rapid.T) { backup = intake{slices.Clone(c.log), c.applied} },
			"restore": func(*rapid.T) { c.log, c.applied = slices.Clone(backup.log), backup.applied },
			"restart": func(t *rapid.T) { a.close(t); a = open(t, dir) },
			"full":    func(t *rapid.T) { ok(t, a.NeedFull(outbox.FullResync, nil)) },
		})
		for round := 0; ; round++ {
			sync(t)
			for send(t, false) {
			}
			checkin(t)
			if mine, err := a.Head(); err == nil && c.head() == mine {
				break
			}
			if round == 3 {
				t.Fatal("the collector never gets the newest batch")
			}
		}
		a.healthy(t)
	})
}
