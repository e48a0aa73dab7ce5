package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrBroken is returned where something else is wrong than that the database was restored.
var ErrBroken = errors.New("a chain is broken in itself, which no restored backup explains: it cannot be accepted, and shows until it is past its time")

// Accept takes the chains as they are for the ones to go on from, after a backup was
// restored: what was written since the backup is lost. Each such chain gets an entry that
// says so. It returns the chains.
func (k Keeper) Accept(ctx context.Context, reason string, now time.Time) ([]Chain, error) {
	newest, err := k.Shelf.Newest()
	if err != nil {
		return nil, err
	}
	report, err := k.Log.Verify(ctx, newest)
	if err != nil {
		return nil, err
	}
	differ := map[Chain]Fault{}
	for _, f := range report.Faults {
		if !f.Outside {
			return nil, fmt.Errorf("accept the audit log of %s: %w", f.Chain.Words(), ErrBroken)
		}
		if _, told := differ[f.Chain]; !told {
			differ[f.Chain] = f
		}
	}
	list := slices.Sorted(maps.Keys(differ))
	if len(list) == 0 {
		return nil, nil
	}
	next := Checkpoint{Number: newest.Number + 1, At: now.UTC(), Marks: maps.Clone(newest.Marks)}
	var entries []Entry
	for _, c := range list {
		delete(next.Marks, c)
		if e, there := report.ends[c]; there {
			next.Marks[c] = Mark{Seq: e.seq, Hash: e.hash, From: e.from, FromHash: e.fromHash}
		}
		entries = append(entries, acceptance(c, newest.Marks[c], report.ends[c], reason))
	}
	// The entries come first: a checkpoint without them would hide the loss.
	if err := k.Log.AddAll(ctx, entries); err != nil {
		return nil, err
	}
	if err := k.Shelf.put(next, k.Key, k.Keyring); err != nil {
		return nil, err
	}
	report, err = k.Log.Verify(ctx, next)
	if err != nil {
		return nil, err
	}
	return list, k.Shelf.PutVerified(Verified{now.UTC(), report})
}

func acceptance(c Chain, was Mark, is end, reason string) Entry {
	e := Entry{User: ByCommand, Action: AuditAccepted, Subject: Subject{About: fmt.Sprintf("was=%d is=%d", was.Seq, is.seq)}}
	switch kind, id, _ := strings.Cut(string(c), "/"); kind {
	case "authority":
		e.Authority, e.Reason = id, reason
	case "school":
		e.School, e.Reason = id, reason
	}
	return e
}
