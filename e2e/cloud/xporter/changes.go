package xporter

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A snapshot is what a list held when a change token was given out: the hash of
// each row by table and id. It is kept under its token.
type snapshot struct {
	asked  string // list and parameters
	hashes map[string]map[string]string
	whole  bool // the last page of the change set went out
	date   string
}

// A change is what changed since a snapshot.
type change struct {
	s         *Service
	requested string
	next      string
	deleted   []member
	tables    []table
}

// change compares tables with the snapshot that is asked for; nil if none is.
func (s *Service) change(ask request, tables []table) (*change, *fault) {
	token := ask.get("changedRows")
	if token == "" {
		return nil, nil
	}
	key := ask.endpoint + "/" + ask.id + "?"
	for _, name := range slices.Sorted(maps.Keys(ask.params)) {
		if name != "page" && name != "pagesize" && name != "changedrows" {
			key += name + "=" + ask.params.Get(name) + "&"
		}
	}
	before := &snapshot{asked: key, whole: true}
	if token != "*" {
		before = s.snapshots[token]
	}
	if before == nil || before.asked != key || !before.whole {
		return nil, &fault{"System.ArgumentException", "The changedRows value is not known for this request."}
	}
	c := &change{s: s, requested: token}
	now := &snapshot{asked: key, hashes: map[string]map[string]string{}, date: time.Now().In(london).Format("2006-01-02T15:04:05")}
	for _, t := range tables {
		now.hashes[t.name] = map[string]string{}
		kept := table{name: t.name}
		for _, r := range t.rows {
			id := r["Id"].(string)
			now.hashes[t.name][id] = hash(r)
			if before.hashes[t.name][id] == hash(r) {
				continue
			}
			if s.BareChanges && token != "*" {
				r = row{"Id": id}
			}
			kept.rows = append(kept.rows, r)
		}
		c.tables = append(c.tables, kept)
		gone := []string{}
		for _, id := range slices.Sorted(maps.Keys(before.hashes[t.name])) {
			if _, there := now.hashes[t.name][id]; !there {
				gone = append(gone, id)
			}
		}
		c.deleted = append(c.deleted, member{t.name + "_deleted", gone})
	}
	c.next = hash(row{"asked": key, "hashes": now.hashes})
	if s.snapshots == nil {
		s.snapshots = map[string]*snapshot{}
	}
	if s.snapshots[c.next] == nil {
		s.snapshots[c.next] = now
	}
	return c, nil
}

// state is what stands beside the rows of a change set.
func (c *change) state(last bool) member {
	if last {
		c.s.snapshots[c.next].whole = true
	}
	var date, previous any
	if before := c.s.snapshots[c.requested]; before != nil {
		date, previous = before.date, c.requested
	}
	return member{"__changedRows__", []row{{
		"SnapshotDate": date, "SnapshotRP": nil, "PreviousChangedRows": previous, "RequestedChangedRows": c.requested,
		"NextChangedRows": c.next, "NextUrl": "?changedRows=" + c.next,
	}}}
}

// Forget drops every snapshot: change tokens are refused.
func (s *Service) Forget() { s.snapshots = nil }

func hash(r row) string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprint("xporter: a row that is no JSON: ", err)) // the double's own
	}
	sum := sha1.Sum(text)
	return hex.EncodeToString(sum[:])
}
