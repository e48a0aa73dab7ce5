package move

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/agent/secret"
	"rollbridge/agent/settings"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func at(dir string) settings.Settings {
	set := settings.Defaults()
	set.DataDir = dir
	return set
}

// A pair is an old machine with an agent and a new one without.
type pair struct {
	t        *testing.T
	old, new string
	file     string
	agent    envelope.AgentID
}

func newPair(t *testing.T) *pair {
	t.Helper()
	root := t.TempDir()
	p := &pair{t: t, old: filepath.Join(root, "old"), new: filepath.Join(root, "new"), file: filepath.Join(root, "oakmere.move")}
	must(t, school.MakeDir(p.old))
	id, err := identity.Create(p.old)
	must(t, err)
	p.agent = id.Agent()
	book, err := logbook.Create(p.old, id.Logbook, id.Agent(), protocol.Fingerprint{1})
	must(t, err)
	box, err := outbox.Open(p.old, book, outbox.Options{})
	must(t, err)
	must(t, box.Update(func(f *outbox.Facts) error {
		f.Collector.URL, f.Enrolled, f.School = "https://collector.example", true, "oakmere"
		return nil
	}, outbox.Entry{Event: outbox.EventPaused}))
	must(t, errors.Join(box.Close(), book.Close()))
	must(t, secret.Write(filepath.Join(p.old, school.RevocationCodeName), []byte("CODE")))
	return p
}

func (p *pair) key() Key {
	p.t.Helper()
	k, err := ShowKey(p.t.Context(), at(p.new))
	must(p.t, err)
	return k
}

func (p *pair) export() error {
	return Export(p.t.Context(), at(p.old), p.key(), p.file, []string{"mis.profile", "mis.server.password"})
}

func (p *pair) takeOver() (About, error) { return Import(p.t.Context(), at(p.new), p.file) }

func runs(dir string) bool {
	_, enrolled := school.Enrolled(dir)
	_, revoked := school.Revoked(dir)
	return enrolled && !revoked
}

// moved checks that the new machine is the agent, and the old one nothing.
func (p *pair) moved() {
	p.t.Helper()
	if runs(p.old) || school.HasState(p.old) || !runs(p.new) {
		p.t.Fatalf("old runs %v, has state %v; new runs %v", runs(p.old), school.HasState(p.old), runs(p.new))
	}
	if agent, _ := school.Enrolled(p.new); agent != p.agent.String() {
		p.t.Errorf("another agent is here: %s", agent)
	}
	old, now := p.events(p.old), p.events(p.new)
	if n := len(old); n == 0 || old[n-1] != outbox.EventMoved || !slices.Equal(old, now[:n]) || len(now) != n+1 || now[n] != outbox.EventMoved {
		p.t.Errorf("the old logbook tells %v, the new one %v", old, now)
	}
	a, err := os.ReadFile(filepath.Join(p.old, logbook.FileName))
	must(p.t, err)
	b, err := os.ReadFile(filepath.Join(p.new, logbook.FileName))
	must(p.t, err)
	if !bytes.HasPrefix(b, a) {
		p.t.Error("the new logbook does not go on where the old one ended")
	}
	s, err := school.Open(p.t.Context(), at(p.new), school.Options{})
	must(p.t, err)
	facts, err := s.Box().Facts()
	must(p.t, errors.Join(err, s.Close()))
	if facts.School != "oakmere" {
		p.t.Errorf("what was known of the collector is lost: %+v", facts)
	}
	for _, name := range []string{"identity", "state.db", school.RevocationCodeName} {
		if _, err := os.Lstat(filepath.Join(p.old, name)); err == nil {
			p.t.Errorf("%s is left on the old machine", name)
		}
	}
	p.nothingUnfinished(p.old)
	p.nothingUnfinished(p.new)
}

