package release

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	signed "rollbridge/shared/release"
)

// A Need is one threshold of a draft and how far it is met.
type Need struct {
	// Of is root or targets; By says whose keys count.
	Of        string   `json:"of"`
	By        string   `json:"by"`
	Threshold int      `json:"threshold"`
	Signed    []string `json:"signed"`
	Missing   []string `json:"missing"`
}

// Met says whether enough have signed.
func (n Need) Met() bool { return len(n.Signed) >= n.Threshold }

// String says it for a person.
func (n Need) String() string {
	if n.Met() {
		return fmt.Sprintf("%s has the %d signatures that it needs of %s (%s)", n.Of, n.Threshold, n.By, strings.Join(n.Signed, ", "))
	}
	by := "nobody yet"
	if len(n.Signed) > 0 {
		by = strings.Join(n.Signed, ", ")
	}
	return fmt.Sprintf("%s needs %d signatures of %s and has %d (%s); missing: %d of %s",
		n.Of, n.Threshold, n.By, len(n.Signed), by, n.Threshold-len(n.Signed), strings.Join(n.Missing, ", "))
}

// needs lists the thresholds that a publication of the draft must meet.
func (d *draft) needs() (list []Need) {
	by := d.wasRoot
	if d.root != nil {
		if d.wasRoot != nil && !sameKeys(d.wasRoot, d.root, metadata.ROOT) {
			list = append(list, need(d, metadata.ROOT, "the root keys of now", d.wasRoot, d.root), need(d, metadata.ROOT, "the new root keys", d.root, d.root))
		} else {
			list = append(list, need(d, metadata.ROOT, "the root keys", d.root, d.root))
		}
		by = d.root
	}
	if d.targets != nil && by != nil {
		list = append(list, need(d, metadata.TARGETS, "the targets keys", by, d.targets))
	}
	return list
}

func sameKeys(a, b *rootMeta, role string) bool {
	ra, rb := a.Signed.Roles[role], b.Signed.Roles[role]
	return ra != nil && rb != nil && ra.Threshold == rb.Threshold && slices.Equal(slices.Sorted(slices.Values(ra.KeyIDs)), slices.Sorted(slices.Values(rb.KeyIDs)))
}

func need[T metadata.Roles](d *draft, role, by string, judge *rootMeta, m *metadata.Metadata[T]) Need {
	n := Need{Of: role, By: by, Signed: []string{}, Missing: []string{}}
	has := judge.Signed.Roles[role]
	if has == nil {
		return n
	}
	n.Threshold = has.Threshold
	for _, id := range has.KeyIDs {
		if k := judge.Signed.Keys[id]; k != nil && signedBy(id, k, m) {
			n.Signed = append(n.Signed, d.name(id))
		} else {
			n.Missing = append(n.Missing, d.name(id))
		}
	}
	slices.Sort(n.Signed)
	slices.Sort(n.Missing)
	return n
}

// name is what people call a key.
func (d *draft) name(id string) string { return nameOf(d.names, id) }

func nameOf(names map[string]string, id string) string {
	if n := names[id]; n != "" {
		return n
	}
	return "key " + id[:min(len(id), 12)]
}

// wanted says in one line who signs what.
func (d *draft) wanted() string {
	var list []string
	for _, n := range d.needs() {
		list = append(list, n.String())
	}
	return strings.Join(list, "; ")
}

// A Draft describes a draft to whoever is to sign it.
type Draft struct {
	// Changes are sentences; Added are the new programs.
	Changes []string
	Added   []signed.File
	// Prints are short fingerprints of what is signed: everybody who signs must read
	// the same. Those of what is public now, with which the draft is compared, end
	// with _now.
	Prints map[string]string
	Needs  []Need
}

