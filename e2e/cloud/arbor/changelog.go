package arbor

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
)

// A changeLog is what has changed since the double was made, by resource.
type changeLog struct {
	revision int
	known    map[string]map[string]uint64 // digests, by type and href
	changes  map[string][]change
}

type change struct {
	revision int
	kind     string // create, update or delete
	href     string
}

func (l *changeLog) begin(d *Double) {
	l.revision, l.changes = 1, map[string][]change{}
	l.known = digests(d)
}

// Revise notes what the school's changes since the last time changed, as one
// revision.
func (d *Double) Revise() {
	now := digests(d)
	d.log.revision++
	for i := range kinds {
		name := kinds[i].name
		before, after := d.log.known[name], now[name]
		for href, digest := range after {
			old, there := before[href]
			switch {
			case !there:
				d.log.add(name, "create", href)
			case old != digest:
				d.log.add(name, "update", href)
			}
		}
		for href := range before {
			if _, there := after[href]; !there {
				d.log.add(name, "delete", href)
			}
		}
	}
	d.log.known = now
}

func (l *changeLog) add(name, kind, href string) {
	l.changes[name] = append(l.changes[name], change{revision: l.revision, kind: kind, href: href})
}

func digests(d *Double) map[string]map[string]uint64 {
	all := map[string]map[string]uint64{}
	for i := range kinds {
		k := &kinds[i]
		all[k.name] = map[string]uint64{}
		for o := range k.all(d, "") {
			text, err := json.Marshal(o)
			if err != nil {
				panic(err) // objects are made of texts and numbers
			}
			h := fnv.New64a()
			h.Write(text)
			all[k.name][o["href"].(string)] = h.Sum64()
		}
	}
	return all
}

// changes is the change log of a resource between two revisions, both among
// them.
func (d *Double) changes(w http.ResponseWriter, k *kind, query url.Values) {
	from, err := whole(query, "from-revision", 1)
	to := d.log.revision
	if err == nil {
		to, err = whole(query, "to-revision", to)
	}
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	made := []object{}
	for _, c := range d.log.changes[k.name] {
		if c.revision < from || c.revision > to {
			continue
		}
		made = append(made, object{
			"changedObject": object{"entityType": k.name, "href": c.href}, "changeType": c.kind,
			"fromRevision": c.revision - 1, "toRevision": c.revision,
		})
	}
	slices.SortStableFunc(made, func(a, b object) int { return a["toRevision"].(int) - b["toRevision"].(int) })
	answer(w, http.StatusOK, object{"response": succeeded(), "changes": made})
}