func (p *pair) nothingUnfinished(dir string) {
	p.t.Helper()
	entries, err := os.ReadDir(dir)
	must(p.t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.Name() == school.MoveKeyName && dir == p.new && runs(dir) {
			p.t.Errorf("%s is left in %s", e.Name(), dir)
		}
	}
}

func (p *pair) events(dir string) (events []outbox.Event) {
	p.t.Helper()
	f, err := os.Open(filepath.Join(dir, logbook.FileName))
	must(p.t, err)
	defer f.Close()
	if _, err := logbook.Verify(f); err != nil {
		p.t.Errorf("the logbook of %s: %v", dir, err)
	}
	_, err = f.Seek(0, 0)
	must(p.t, err)
	must(p.t, logbook.Read(f, func(l logbook.Line) error { events = append(events, l.Event); return nil }))
	return events
}

func TestMove(t *testing.T) {
	p := newPair(t)
	must(t, school.SetPause(p.old, school.Stop{}.At))
	must(t, p.export())
	if st := school.StatusWithout(p.old); st.State != school.Moved || !strings.Contains(st.Next, "another computer") {
		t.Errorf("%+v", st)
	}
	about, err := p.takeOver()
	must(t, err)
	if about.Agent != p.agent || !slices.Contains(about.Settings, "mis.server.password") {
		t.Errorf("%+v", about)
	}
	p.moved()
	if _, paused := school.Paused(p.new); !paused {
		t.Error("the pause did not come along")
	}
	if code, err := secret.Read(filepath.Join(p.new, school.RevocationCodeName)); err != nil || string(code) != "CODE" {
		t.Errorf("the revocation code did not come along: %v", err)
	}
	// Twice, on either side, changes nothing.
	must(t, p.again())
	if _, err := p.takeOver(); school.KindOf(err) != school.Refused {
		t.Errorf("a second import: %v", err)
	}
	p.moved()
}

// again exports once more with the key that the marker names.
func (p *pair) again() error {
	stop, _ := school.Revoked(p.old)
	other := filepath.Join(filepath.Dir(p.file), "third")
	must(p.t, school.MakeDir(other))
	k, err := ShowKey(p.t.Context(), at(other))
	must(p.t, err)
	if err := Export(p.t.Context(), at(p.old), k, p.file, nil); school.KindOf(err) != school.Refused {
		return fmt.Errorf("an export to another key than %s: %w", stop.To, err)
	}
	return nil
}

// An agent goes to a second machine and back.
func TestMoveThereAndBack(t *testing.T) {
	p := newPair(t)
	must(t, p.export())
	_, err := p.takeOver()
	must(t, err)
	back := &pair{t: t, old: p.new, new: p.old, file: p.file + "2", agent: p.agent}
	must(t, back.export())
	_, err = back.takeOver()
	must(t, err)
	back.moved()
}

func TestMoveRefuses(t *testing.T) {
	p := newPair(t)
	refuses := func(name string, err error, says string) {
		t.Helper()
		if school.KindOf(err) != school.Refused || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.key()
	_, err := Import(t.Context(), at(p.old), p.file)
	refuses("onto an enrolled directory", err, "already has a school")
	_, err = ShowKey(t.Context(), at(p.old))
	refuses("a key for an enrolled directory", err, "already has a school")
	must(t, os.WriteFile(p.file, []byte("mine"), 0o600))
	refuses("onto a file", p.export(), "exists already")
	must(t, os.Remove(p.file))
	must(t, os.WriteFile(p.file+partly, []byte("mine, too"), 0o600))
	refuses("onto another's unfinished file", p.export(), "in the way")
	must(t, os.Remove(p.file+partly))
	if !runs(p.old) {
		t.Fatal("a refused export has stopped the agent")
	}
	must(t, p.export())
	good, err := os.ReadFile(p.file)
	must(t, err)
	third := filepath.Join(filepath.Dir(p.file), "third")
	_, err = Import(t.Context(), at(third), p.file)
	refuses("a machine that showed no key", err, "shown no key")
	_, err = ShowKey(t.Context(), at(third))
	must(t, err)
	_, err = Import(t.Context(), at(third), p.file)
	refuses("the file of another machine", err, "sealed to the key")
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"empty":              {nil, "not a file"},
		"a picture":          {bytes.Repeat([]byte{0x89, 'P', 'N', 'G'}, 3000), "not a file"},
		"cut":                {good[:len(good)-1], "damaged"},
		"cut short":          {good[:len(good)/2], "damaged"},
		"a bit":              {flip(good, len(good)-100), "damaged"},
		"another header":     {bytes.Replace(good, []byte(`"made":"2`), []byte(`"made":"3`), 1), "damaged"},
		"of a later version": {bytes.Replace(good, []byte("move/v1"), []byte("move/v2"), 1), "newer version"},
	} {
		must(t, os.WriteFile(p.file, c.file, 0o600))
		_, err := p.takeOver()
		refuses(name, err, c.says)
		if runs(p.new) {
			t.Fatalf("%s was taken over", name)
		}
		p.nothingUnfinished(p.new)
	}
	must(t, os.WriteFile(p.file, good, 0o600))
	_, err = p.takeOver()
	must(t, err)
	p.moved()
}