// Describe reads a draft for people; nil is none.
func Describe(dir string) (*Draft, error) {
	d, err := readDraft(dir)
	if err != nil || d == nil {
		return nil, err
	}
	public, _ := d.known()
	out := &Draft{Added: d.beside(public), Prints: map[string]string{}, Needs: d.needs()}
	if d.wasRoot != nil {
		if out.Prints["root_now"], err = fingerprint(d.wasRoot); err != nil {
			return nil, err
		}
	}
	if d.was != nil {
		if out.Prints["targets_now"], err = fingerprint(d.was); err != nil {
			return nil, err
		}
	}
	if d.root != nil {
		out.Changes = append(out.Changes, d.rootChanges()...)
		if out.Prints["root"], err = fingerprint(d.root); err != nil {
			return nil, err
		}
	}
	if d.targets != nil {
		out.Changes = append(out.Changes, d.targetsChanges()...)
		if out.Prints["targets"], err = fingerprint(d.targets); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fingerprint is one of what is signed, which no signature changes.
func fingerprint[T metadata.Roles](m *metadata.Metadata[T]) (string, error) {
	payload, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		return "", fmt.Errorf("read the draft: %w", err)
	}
	sum := sha256.Sum256(payload)
	var groups []string
	for g := range slices.Chunk(sum[:16], 2) {
		groups = append(groups, hex.EncodeToString(g))
	}
	return strings.Join(groups, " "), nil
}

func (d *draft) rootChanges() (list []string) {
	list = append(list, fmt.Sprintf("Root %d, good until %s.", d.root.Signed.Version, d.root.Signed.Expires.Format("2 January 2006")))
	for _, role := range []string{metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP} {
		now := d.root.Signed.Roles[role]
		var was *metadata.Role
		if d.wasRoot != nil {
			was = d.wasRoot.Signed.Roles[role]
		}
		if was == nil {
			list = append(list, fmt.Sprintf("Role %s: %d of %s.", role, now.Threshold, d.list(now.KeyIDs)))
			continue
		}
		if was.Threshold != now.Threshold {
			list = append(list, fmt.Sprintf("Role %s needs %d signatures instead of %d.", role, now.Threshold, was.Threshold))
		}
		if gone := without(was.KeyIDs, now.KeyIDs); len(gone) > 0 {
			list = append(list, fmt.Sprintf("Role %s loses %s.", role, d.list(gone)))
		}
		if come := without(now.KeyIDs, was.KeyIDs); len(come) > 0 {
			list = append(list, fmt.Sprintf("Role %s gets %s.", role, d.list(come)))
		}
	}
	return list
}

func (d *draft) targetsChanges() (list []string) {
	list = append(list, fmt.Sprintf("Targets %d, good until %s.", d.targets.Signed.Version, d.targets.Signed.Expires.Format("2 January 2006")))
	public, warning := d.known()
	if warning != "" {
		list = append(list, warning)
	}
	list = append(list, d.rolloutChanges()...)
	old := map[string]signed.File{}
	for _, f := range public {
		old[f.Path] = f
	}
	for _, f := range d.beside(public) {
		line := fmt.Sprintf("New: %s for %s-%s, %d bytes, SHA-256 %x.", f.Version, f.OS, f.Arch, f.Length, f.SHA256)
		if f.Security {
			line += " A security release."
		}
		if f.Floor != "" {
			line += fmt.Sprintf(" Nothing older than %s is started any more.", f.Floor)
		}
		if last, any := newestOf(public, f.OS, f.Arch); any && last.Data != f.Data {
			line += fmt.Sprintf(" What may leave a school is not the same as with %s.", last.Version)
		}
		list = append(list, line)
	}
	now := map[string]signed.File{}
	for _, f := range files(d.targets) {
		now[f.Path] = f
		if was, ok := old[f.Path]; ok && was != f {
			list = append(list, fmt.Sprintf("CHANGED: %s, which is released. Do not sign this.", f.Path))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(old)) {
		if _, ok := now[path]; !ok {
			list = append(list, fmt.Sprintf("REMOVED: %s, which is released: agents that run it would not start. Do not sign this.", path))
		}
	}
	return list
}

func (d *draft) list(ids []string) string {
	var names []string
	for _, id := range ids {
		// A name is what somebody wrote on a medium; the id is the key's own.
		names = append(names, fmt.Sprintf("%s (%.16s)", d.name(id), id))
	}
	return strings.Join(names, ", ")
}

func without(list, others []string) (rest []string) {
	for _, id := range list {
		if !slices.Contains(others, id) {
			rest = append(rest, id)
		}
	}
	return rest
}
