package release

import (
	"slices"
	"strings"
	"unicode"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	signed "rollbridge/shared/release"
)

// What a draft carries was in many hands, and those who sign see only what this
// program shows of it: the functions here keep a medium from showing them less.

// soundKeys refuses a key that stands under another id than its own: changes are
// shown by ids, so that nobody would see a key that was exchanged below one.
func (d *draft) soundKeys() error {
	var all []map[string]*metadata.Key
	for _, r := range []*rootMeta{d.root, d.wasRoot} {
		if r != nil {
			all = append(all, r.Signed.Keys)
		}
	}
	for _, t := range []*targetsMeta{d.targets, d.was} {
		if t != nil && t.Signed.Delegations != nil {
			all = append(all, t.Signed.Delegations.Keys)
		}
	}
	for _, keys := range all {
		for id, k := range keys {
			if k == nil || !unforged(id, k) {
				return refuse("the draft %s holds a key under the id of another (%.16s): sign nothing, and find out who changed it", d.dir, id)
			}
		}
	}
	return nil
}

// unforged computes the id anew; the library believes what it has read.
func unforged(id string, k *metadata.Key) bool {
	fresh := metadata.Key{Type: k.Type, Scheme: k.Scheme, Value: k.Value, UnrecognizedFields: k.UnrecognizedFields}
	real, err := fresh.ID()
	return err == nil && real == id
}

// known is what the draft says is public now, where its own keys have signed that;
// otherwise nothing is taken for known.
func (d *draft) known() (list []signed.File, warning string) {
	if d.was == nil {
		return nil, ""
	}
	if d.wasRoot == nil || d.wasRoot.VerifyDelegate(metadata.ROOT, d.wasRoot) != nil || d.wasRoot.VerifyDelegate(metadata.TARGETS, d.was) != nil {
		return nil, "NOT SIGNED: what lies in was as public now does not have the signatures of its own keys, so every program is shown as new. Do not sign this, unless a publication was cut off just now and everybody knows each line."
	}
	return files(d.was), ""
}

// rolloutChanges says who may sign rollouts, where that changes, and what else the
// targets would hand on to others.
func (d *draft) rolloutChanges() (list []string) {
	if slices.Equal(d.delegates(d.was), d.delegates(d.targets)) {
		return nil
	}
	return append(list, "Who signs rollouts changes: "+strings.Join(d.delegates(d.targets), "; ")+".")
}

func (d *draft) delegates(t *targetsMeta) (list []string) {
	if t == nil || t.Signed.Delegations == nil {
		return nil
	}
	for _, r := range t.Signed.Delegations.Roles {
		list = append(list, printable(r.Name)+" (for "+printable(strings.Join(r.Paths, ", "))+") "+d.list(r.KeyIDs))
	}
	return list
}

// printable is a word that draws nothing on a screen but itself.
func printable(word string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, word)
}