func flip(b []byte, at int) []byte {
	c := bytes.Clone(b)
	c[at] ^= 4
	return c
}

// Of two importers of one directory one wins and the other is told.
func TestTwoImporters(t *testing.T) {
	p := newPair(t)
	must(t, p.export())
	errs := make(chan error, 2)
	for range 2 {
		go func() { _, err := p.takeOver(); errs <- err }()
	}
	first, second := <-errs, <-errs
	if (first == nil) == (second == nil) {
		t.Errorf("%v, %v", first, second)
	}
	p.moved()
}

// The same key is shown again for a week, and a pasted one survives what
// happens to texts.
func TestKey(t *testing.T) {
	p := newPair(t)
	k := p.key()
	if again := p.key(); again.ID() != k.ID() {
		t.Error("another key was made although the first is young")
	}
	rapid.Check(t, func(t *rapid.T) {
		text := k.String()
		if rapid.Bool().Draw(t, "lower") {
			text = strings.ToLower(text)
		}
		text = strings.ReplaceAll(text, "\n", rapid.SampledFrom([]string{"", " ", "\r\n", "-", "\n\n"}).Draw(t, "breaks"))
		if got, err := ParseKey(text); err != nil || got.ID() != k.ID() {
			t.Fatalf("%v", err)
		}
		i := rapid.IntRange(4, len(text)-1).Draw(t, "at")
		if c := rapid.SampledFrom([]byte("0123456789ABCDEFGHJKMNPQRSTVWXYZ")).Draw(t, "as"); strings.ToUpper(text)[i] != c && !strings.ContainsRune(" -\r\n", rune(text[i])) {
			if _, err := ParseKey(text[:i] + string(c) + text[i+1:]); err == nil {
				t.Fatal("a changed key is taken")
			}
		}
	})
	// Also in the bits of the last character that stand for nothing.
	whole := k.String()
	for _, c := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
		if last := whole[:len(whole)-1] + string(c); last != whole {
			if _, err := ParseKey(last); err == nil {
				t.Errorf("a key that ends in %c is taken", c)
			}
		}
	}
	for _, text := range []string{"", "RBM1", "RB1-AAAA", strings.Repeat("RBM1", 5000), k.String()[:200]} {
		if _, err := ParseKey(text); err == nil {
			t.Errorf("%.20q is taken for a key", text)
		}
	}
}

