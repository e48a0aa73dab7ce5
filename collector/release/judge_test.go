package release_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/collector/release"
	signed "rollbridge/shared/release"
)

func agents(n int, version string, ring signed.Ring, heard time.Duration) (list []release.Program) {
	for range n {
		list = append(list, release.Program{School: "oak", Version: version, Ring: ring, Heard: now.Add(-heard), Metadata: 1})
	}
	return list
}

func join(lists ...[]release.Program) (all []release.Program) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const old, new = "1.0.0", "1.1.0"
	returned := func(version, runs, reason string) []release.Program {
		return []release.Program{{School: "elm", Version: runs, Ring: signed.General, Heard: now, Skipped: []release.Skip{{Version: version, Reason: reason}}}}
	}
	off := agents(50, old, signed.Early, 0)
	for i := range off {
		off[i].Off = true
	}
	for name, c := range map[string]struct {
		list []release.Program
		to   signed.Ring
		says string
	}{
		"nobody yet, to early":          {nil, signed.Early, ""},
		"nobody yet, to all":            {nil, signed.General, "No agent of the early ring"},
		"all have it":                   {agents(3, new, signed.Early, 0), signed.General, ""},
		"all have a newer one":          {agents(3, "1.2.0", signed.Early, 0), signed.General, ""},
		"98 of 100":                     {join(agents(98, new, signed.Early, 0), agents(2, old, signed.Early, 0)), signed.General, ""},
		"97 of 100":                     {join(agents(97, new, signed.Early, 0), agents(3, old, signed.Early, 0)), signed.General, "97 of 100 agents"},
		"those off for weeks":           {join(agents(1, new, signed.Early, 0), agents(9, old, signed.Early, 15*24*time.Hour)), signed.General, ""},
		"those off for a week count":    {join(agents(1, new, signed.Early, 0), agents(9, old, signed.Early, 7*24*time.Hour)), signed.General, "1 of 10"},
		"those who update nothing":      {join(agents(1, new, signed.Early, 0), off), signed.General, ""},
		"the general ring is not asked": {join(agents(1, new, signed.Early, 0), agents(500, old, signed.General, 0)), signed.General, ""},
		"one returned":                  {join(agents(100, new, signed.Early, 0), returned(new, old, "crashed")), signed.General, "elm returned from 1.1.0 (crashed)"},
		"one returned, to early":        {returned(new, old, "not_ready"), signed.Early, "elm returned"},
		"returned from another":         {join(agents(1, new, signed.Early, 0), returned("1.0.5", old, "crashed")), signed.General, ""},
		"returned, and has it now":      {join(agents(1, new, signed.Early, 0), returned(new, new, "crashed")), signed.General, ""},
		"the computer's own fault":      {join(agents(1, new, signed.Early, 0), returned(new, old, "here")), signed.General, ""},
	} {
		got := strings.Join(release.Judge(c.list, new, c.to, now), " ")
		if c.says == "" && got != "" || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	back := agents(1, "1.9.0", signed.Early, 0)
	back[0].Skipped = []release.Skip{{Version: "1.10.0", Reason: "crashed"}, {Version: "1.9.0", Reason: "crashed"}}
	got := release.Count(join(agents(2, "1.10.0", signed.General, 0), back, agents(1, "0.1.0-dev", signed.General, 0)))
	want := []release.Adoption{{Version: "1.10.0", Agents: 2, Returned: 1}, {Version: "1.9.0", Agents: 1, Early: 1}, {Version: "0.1.0-dev", Agents: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFrozen(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := release.State{Metadata: []release.Role{{Role: "timestamp", Version: now.Unix()}}}
	for name, c := range map[string]struct {
		p    release.Program
		want bool
	}{
		"fresh":                            {release.Program{Heard: now, Metadata: now.Unix()}, false},
		"newer than here, after a restore": {release.Program{Heard: now, Metadata: now.Add(day).Unix()}, false},
		"three days behind":                {release.Program{Heard: now, Metadata: now.Add(-3 * day).Unix()}, false},
		"more":                             {release.Program{Heard: now, Metadata: now.Add(-3*day - time.Second).Unix()}, true},
		"silent for as long":               {release.Program{Heard: now.Add(-4 * day), Metadata: now.Add(-4 * day).Unix()}, false},
		"updates nothing":                  {release.Program{Heard: now, Metadata: now.Add(-9 * day).Unix(), Off: true}, false},
		"never saw any":                    {release.Program{Heard: now}, false},
	} {
		if got := s.Frozen(c.p, now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if (release.State{}).Frozen(release.Program{Heard: now, Metadata: 1}, now) {
		t.Error("frozen without a repository")
	}
}

func TestAlarms(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		role string
		left time.Duration
		days int // -1 is none
	}{
		{"root", 91 * day, -1}, {"root", 90 * day, 90}, {"root", 61 * day, 90}, {"root", 60 * day, 60}, {"root", 30 * day, 30}, {"root", 1, 30}, {"root", 0, 0}, {"root", -day, 0},
		{"targets", 90 * day, -1}, {"targets", 31 * day, -1}, {"targets", 30 * day, 30}, {"targets", 0, 0},
		{"timestamp", 3 * day, -1}, {"timestamp", 36*time.Hour + 1, -1}, {"timestamp", 36 * time.Hour, 1}, {"timestamp", 0, 0},
		{"snapshot", 8 * day, -1}, {"snapshot", 7 * day, 1}, {"rollout", 7 * day, 1},
	} {
		s := release.State{Metadata: []release.Role{{Role: c.role, Expires: now.Add(c.left)}, {Role: "x", Expires: now.Add(1000 * day)}}}
		list := s.Alarms(now)
		if got := len(list) > 0; got != (c.days >= 0) || got && (list[0].Days != c.days || list[0].Role != c.role) {
			t.Errorf("%s with %v left: %+v", c.role, c.left, list)
		}
		if len(list) == 0 {
			continue
		}
		says := list[0].Words.Words(now, nil)
		if !strings.HasPrefix(says, "The "+c.role+" metadata of releases ") || strings.Contains(says, "expired") != (c.left <= 0) ||
			strings.Contains(says, "days left: "+strconv.Itoa(int(c.left/day))+")") != (c.left > 0 && (c.role == "root" || c.role == "targets")) {
			t.Errorf("%s with %v left: %q", c.role, c.left, says)
		}
	}
}

// What a root may become, and what a client sees of it.
func TestRootChanges(t *testing.T) {
	t.Parallel()
	r := begun(t)
	r.released(linux, release.Request{})
	first := r.root()
	old := r.client(first)
	old.versions()
	check := func(version int64) {
		t.Helper()
		for _, c := range []*client{old, r.client(first), r.client(r.root())} {
			if !c.versions()["1.1.0"] {
				t.Fatal("the release is not seen")
			}
		}
		s, err := r.State()
		r.must(err)
		if s.Metadata[0].Version != version {
			t.Fatalf("root %d, want %d", s.Metadata[0].Version, version)
		}
	}
	// Another year.
	r.now = r.now.Add(80 * 24 * time.Hour)
	_, err := r.Renew(t.Context(), r.now, r.online)
	r.must(err)
	r.must(r.RenewTargets(r.now))
	r.must(r.ChangeRoot(r.now, release.RootChange{}))
	r.sign(0, 1)
	r.publish()
	check(2)
	// Another server key.
	r.must(r.ChangeRoot(r.now, release.RootChange{NewOnline: true}))
	r.sign(0, 1)
	r.publish()
	check(3)
	r.must(r.Promote(t.Context(), r.now, r.online, "1.1.0", signed.Early, 100, ""))
	check(3)
	// All who sign releases are replaced, and nobody of them is there any more.
	r.must(r.ChangeRoot(r.now, release.RootChange{
		AddTargets: []release.Public{r.people[3].Who()}, DropTargets: []string{"person-1", "person-2", "person-3"}, TargetsThreshold: 1,
	}))
	_, err = release.Sign(t.Context(), r.Draft(), r.people[3], "")
	r.must(err)
	for _, i := range []int{0, 1} {
		_, err = release.Sign(t.Context(), r.Draft(), r.people[i], "root")
		r.must(err)
	}
	r.publish()
	check(4)
	r.refused(r.ChangeRoot(r.now, release.RootChange{RootThreshold: 4}), "root has 3 keys")
	r.refused(r.ChangeRoot(r.now, release.RootChange{DropTargets: []string{"person-4"}}), "nobody could sign targets")
	r.refused(r.ChangeRoot(r.now, release.RootChange{AddRoot: []release.Public{r.people[0].Who()}}), "is one of root already")
	// A drafted root that is too old when it is published.
	r.must(r.ChangeRoot(r.now, release.RootChange{}))
	r.sign(0, 1)
	r.now = r.now.Add(366 * 24 * time.Hour)
	_, err = r.Publish(t.Context(), r.now, r.online)
	r.refused(err, "the root in the draft expired")
	r.must(r.Discard())
	// Everything has expired: people bring it back.
	_, err = r.Renew(t.Context(), r.now, r.online)
	r.must(err)
	if _, err := old.refresh(); err == nil {
		t.Error("a client believes an expired root")
	}
	r.must(r.RenewTargets(r.now))
	r.sign(3)
	_, err = r.Publish(t.Context(), r.now, r.online)
	r.refused(err, "agents would not believe this", "release root")
	r.must(r.ChangeRoot(r.now, release.RootChange{}))
	r.sign(0, 1)
	r.publish()
	check(5)
}

// Without every root that was ever public, old agents could never update again.
func TestARootIsMissing(t *testing.T) {
	t.Parallel()
	r := begun(t)
	r.must(r.ChangeRoot(r.now, release.RootChange{}))
	r.sign(0, 1)
	r.publish()
	r.must(os.Remove(filepath.Join(r.Public(), "1.root.json")))
	_, err := r.State()
	r.refused(err, "1.root.json is missing", "bring it back")
	_, err = r.Renew(t.Context(), r.now.Add(24*time.Hour), r.online)
	r.refused(err, "1.root.json is missing")
}

// The key of the server is gone, or not readable by its user alone.
func TestServerKeys(t *testing.T) {
	t.Parallel()
	r := begun(t)
	r.released(linux, release.Request{})
	paths, err := filepath.Glob(filepath.Join(r.Dir(), "keys", "snapshot-*.key"))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	promote := func() error { return r.Promote(t.Context(), r.now, r.online, "1.1.0", signed.Early, 100, "") }
	r.must(os.Chmod(paths[0], 0o640))
	r.refused(promote(), "others may read the private key")
	r.must(os.Chmod(paths[0], 0o600))
	r.must(os.Rename(paths[0], paths[0]+".away"))
	r.refused(promote(), "the key of role snapshot is not in", "--new-online-keys")
	// People give the server new keys; the lost one is no reason to stop.
	r.must(r.ChangeRoot(r.now, release.RootChange{NewOnline: true}))
	r.sign(0, 1)
	r.publish()
	r.must(promote())
	if !r.client(firstOf(r)).rollout().Admits("1.1.0", signed.Early, "x") {
		t.Error("not promoted")
	}
}

func firstOf(r *rig) []byte { return r.read("1.root.json") }
