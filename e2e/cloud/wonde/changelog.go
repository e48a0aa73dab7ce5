package wonde

import (
	"encoding/json"
	"hash/fnv"
	"net/url"
	"slices"
	"time"
)

// A changeLog is when objects were last updated, and which are gone.
type changeLog struct {
	began   time.Time
	known   map[string]map[any]uint64 // digests, by resource and id
	changed map[any]time.Time
	gone    []deletion
}

type deletion struct {
	kind string
	id   any
	at   time.Time
}

func (l *changeLog) begin(d *Double, at time.Time) {
	l.began, l.changed = at.UTC(), map[any]time.Time{}
	l.known = digests(d)
}

func (l *changeLog) updated(id any) time.Time {
	if at, there := l.changed[id]; there {
		return at
	}
	return l.began
}

// Revise notes the school's changes since the last time as made at a time.
func (d *Double) Revise(at time.Time) {
	now := digests(d)
	for name, after := range now {
		before := d.log.known[name]
		for id, digest := range after {
			if old, there := before[id]; !there || old != digest {
				d.log.changed[id] = at.UTC()
			}
		}
		for id := range before {
			if _, there := after[id]; !there {
				d.log.gone = append(d.log.gone, deletion{kind: resources[name].kind, id: id, at: at.UTC()})
			}
		}
	}
	d.log.known = now
}

// digests are of objects with everything that can be included in them, but for
// what the school gives as functions.
func digests(d *Double) map[string]map[any]uint64 {
	all := map[string]map[any]uint64{}
	for name, r := range resources {
		all[name] = map[any]uint64{}
		for o := range r.all(d, r.includes) {
			text, err := json.Marshal(o)
			if err != nil {
				panic(err) // objects are made of texts and numbers
			}
			h := fnv.New64a()
			h.Write(text)
			all[name][o["id"]] = h.Sum64()
		}
	}
	return all
}

// deletions are those of a type, after a time.
func (d *Double) deletions(query url.Values) []object {
	after, err := time.ParseInLocation(time.DateTime, query.Get("updated_after"), time.UTC)
	if err != nil {
		after = time.Time{}
	}
	rows := []object{}
	for _, g := range d.log.gone {
		if kind := query.Get("type"); (kind == "" || kind == g.kind) && g.at.After(after) {
			rows = append(rows, object{"id": g.id, "type": g.kind, "restored_at": nil, "deleted_at": moment(g.at)})
		}
	}
	slices.SortStableFunc(rows, func(a, b object) int {
		return compare(a["type"].(string)+a["id"].(string), b["type"].(string)+b["id"].(string))
	})
	return rows
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