// Each side is killed after each of its steps: at no moment can both run, and
// doing it again ends well.
func TestMoveKilled(t *testing.T) {
	for _, side := range []string{"export", "import"} {
		for n := 1; ; n++ {
			p := newPair(t)
			p.key()
			if side == "import" {
				must(t, p.export())
			}
			if p.child(side, n, 0) == nil {
				if n < 4 {
					t.Errorf("%s has only %d steps", side, n-1)
				}
				break
			}
			_, err := os.Lstat(p.file)
			if old := runs(p.old); old && (err == nil || runs(p.new)) {
				t.Fatalf("%s, step %d: both can run", side, n)
			}
			if side == "export" {
				must(t, p.export())
			}
			if _, err := p.takeOver(); err != nil && !runs(p.new) {
				t.Fatalf("%s, step %d: %v", side, n, err)
			}
			p.moved()
		}
	}
}

// The service of the old machine finishes an export that was cut off.
func TestServiceFinishesTheMove(t *testing.T) {
	p := newPair(t)
	p.key()
	if err := p.child("export", 2, 0); err == nil {
		t.Fatal("the export was not cut off")
	}
	must(t, school.FinishRevoke(t.Context(), at(p.old), false, 0))
	must(t, p.export()) // gives the file its name
	_, err := p.takeOver()
	must(t, err)
	p.moved()
}

// On a machine with an earlier life the service looks, after each moment at which
// an import may be cut off, whether something of that life is left to destroy: it
// is not what was being placed, nor the only key to the file.
func TestServiceLeavesAnImportAlone(t *testing.T) {
	for n := 1; ; n++ {
		p := newPair(t)
		must(t, p.export())
		_, err := p.takeOver()
		must(t, err)
		back := &pair{t: t, old: p.new, new: p.old, file: p.file + "2", agent: p.agent}
		must(t, back.export())
		if back.child("import", n, 0) == nil {
			break
		}
		if school.Unfinished(back.new) {
			must(t, school.FinishRevoke(t.Context(), at(back.new), false, 0))
		}
		if !runs(back.new) {
			_, err = back.takeOver()
			must(t, err)
		}
		back.moved()
	}
}

// No file may grow over a limit, at which each side fails at another write: what
// was there is as before, and with room it ends well.
func TestMoveWithoutSpace(t *testing.T) {
	for _, side := range []string{"export", "import"} {
		for _, kib := range []int{0, 1, 2, 4, 16, 31, 64} {
			p := newPair(t)
			p.key()
			if side == "import" {
				must(t, p.export())
			}
			if p.child(side, 0, kib+1) == nil {
				continue
			}
			if side == "export" && !runs(p.old) {
				if stop, _ := school.Revoked(p.old); stop.Reason != school.ReasonMoved {
					t.Fatalf("%d KiB: the agent has stopped and was not moved", kib)
				}
			}
			if _, err := os.Lstat(p.file + partly); err == nil && runs(p.old) {
				t.Errorf("%d KiB: half a file is left", kib)
			}
			if side == "export" {
				must(t, p.export())
			}
			_, err := p.takeOver()
			must(t, err)
			p.moved()
		}
	}
}

const childVariable = "MOVE_TEST_CHILD"

// child does one side in a process that ends at a step, or whose files may not
// grow over so many KiB less one; 0 is neither.
func (p *pair) child(side string, step, limit int) error {
	p.t.Helper()
	args := []string{os.Args[0], "-test.run=^TestChildMoves$"}
	if limit > 0 {
		args = append([]string{"/bin/sh", "-c", fmt.Sprintf("ulimit -f %d && exec \"$@\"", (limit-1)*2), "sh"}, args...)
	}
	c := exec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{side, strconv.Itoa(step), p.old, p.new, p.file}, "|"))
	return c.Run()
}

func TestChildMoves(t *testing.T) {
	said := strings.Split(os.Getenv(childVariable), "|")
	if len(said) != 5 {
		return // not the child
	}
	left, err := strconv.Atoi(said[1])
	must(t, err)
	reached = func(string) {
		if left--; left == 0 {
			os.Exit(9)
		}
	}
	p := &pair{t: t, old: said[2], new: said[3], file: said[4]}
	if said[0] == "export" {
		must(t, p.export())
		return
	}
	_, err = p.takeOver()
	must(t, err)
}
