package logbook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func fixedKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

var (
	rootKey, intakeKey, controlKey, otherKey = fixedKey(1), fixedKey(2), fixedKey(3), fixedKey(9)
	bookKey                                  = fixedKey(5)
	root                                     = protocol.FingerprintOf(rootKey.Public().(ed25519.PublicKey))
	agentID                                  = envelope.AgentID{1}
	links                                    = []envelope.Link{{Sequence: 1, Digest: envelope.Digest{1}}, {Sequence: 2, Digest: envelope.Digest{2}}}
)

func sign(t *testing.T, key ed25519.PrivateKey, d protocol.Domain, v any) protocol.Signed {
	t.Helper()
	s, err := protocol.Sign(key, d, v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keyring(t *testing.T, by ed25519.PrivateKey) protocol.Signed {
	return sign(t, by, protocol.DomainKeyring, protocol.Keyring{Root: protocol.PublicKey(by.Public().(ed25519.PublicKey)), Epoch: 1,
		Intake:  []protocol.PublicKey{protocol.PublicKey(intakeKey.Public().(ed25519.PublicKey))},
		Control: []protocol.PublicKey{protocol.PublicKey(controlKey.Public().(ed25519.PublicKey))}})
}

func receipt(t *testing.T, by ed25519.PrivateKey, of envelope.Link) protocol.Signed {
	return sign(t, by, protocol.DomainReceipt, protocol.Receipt{Message: protocol.MessageBatch, Agent: agentID, Sequence: of.Sequence, Digest: of.Digest})
}

func outcome(t *testing.T, by ed25519.PrivateKey, of envelope.Link, serial uint64) protocol.Signed {
	body, err := json.Marshal(protocol.Outcome{First: 1, Last: of.Sequence, Digest: of.Digest})
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, by, protocol.DomainStatement, protocol.Statement{Kind: protocol.KindOutcome, Agent: agentID, Serial: serial, Body: body})
}

// A step is one entry to write.
type step struct {
	event outbox.Event
	data  any
}

func story(t *testing.T) []step {
	return []step{
		{outbox.EventKeyring, keyring(t, rootKey)},
		{outbox.EventSealed, outbox.Sealed{Link: links[0], Full: true}},
		{outbox.EventAttempted, links[0]},
		{outbox.EventReceipted, outbox.Receipted{Link: links[0], Receipt: receipt(t, intakeKey, links[0])}},
		{outbox.EventPaused, struct{}{}},
		{outbox.EventSealed, outbox.Sealed{Link: links[1]}},
		{outbox.EventOutcome, outcome(t, controlKey, links[1], 7)},
	}
}

func written(t *testing.T, steps []step) (dir string, content []byte) {
	t.Helper()
	dir = t.TempDir()
	b, err := Create(dir, bookKey, agentID, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		data, err := json.Marshal(s.data)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Append(time.Now(), s.event, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	content, err = os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	return dir, content
}

func TestAGoodBookVerifies(t *testing.T) {
	dir, content := written(t, story(t))
	sum, err := Verify(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if sum.Agent != agentID || sum.Root != root.String() || sum.Entries != 7 || !slices.Equal(sum.Sealed, links) || sum.Receipted != 1 || sum.Outcomed != 2 {
		t.Errorf("%+v", sum)
	}
	var events []outbox.Event
	err = Read(bytes.NewReader(content), func(l Line) error { events = append(events, l.Event); return nil })
	if err != nil || len(events) != 7 || events[4] != outbox.EventPaused {
		t.Errorf("Read: %v, %v", events, err)
	}
	if _, err := Create(dir, bookKey, agentID, root); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second Create: %v", err)
	}
	b, err := Open(dir, bookKey)
	if err != nil || b.Next() != 8 || b.Repaired() != "" {
		t.Fatalf("Open: %v", err)
	}
	defer b.Close()
	if err := b.Append(time.Now(), outbox.EventResumed, json.RawMessage("{}")); err != nil {
		t.Fatal(err)
	}
}

// TestAnyChangeShows changes one byte, drops, doubles or swaps lines anywhere.
func TestAnyChangeShows(t *testing.T) {
	_, content := written(t, story(t))
	lines := bytes.SplitAfter(content, []byte("\n"))
	lines = lines[:len(lines)-1]
	rapid.Check(t, func(t *rapid.T) {
		var changed []byte
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			at := rapid.IntRange(0, len(content)-1).Draw(t, "byte")
			changed = bytes.Clone(content)
			changed[at] ^= byte(1 << rapid.IntRange(0, 7).Draw(t, "bit"))
		case 1: // not the last one: that cannot show (package comment)
			i = min(i, len(lines)-2)
			changed = bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil)
		case 2:
			changed = bytes.Join(slices.Insert(slices.Clone(lines), i, lines[i]), nil)
		case 3:
			j := (i + 1 + rapid.IntRange(0, len(lines)-2).Draw(t, "other")) % len(lines)
			swapped := slices.Clone(lines)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			changed = bytes.Join(swapped, nil)
		}
		if _, err := Verify(bytes.NewReader(changed)); !errors.Is(err, ErrBroken) && !errors.Is(err, ErrFormat) {
			t.Fatalf("Verify = %v", err)
		}
	})
}

// TestOneChangedLineIsOneProblem and the line is named as an editor counts.
func TestOneChangedLineIsOneProblem(t *testing.T) {
	_, content := written(t, story(t))
	changed := bytes.Replace(content, []byte(`"event":"paused"`), []byte(`"event":"zzzzzz"`), 1)
	sum, err := Verify(bytes.NewReader(changed))
	if !errors.Is(err, ErrBroken) || len(sum.Problems) != 2 || sum.Problems[0].Line != 6 || sum.Problems[1].Line != 7 {
		t.Errorf("%v: %+v; want line 6 changed and line 7 not following it", err, sum.Problems)
	}
}

func TestForgedContentShows(t *testing.T) {
	for name, s := range map[string][]step{
		"keyring of another root":      {{outbox.EventKeyring, keyring(t, otherKey)}},
		"receipt by another key":       {{outbox.EventReceipted, outbox.Receipted{Link: links[0], Receipt: receipt(t, otherKey, links[0])}}},
		"receipt of another batch":     {{outbox.EventReceipted, outbox.Receipted{Link: links[0], Receipt: receipt(t, intakeKey, links[1])}}},
		"receipt of no batch":          {{outbox.EventReceipted, outbox.Receipted{Link: envelope.Link{Sequence: 3}, Receipt: receipt(t, intakeKey, envelope.Link{Sequence: 3})}}},
		"outcome by the intake key":    {{outbox.EventOutcome, outcome(t, intakeKey, links[1], 8)}},
		"outcome not newer":            {{outbox.EventOutcome, outcome(t, controlKey, links[1], 7)}},
		"outcome of no batch":          {{outbox.EventOutcome, outcome(t, controlKey, envelope.Link{Sequence: 2}, 8)}},
		"batch left out":               {{outbox.EventSealed, outbox.Sealed{Link: envelope.Link{Sequence: 4}}}},
		"batch twice":                  {{outbox.EventSealed, outbox.Sealed{Link: links[1]}}},
		"attempt of an unknown batch":  {{outbox.EventAttempted, envelope.Link{Sequence: 1, Digest: envelope.Digest{9}}}},
		"statement that is not signed": {{outbox.EventEnrolled, struct{}{}}},
	} {
		_, content := written(t, append(story(t), s...))
		sum, err := Verify(bytes.NewReader(content))
		if !errors.Is(err, ErrBroken) || len(sum.Problems) != 1 || sum.Problems[0].Line != 9 {
			t.Errorf("%s: %v, %+v", name, err, sum.Problems)
		}
	}
}

func TestVerifyRefusesOtherFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "text": "hello\n", "json": "{}\n", "long": strings.Repeat("x", maxLine+10),
	} {
		sum, err := Verify(strings.NewReader(text))
		if err == nil || len(sum.Sealed) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCutInsideALineShows(t *testing.T) {
	_, content := written(t, story(t))
	if _, err := Verify(bytes.NewReader(content[:len(content)-10])); !errors.Is(err, ErrBroken) {
		t.Errorf("Verify = %v", err)
	}
}

func TestOpen(t *testing.T) {
	if _, err := Open(t.TempDir(), bookKey); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	dir, content := written(t, story(t))
	if _, err := Open(dir, otherKey); !errors.Is(err, ErrFormat) {
		t.Errorf("another agent's: %v", err)
	}
	path := filepath.Join(dir, FileName)
	for name, tail := range map[string]string{"half a line": `{"n":8,"ti`, "zero bytes": "\x00\x00\x00\x00", "a zero line": "\x00\x00\n"} {
		if err := os.WriteFile(path, append(bytes.Clone(content), tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Open(dir, bookKey)
		if err != nil || b.Repaired() == "" || b.Next() != 8 {
			t.Fatalf("%s: %v", name, err)
		}
		if err := errors.Join(b.Append(time.Now(), outbox.EventResumed, json.RawMessage("{}")), b.Close()); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(bytes.NewReader(after)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"empty": "", "text": "hello\n", "half a first line": string(content[:20])} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, bookKey); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHolds(t *testing.T) {
	dir, _ := written(t, nil)
	b, err := Open(dir, bookKey)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	at, data := time.Now(), json.RawMessage(`{"codes":["<A&B>"]}`)
	if err := b.Append(at, outbox.EventReleased, data); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		n     uint64
		at    time.Time
		event outbox.Event
		data  string
		want  bool
	}{
		{1, at, outbox.EventReleased, string(data), true},
		{0, at, outbox.EventReleased, string(data), false},
		{2, at, outbox.EventReleased, string(data), false},
		{1, at.Add(1), outbox.EventReleased, string(data), false},
		{1, at, outbox.EventPaused, string(data), false},
		{1, at, outbox.EventReleased, "{}", false},
	} {
		if got, err := b.Holds(c.n, c.at, c.event, json.RawMessage(c.data)); err != nil || got != c.want {
			t.Errorf("Holds(%d, %s, %s) = %v, %v; want %v", c.n, c.event, c.data, got, err, c.want)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"format":"rollbridge/logbook/v1"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if sum, err := Verify(bytes.NewReader(data)); err == nil && sum.Entries > 0 {
			t.Error("entries were made up that nobody signed")
		}
	})
}
