package release

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// key is one of a person, the same for every run.
func key(n byte) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{n})
	return ed25519.NewKeyFromSeed(seed[:])
}

func idOf(t testing.TB, k ed25519.PrivateKey) (string, *metadata.Key) {
	t.Helper()
	public, err := metadata.KeyFromPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	id, err := public.ID()
	if err != nil {
		t.Fatal(err)
	}
	return id, public
}

func signed[T metadata.Roles](t testing.TB, m *metadata.Metadata[T], by ...byte) []byte {
	t.Helper()
	payload, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		t.Fatal(err)
	}
	m.Signatures = nil
	for _, n := range by {
		id, _ := idOf(t, key(n))
		m.Signatures = append(m.Signatures, metadata.Signature{KeyID: id, Signature: ed25519.Sign(key(n), payload)})
	}
	b, err := m.ToBytes(false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// root is one whose keys are these, both for root and targets; it expired long ago.
func root(t testing.TB, version int64, threshold int, keys ...byte) *metadata.Metadata[metadata.RootType] {
	t.Helper()
	r := metadata.Root(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	r.Signed.Version = version
	for _, role := range []string{metadata.ROOT, metadata.TARGETS} {
		r.Signed.Roles[role].Threshold = threshold
		for _, n := range keys {
			_, k := idOf(t, key(n))
			if err := r.Signed.AddKey(k, role); err != nil {
				t.Fatal(err)
			}
		}
	}
	return r
}

var good = Release{Version: "1.2.0", OS: "linux", Arch: "amd64", State: 1, Data: strings.Repeat("0a", 32), Published: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}

func targetOf(t testing.TB, r Release, content string) *metadata.TargetFiles {
	t.Helper()
	custom, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	f := metadata.TargetFile()
	f.Length, f.Hashes, f.Custom = int64(len(content)), metadata.Hashes{"sha256": sum[:]}, (*json.RawMessage)(&custom)
	return f
}

func targets(t testing.TB) *metadata.Metadata[metadata.TargetsType] {
	t.Helper()
	m := metadata.Targets(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	m.Signed.Version = 7
	m.Signed.Targets[TargetPath("1.2.0", "linux", "amd64")] = targetOf(t, good, "program")
	return m
}

func TestTrust(t *testing.T) {
	first := root(t, 1, 2, 1, 2, 3)
	one := signed(t, first, 1, 2)
	two := signed(t, root(t, 2, 2, 2, 3, 4), 2, 3)
	three := signed(t, root(t, 3, 1, 5), 3, 4, 5)
	list := targets(t)
	for name, c := range map[string]struct {
		root    []byte
		later   [][]byte
		targets []byte
		want    error
		last    int64
	}{
		"the first alone":                       {one, nil, signed(t, list, 1, 3), nil, 1},
		"one signature short":                   {one, nil, signed(t, list, 1), ErrUnsigned, 0},
		"one person twice":                      {one, nil, twice(t, signed(t, list, 1)), ErrMetadata, 0},
		"by strangers":                          {one, nil, signed(t, list, 4, 5), ErrUnsigned, 0},
		"by nobody":                             {one, nil, signed(t, list), ErrUnsigned, 0},
		"through three roots":                   {one, [][]byte{two, three}, signed(t, list, 5), nil, 3},
		"in another order, one twice":           {one, [][]byte{three, two, one, two}, signed(t, list, 5), nil, 3},
		"by those before":                       {one, [][]byte{two, three}, signed(t, list, 1, 2, 3, 4), ErrUnsigned, 0},
		"a newer program, older roots":          {two, [][]byte{one, two, three}, signed(t, list, 5), nil, 3},
		"a root in between is missing":          {one, [][]byte{three}, signed(t, list, 5), ErrGap, 0},
		"a root that those before did not sign": {one, [][]byte{signed(t, root(t, 2, 2, 2, 3, 4), 2, 4)}, signed(t, list, 2, 3), ErrUnsigned, 0},
		"a root that its own did not sign":      {one, [][]byte{signed(t, root(t, 2, 2, 4, 5), 1, 2)}, signed(t, list, 4, 5), ErrUnsigned, 0},
		"another first root of the same number": {one, [][]byte{signed(t, root(t, 1, 1, 5), 5)}, signed(t, list, 5), ErrUnsigned, 0},
		"an unsigned built-in root":             {signed(t, root(t, 1, 2, 1, 2), 1), nil, signed(t, list, 1, 2), ErrUnsigned, 0},
		"no root":                               {nil, nil, signed(t, list, 1, 2), ErrMetadata, 0},
		"no targets":                            {one, nil, nil, ErrMetadata, 0},
		"a root for targets":                    {one, nil, one, ErrMetadata, 0},
		"targets for a root":                    {signed(t, list, 1, 2), nil, signed(t, list, 1, 2), ErrMetadata, 0},
		"a later root of rubbish":               {one, [][]byte{[]byte("<html>blocked</html>"), two, nil, []byte("null"), three}, signed(t, list, 5), nil, 3},
		"rubbish for the root in between":       {one, [][]byte{[]byte("{}"), three}, signed(t, list, 5), ErrGap, 0},
		"a changed byte":                        {one, nil, []byte(strings.Replace(string(signed(t, list, 1, 2)), `"version":7`, `"version":8`, 1)), ErrUnsigned, 0},
	} {
		p, err := Trust(c.root, c.later, c.targets)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
			continue
		}
		if err != nil {
			continue
		}
		f, ok := p.Of("1.2.0", "linux", "amd64")
		if !ok || p.Root != c.last || p.Targets != 7 || f.Release != good || f.SHA256 != sha256.Sum256([]byte("program")) || f.Length != 7 {
			t.Errorf("%s: %+v %+v", name, p, f)
		}
		if g, ok := p.OfHash(f.SHA256); !ok || g != f {
			t.Errorf("%s: by hash: %+v", name, g)
		}
		if _, ok := p.OfHash([32]byte{}); ok {
			t.Errorf("%s: a hash of nothing is released", name)
		}
	}
}

// What could not be the root before another is told from what could.
func TestLeads(t *testing.T) {
	two, three := signed(t, root(t, 2, 2, 2, 3, 4), 2, 3), signed(t, root(t, 3, 1, 5), 3, 4, 5)
	for name, c := range map[string]struct {
		before []byte
		want   bool
	}{
		"the one before": {two, true}, "itself": {three, false}, "rubbish": {[]byte("{}"), false}, "null": {[]byte("null"), false}, "nothing": {nil, false},
		"unsigned":        {signed(t, root(t, 2, 2, 2, 3, 4), 2), false},
		"of another line": {signed(t, root(t, 2, 2, 1, 2), 1, 2), false},
		"one too early":   {signed(t, root(t, 1, 2, 3, 4), 3, 4), false},
	} {
		if Leads(c.before, three) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

// twice repeats the one signature.
func twice(t *testing.T, b []byte) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	m["signatures"] = append(m["signatures"].([]any), m["signatures"].([]any)[0])
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What would be a key without a value, or of another length, is an error and no panic.
func TestTrustUnsoundMetadata(t *testing.T) {
	one := root(t, 1, 1, 1)
	whole := string(signed(t, one, 1))
	list := string(signed(t, targets(t), 1))
	id, k := idOf(t, key(1))
	if _, err := Trust([]byte(whole), nil, []byte(list)); err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"a key of null":       {strings.Replace(whole, `"`+id+`":`+string(public), `"`+id+`":null`, 1), list},
		"a short key":         {strings.Replace(whole, k.Value.PublicKey, k.Value.PublicKey[:20], 1), list},
		"a key of no number":  {strings.Replace(whole, k.Value.PublicKey, "zz", 1), list},
		"a role of null":      {strings.Replace(whole, `"roles":{`, `"roles":{"x":null,`, 1), list},
		"a target of null":    {whole, strings.Replace(list, `"targets":{`, `"targets":{"x":null,`, 1)},
		"signed is null":      {`{"signed":null,"signatures":[]}`, list},
		"null":                {"null", list},
		"an array":            {"[]", list},
		"targets of null":     {whole, "null"},
		"signatures are null": {whole, strings.Replace(list, `"signatures":[`, `"signatures":null,"x":[`, 1)},
	} {
		if c[0] == whole && c[1] == list {
			t.Errorf("%s: nothing was changed", name)
		}
		if _, err := Trust([]byte(c[0]), nil, []byte(c[1])); !errors.Is(err, ErrMetadata) && !errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Trust(make([]byte, maxMetadata+1), nil, nil); !errors.Is(err, ErrMetadata) {
		t.Errorf("too much: %v", err)
	}
}

// A target that does not describe itself properly is no release; the others are.
func TestTargetsThatAreNoReleases(t *testing.T) {
	list := targets(t)
	other := good
	other.Version = "1.3.0"
	path := TargetPath("1.3.0", "linux", "amd64")
	bad := map[string]*metadata.TargetFiles{}
	add := func(path string, f *metadata.TargetFiles, change func(*metadata.TargetFiles)) {
		change(f)
		bad[path] = f
	}
	add("agent/1.4.0/linux-amd64/rollbridge-agent", targetOf(t, other, "a"), func(*metadata.TargetFiles) {}) // says another version
	add(RolloutPath, targetOf(t, other, "b"), func(f *metadata.TargetFiles) { f.Custom = nil })
	add(path, targetOf(t, other, "c"), func(f *metadata.TargetFiles) { f.Hashes = metadata.Hashes{"sha256": f.Hashes["sha256"][:31]} })
	for path, f := range bad {
		list.Signed.Targets[path] = f
	}
	p, err := Trust(signed(t, root(t, 1, 1, 1), 1), nil, signed(t, list, 1))
	if err != nil {
		t.Fatal(err)
	}
	if files := p.Files(); len(files) != 1 || files[0].Version != "1.2.0" {
		t.Errorf("releases: %+v", files)
	}
	for _, custom := range []string{"null", "[]", `{"version":3}`, ""} {
		raw := json.RawMessage(custom)
		f := targetOf(t, other, "x")
		f.Custom = &raw
		if _, err := FileOf(path, f); err == nil {
			t.Errorf("custom %q is a release", custom)
		}
	}
	f := targetOf(t, other, "")
	if _, err := FileOf(path, f); err == nil {
		t.Error("an empty program is released")
	}
}

func TestVersions(t *testing.T) {
	for _, v := range []string{"0.0.1", "1.2.3", "10.20.30", "1.2.3-rc.1", "1.2.3-4-gabcdef0"} {
		if err := Valid(v); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	for _, v := range []string{"", "1", "1.2", "v1.2.3", "1.2.3+build", "01.2.3", "1.2.3-RC.1", "1.2.3-", "../1.2.3", "1.2.3/..", "1.2.3 ", "1.2.3\n", "1.2.3-" + strings.Repeat("a", 64)} {
		if err := Valid(v); !errors.Is(err, ErrVersion) {
			t.Errorf("%q: %v", v, err)
		}
	}
	order := []string{"rubbish", "0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0"}
	for i, a := range order {
		for j, b := range order {
			if got := Compare(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s against %s: %d", a, b, got)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Release)
		want   error
	}{
		"good":                     {func(*Release) {}, nil},
		"no version":               {func(r *Release) { r.Version = "" }, ErrVersion},
		"another system":           {func(r *Release) { r.OS = "darwin" }, ErrPlatform},
		"another processor":        {func(r *Release) { r.Arch = "386" }, ErrPlatform},
		"a Windows build":          {func(r *Release) { r.OS, r.MinBuild = "windows", 14393 }, nil},
		"a Windows build on Linux": {func(r *Release) { r.MinBuild = 14393 }, ErrRelease},
		"no state schema":          {func(r *Release) { r.State = 0 }, ErrRelease},
		"no data scope":            {func(r *Release) { r.Data = "" }, ErrRelease},
		"a floor":                  {func(r *Release) { r.Floor = "1.2.0" }, nil},
		"a floor above it":         {func(r *Release) { r.Floor = "1.2.1" }, ErrRelease},
		"a floor of rubbish":       {func(r *Release) { r.Floor = "soon" }, ErrVersion},
	} {
		r := good
		c.change(&r)
		if err := r.Validate(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRollout(t *testing.T) {
	since := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	count := func(r Rollout, version string, ring Ring) (n int) {
		for i := range 10_000 {
			if r.Admits(version, ring, fmt.Sprint("installation ", i)) {
				n++
			}
		}
		return n
	}
	stage := func(s Stage) Rollout { s.Since = since; return Rollout{Stages: map[string]Stage{"1.2.0": s}} }
	for name, c := range map[string]struct {
		r              Rollout
		early, general int // of 10,000, within 200
	}{
		"not staged":           {Rollout{}, 0, 0},
		"early, all":           {stage(Stage{Ring: Early, Percent: 100}), 10_000, 0},
		"early, half":          {stage(Stage{Ring: Early, Percent: 50}), 5000, 0},
		"general, none":        {stage(Stage{Ring: General}), 10_000, 0},
		"general, a tenth":     {stage(Stage{Ring: General, Percent: 10}), 10_000, 1000},
		"general, all":         {stage(Stage{Ring: General, Percent: 100}), 10_000, 10_000},
		"more than all":        {stage(Stage{Ring: General, Percent: 1 << 40}), 10_000, 10_000},
		"less than none":       {stage(Stage{Ring: Early, Percent: -1}), 0, 0},
		"paused":               {stage(Stage{Ring: General, Percent: 100, Paused: true}), 0, 0},
		"everything paused":    {Rollout{Paused: true, Stages: stage(Stage{Ring: General, Percent: 100}).Stages}, 0, 0},
		"a ring of the future": {stage(Stage{Ring: "lab", Percent: 100}), 0, 0},
	} {
		early, general := count(c.r, "1.2.0", Early), count(c.r, "1.2.0", General)
		near := func(got, want int) bool {
			return got >= want-200 && got <= want+200 && (want%10_000 != 0 || got == want)
		}
		if !near(early, c.early) || !near(general, c.general) {
			t.Errorf("%s: %d early, %d general", name, early, general)
		}
		if unknown := count(c.r, "1.2.0", "my own"); unknown != general {
			t.Errorf("%s: a ring that is not known gets %d, general %d", name, unknown, general)
		}
	}
	// More percent only adds; another version begins with others.
	ten, twenty := stage(Stage{Ring: General, Percent: 10}), stage(Stage{Ring: General, Percent: 20})
	ten.Stages["1.3.0"] = Stage{Ring: General, Percent: 10}
	same := 0
	for i := range 10_000 {
		id := fmt.Sprint(i)
		if ten.Admits("1.2.0", General, id) && !twenty.Admits("1.2.0", General, id) {
			t.Fatal("somebody who had it does not get it any more")
		}
		if ten.Admits("1.2.0", General, id) && ten.Admits("1.3.0", General, id) {
			same++
		}
	}
	if same > 200 {
		t.Errorf("%d of the first thousand are first again", same)
	}
	text, err := json.Marshal(ten)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseRollout(text); err != nil || len(back.Stages) != 2 || back.Stages["1.2.0"] != ten.Stages["1.2.0"] {
		t.Errorf("%+v %v", back, err)
	}
	if r, err := ParseRollout([]byte(`{"stages":{"1.2.0":{"ring":"early","percent":5,"new":1}},"more":true}`)); err != nil || r.Stages["1.2.0"].Percent != 5 {
		t.Errorf("from a newer collector: %+v %v", r, err)
	}
	for _, bad := range []string{"", "[]", "<html>", `{"stages":3}`, strings.Repeat(" ", MaxRollout) + "{}"} {
		if _, err := ParseRollout([]byte(bad)); !errors.Is(err, ErrRollout) {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
}

// A build that was not made to be released trusts nobody.
func TestStamp(t *testing.T) {
	if Root() != nil || Address() != "" {
		t.Error("a test is a release")
	}
	builtIn = base64.StdEncoding.EncodeToString([]byte("{}"))
	defer func() { builtIn = "" }()
	if string(Root()) != "{}" {
		t.Errorf("%q", Root())
	}
	if builtIn = "no base64!"; Root() != nil {
		t.Error("a broken stamp is a root")
	}
}

func TestDataScope(t *testing.T) {
	a := DataScope()
	if raw, err := hex.DecodeString(a); err != nil || len(raw) != 32 || a != DataScope() {
		t.Errorf("%q", a)
	}
	if !slices.Equal([]byte(a), []byte(scopeOf())) {
		t.Error("it is another one each time")
	}
}

// FuzzTrust looks for metadata that end the program: it checks what is on a disk.
func FuzzTrust(f *testing.F) {
	one, list := signed(f, root(f, 1, 1, 1), 1), signed(f, targets(f), 1)
	two := signed(f, root(f, 2, 1, 1), 1)
	f.Add(one, two, list)
	f.Add(one, []byte("null"), []byte(`{"signed":{"_type":"targets","targets":{"x":null}},"signatures":[null]}`))
	f.Fuzz(func(_ *testing.T, root, later, list []byte) {
		_, _ = Trust(root, [][]byte{later}, list)
		_, _ = Trust(one, [][]byte{later}, list)
		_, _ = ParseRollout(list)
	})
}
