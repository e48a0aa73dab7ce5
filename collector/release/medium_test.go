package release_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/collector/release"
)

// TestKeysUnderOthersNames: whoever carries a draft must not be able to put another
// key under the id of one that people know, which no list of changes would show.
func TestKeysUnderOthersNames(t *testing.T) {
	r := begun(t)
	r.must(r.ChangeRoot(r.now, release.RootChange{}))
	path := filepath.Join(r.Draft(), "root.json")
	root, err := metadata.Root().FromFile(path)
	r.must(err)
	known := r.people[2].Who()
	root.Signed.Keys[known.ID()] = r.people[3].Who().Key
	r.must(root.ToFile(path, true))
	_, err = release.Describe(r.Draft())
	r.refused(err, "key", "sign nothing")
	_, err = release.Sign(t.Context(), r.Draft(), r.people[0], "")
	r.refused(err)
	_, err = r.Publish(t.Context(), r.now, r.online)
	r.refused(err)
}

// TestWhatADraftIsComparedWith: what lies beside the draft as public now decides
// what people are shown as new. It must itself be signed, and they are told what it
// is.
func TestWhatADraftIsComparedWith(t *testing.T) {
	r := begun(t)
	r.must(r.Add(r.now, r.inspect(r.built(linux), release.Request{})))
	d, err := release.Describe(r.Draft())
	r.must(err)
	if len(d.Added) != 1 || d.Prints["targets_now"] == "" || d.Prints["root_now"] == "" {
		t.Errorf("got %d programs and %q of now, want 1 and a fingerprint", len(d.Added), d.Prints["targets_now"])
	}
	draft, err := os.ReadFile(filepath.Join(r.Draft(), "targets.json"))
	r.must(err)
	r.must(os.WriteFile(filepath.Join(r.Draft(), "was", "targets.json"), draft, 0o600))
	d, err = release.Describe(r.Draft())
	r.must(err)
	if text := strings.Join(d.Changes, "\n"); len(d.Added) != 1 || !strings.Contains(text, "New: 1.1.0") || !strings.Contains(text, "NOT SIGNED") {
		t.Errorf("got %q, want the program as new and a warning", text)
	}
}

// TestWhoSignsRollouts: a draft that gives the rollout another key says so.
func TestWhoSignsRollouts(t *testing.T) {
	r := begun(t)
	r.must(r.RenewTargets(r.now))
	quiet, err := release.Describe(r.Draft())
	r.must(err)
	if text := strings.Join(quiet.Changes, " "); strings.Contains(text, "rollout") {
		t.Errorf("got %q where nothing changes", text)
	}
	path := filepath.Join(r.Draft(), "targets.json")
	targets, err := metadata.Targets().FromFile(path)
	r.must(err)
	other := r.people[3].Who()
	targets.Signed.Delegations.Keys = map[string]*metadata.Key{other.ID(): other.Key}
	targets.Signed.Delegations.Roles[0].KeyIDs = []string{other.ID()}
	r.must(targets.ToFile(path, true))
	d, err := release.Describe(r.Draft())
	r.must(err)
	if text := strings.Join(d.Changes, " "); !strings.Contains(text, "rollout") || !strings.Contains(text, other.ID()[:16]) {
		t.Errorf("got %q, want the key of the rollout in it", text)
	}
}

// TestNamesOnAMedium: what people call the keys is signed by nobody and must draw
// nothing on a screen; and a key is shown by more than its name.
func TestNamesOnAMedium(t *testing.T) {
	r := begun(t)
	other := r.people[3].Who()
	r.must(r.ChangeRoot(r.now, release.RootChange{AddRoot: []release.Public{other}}))
	names, err := json.Marshal(map[string]string{other.ID(): "person-1\x1b[2J\nNothing changes"})
	r.must(err)
	r.must(os.WriteFile(filepath.Join(r.Draft(), "people.json"), names, 0o600))
	d, err := release.Describe(r.Draft())
	r.must(err)
	text := strings.Join(d.Changes, "\n")
	if strings.ContainsAny(text, "\x1b") || strings.Contains(text, "\nNothing") || !strings.Contains(text, other.ID()[:16]) {
		t.Errorf("got %q", text)
	}
}
