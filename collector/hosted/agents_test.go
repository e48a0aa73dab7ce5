package hosted_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/hosted"
	"rollbridge/collector/hosted/hostedtest"
	"rollbridge/shared/record"
)

func TestMain(m *testing.M) { os.Exit(hostedtest.Main(m)) }

const oak = "oak-lane"

var active = hostedtest.Answer{Out: `{"state":"active","version":"1","school":"oak-lane"}`}

const shown = "0123456789abcdef"

// place is one with the agent of one school that answers to everything.
func place(t *testing.T) (*hostedtest.Place, *hosted.Agents) {
	t.Helper()
	p, a := hostedtest.New(t)
	for words, answer := range map[string]hostedtest.Answer{
		"status": active, "pause": {}, "resume": {}, "revoke": {}, "scope": {},
		"scope show": {Out: `{"ask":{"school":"oak-lane"},"shown":"` + shown + `"}`},
		"preview":    {Out: `{"masked":true,"changes":[{"of":"pupil","name":"J. S.","dataset":"pupil","what":"new"}]}`},
		"log":        {Out: `{"at":"2026-11-23T09:31:00Z","kind":"sealed","text":"Marks."}` + "\n"},
	} {
		p.Answer(oak, words, answer)
	}
	return p, a
}

func kind(t *testing.T, what string, err error, want hosted.Kind) {
	t.Helper()
	var f *hosted.Fault
	if !errors.As(err, &f) || f.Kind != want {
		t.Errorf("%s: %v, want a fault of kind %s", what, err, want)
	}
}

// Each function runs one command, and gives the program no word but those of the list.
func TestCommands(t *testing.T) {
	p, a := place(t)
	ctx := t.Context()
	until := time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)
	parts := []hosted.Part{{"855", record.DatasetContact, "Phones"}, {"855", record.DatasetSEN, ""}}
	for want, run := range map[string]func() error{
		"status --json":                                    func() error { _, err := a.Status(ctx, oak); return err },
		"scope show --json":                                func() error { _, err := a.Scope(ctx, oak); return err },
		"scope accept --hash " + shown:                     func() error { return a.Accept(ctx, oak, shown) },
		"scope allow 855.contact.Phones 855.sen":           func() error { return a.Allow(ctx, oak, parts) },
		"scope deny 855.contact.Phones 855.sen":            func() error { return a.Deny(ctx, oak, parts) },
		"pause":                                            func() error { return a.Pause(ctx, oak, time.Time{}) },
		"pause --until 2027-01-05T00:00:00Z":               func() error { return a.Pause(ctx, oak, until) },
		"resume":                                           func() error { return a.Resume(ctx, oak) },
		"revoke --yes":                                     func() error { return a.Revoke(ctx, oak) },
		"preview --json":                                   func() error { _, err := a.Preview(ctx, oak, false, ""); return err },
		"preview --json --release ABCD1234":                func() error { _, err := a.Preview(ctx, oak, false, "ABCD1234"); return err },
		"log --json --events":                              func() error { _, err := a.Logbook(ctx, oak, time.Time{}, time.Time{}); return err },
		"log --json --events --since 2027-01-05T00:00:00Z": func() error { _, err := a.Logbook(ctx, oak, until, time.Time{}); return err },
	} {
		if err := run(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got := p.Last(oak); got != want {
			t.Errorf("the program was asked %q, want %q", got, want)
		}
	}
}

// What is refused is refused before the program is begun.
func TestArgumentsAreChecked(t *testing.T) {
	p, a := place(t)
	ctx := t.Context()
	for what, run := range map[string]func() error{
		"a hash with a flag":    func() error { return a.Accept(ctx, oak, "--yes") },
		"no hash":               func() error { return a.Accept(ctx, oak, "") },
		"an authority":          func() error { return a.Allow(ctx, oak, []hosted.Part{{Authority: "--help"}}) },
		"a dataset":             func() error { return a.Allow(ctx, oak, []hosted.Part{{Authority: "855", Dataset: "x; rm"}}) },
		"a field":               func() error { return a.Deny(ctx, oak, []hosted.Part{{"855", record.DatasetSEN, "Phones"}}) },
		"a field of no dataset": func() error { return a.Deny(ctx, oak, []hosted.Part{{"855", "", "Phones"}}) },
		"a preview's code":      func() error { _, err := a.Preview(ctx, oak, false, "--reveal"); return err },
		"nothing":               func() error { return a.Allow(ctx, oak, nil) },
		"a term":                func() error { _, err := a.Statement(ctx, oak, "autumn-2026/../.."); return err },
	} {
		kind(t, what, run(), hosted.Changed)
	}
	for _, school := range []string{"", "..", "../oak-lane", "oak-lane/", "Oak-Lane", "-x", ".hidden", "other"} {
		_, err := a.Status(ctx, school)
		kind(t, "the school "+school, err, hosted.Off)
		if a.Has(school) {
			t.Errorf("an agent is hosted for %q", school)
		}
	}
	if n := len(p.Asked(oak)); n > 0 {
		t.Errorf("the program was begun %d times", n)
	}
}

func TestFaults(t *testing.T) {
	ctx := t.Context()
	var nobody *hosted.Agents
	_, err := nobody.Status(ctx, oak)
	kind(t, "no agents", err, hosted.Off)
	_, err = hosted.New("", "").Preview(ctx, oak, false, "")
	kind(t, "none are set", err, hosted.Off)
	for name, c := range map[string]struct {
		answer hostedtest.Answer
		kind   hosted.Kind
		says   string
	}{
		"refused":          {hostedtest.Answer{Code: 3, Err: "not enrolled"}, hosted.Refused, "not enrolled"},
		"of old":           {hostedtest.Answer{Code: 2, Err: "unknown flag"}, hosted.Version, "unknown flag"},
		"not reached":      {hostedtest.Answer{Code: 4}, hosted.Unreachable, ""},
		"MIS":              {hostedtest.Answer{Code: 5}, hosted.MIS, ""},
		"failed":           {hostedtest.Answer{Code: 1, Err: "the disk\nis full"}, hosted.Failed, "the disk is full"},
		"a newer code":     {hostedtest.Answer{Code: 9}, hosted.Failed, ""},
		"no JSON":          {hostedtest.Answer{Out: "Active"}, hosted.Version, "another version"},
		"other JSON":       {hostedtest.Answer{Out: "{}"}, hosted.Version, "another version"},
		"another school":   {hostedtest.Answer{Out: `{"state":"active","school":"elm-road"}`}, hosted.Stranger, "another school"},
		"without an end":   {hostedtest.Answer{Flood: true}, hosted.Large, "more than"},
		"a long complaint": {hostedtest.Answer{Code: 1, Err: strings.Repeat("y", 20_000)}, hosted.Failed, "yyy"},
	} {
		p, a := place(t)
		p.Answer(oak, "status", c.answer)
		_, err := a.Status(ctx, oak)
		kind(t, name, err, c.kind)
		if err != nil && (!strings.Contains(err.Error(), c.says) || len(err.Error()) > 10_000 || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: it says %.200q", name, err.Error())
		}
		// Nothing else is begun on an agent that does not say that it is this school's.
		kind(t, name+", pause", a.Pause(ctx, oak, time.Time{}), c.kind)
		if got := p.Last(oak); got != "status --json" {
			t.Errorf("%s: it went on with %q", name, got)
		}
	}
	_, a := hostedtest.New(t)
	_, err = a.Status(ctx, oak)
	kind(t, "no directory", err, hosted.Off)
	p, _ := place(t)
	_, err = hosted.New(filepath.Join(p.Dir, "nothing"), p.Dir).Status(ctx, oak)
	kind(t, "no program", err, hosted.Missing)
	if err := os.WriteFile(filepath.Join(p.Dir, "a-file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = hosted.New(filepath.Join(p.Dir, "nothing"), p.Dir).Status(ctx, "a-file")
	kind(t, "a file", err, hosted.Missing)
}

// Who asked goes away: what only looks ends at once, what changes something is not broken
// off.
func TestGoneBrowser(t *testing.T) {
	_, a := place(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Status(gone, oak); !errors.Is(err, context.Canceled) {
		t.Errorf("status: %v", err)
	}
	p, a := place(t)
	if err := a.Pause(gone, oak, time.Time{}); err != nil || p.Last(oak) != "pause" {
		t.Errorf("pause: %v after %q", err, p.Last(oak))
	}
}

// A revoke counts as done where the agent says that it is, and not otherwise.
func TestRevokeThatEndsBadly(t *testing.T) {
	p, a := place(t)
	p.Answer(oak, "revoke", hostedtest.Answer{Code: 1, Err: "the disk is full"})
	kind(t, "still active", a.Revoke(t.Context(), oak), hosted.Failed)
	p.Answer(oak, "status", hostedtest.Answer{Out: `{"state":"revoked"}`})
	if err := a.Revoke(t.Context(), oak); err != nil {
		t.Errorf("revoked all the same: %v", err)
	}
}

// A yes to what is held is to exactly that, and counts as done where it is not held any
// more, whatever else was in the way.
func TestRelease(t *testing.T) {
	const code = "ABCD1234"
	held := func(codes ...string) hostedtest.Answer {
		var list []string
		for _, c := range codes {
			list = append(list, `{"code":"`+c+`","why":"disappearance","dataset":"pupil","authority":"855","gone":9,"of":9}`)
		}
		return hostedtest.Answer{Out: `{"state":"active","school":"oak-lane","holds":[` + strings.Join(list, ",") + `]}`}
	}
	p, a := place(t)
	p.Answer(oak, "status", held(code))
	for what, bad := range map[string]string{"none": "", "a flag": "--full", "another": "ABCD1235", "small letters": "abcd1234", "two": code + "," + code} {
		kind(t, what, a.Release(t.Context(), oak, bad), hosted.Changed)
	}
	for _, asked := range p.Asked(oak) {
		if asked.Args[0] == "sync" {
			t.Errorf("asked %q", asked.Args)
		}
	}
	p.Answer(oak, "sync", hostedtest.Answer{})
	if err := a.Release(t.Context(), oak, code); err != nil || p.Last(oak) != "sync --release "+code {
		t.Errorf("%v after %q", err, p.Last(oak))
	}
	p.Answer(oak, "sync", hostedtest.Answer{Code: 5, Err: "the MIS does not answer"})
	kind(t, "still held", a.Release(t.Context(), oak, code), hosted.MIS)
	for name, c := range map[string]struct {
		after hostedtest.Answer
		kind  hosted.Kind
	}{
		"nothing is held any more": {held(), ""},
		"other children are held":  {held("ZZZZ9999"), hosted.Changed},
		"of another dataset":       {hostedtest.Answer{Out: `{"state":"active","school":"oak-lane","holds":[{"code":"ZZZZ9999","why":"schema","dataset":"sen"}]}`}, ""},
	} {
		p.Answer(oak, "status", held(code))
		p.Answer(oak, "sync", hostedtest.Answer{Code: 3, Err: "held", After: map[string]hostedtest.Answer{"status": c.after}})
		err := a.Release(t.Context(), oak, code)
		if c.kind == "" && err != nil || c.kind != "" && hosted.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was shown counts: another hash is told from another no.
func TestAcceptOfWhatHasChanged(t *testing.T) {
	p, a := place(t)
	p.Answer(oak, "scope accept", hostedtest.Answer{Code: 3, Err: "nothing was changed"})
	kind(t, "another hash", a.Accept(t.Context(), oak, "aaaaaaaaaaaaaaaa"), hosted.Changed)
	kind(t, "the same hash", a.Accept(t.Context(), oak, shown), hosted.Refused)
}

func TestEnvironmentIsNotHandedOn(t *testing.T) {
	t.Setenv("ROLLBRIDGE_COLLECTOR_DATABASE", "postgres://secret")
	t.Setenv("ROLLBRIDGE_CONFIG", "elsewhere.yaml")
	t.Setenv("LD_PRELOAD_OF_A_TEST", "x")
	p, a := place(t)
	if _, err := a.Status(t.Context(), oak); err != nil {
		t.Fatal(err)
	}
	names := p.Asked(oak)[0].Environ
	for _, name := range names {
		if strings.HasPrefix(name, "ROLLBRIDGE_") || name == "LD_PRELOAD_OF_A_TEST" {
			t.Errorf("%s is handed on", name)
		}
	}
	if !slices.Contains(names, "PATH") {
		t.Error("the program has no PATH")
	}
}

// A preview is in no error and prints as a word; one that is not shortened as was asked is
// not taken.
func TestPreviewIsKeptToItself(t *testing.T) {
	p, a := place(t)
	got, err := a.Preview(t.Context(), oak, false, "")
	if err != nil || len(got.Changes) != 1 || got.Changes[0].Name != "J. S." {
		t.Fatalf("%d changes, %v", len(got.Changes), err)
	}
	if said := fmt.Sprintf("%v %+v %#v %s", got, got.Changes, got.Changes[0], got); strings.Contains(said, "J. S.") {
		t.Error("it prints a pupil: " + said)
	}
	_, err = a.Preview(t.Context(), oak, true, "")
	kind(t, "shortened, and asked for whole", err, hosted.Version)
	p.Answer(oak, "preview", hostedtest.Answer{Code: 5, Out: "Jordan Example", Err: "row of Jordan Example"})
	_, err = a.Preview(t.Context(), oak, false, "")
	kind(t, "MIS", err, hosted.MIS)
	if strings.Contains(err.Error(), "Jordan") {
		t.Errorf("the error says %v", err)
	}
}

// One preview of a school at a time, and a few commands at once.
func TestBusy(t *testing.T) {
	p, a := place(t)
	p.Answer(oak, "preview", hostedtest.Answer{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { _, err := a.Preview(ctx, oak, false, ""); done <- err }()
	for p.Last(oak) != "preview --json" {
		if t.Context().Err() != nil {
			t.Fatal("the preview was never begun")
		}
	}
	_, err := a.Preview(t.Context(), oak, false, "")
	kind(t, "a second preview", err, hosted.Busy)
	if _, err := a.Status(t.Context(), oak); err != nil {
		t.Errorf("another command: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the preview ended with %v", err)
	}
}

func TestLogbook(t *testing.T) {
	p, a := place(t)
	events, err := a.Logbook(t.Context(), oak, time.Time{}, time.Time{})
	if err != nil || len(events) != 1 || events[0].Text != "Marks." || events[0].At.IsZero() {
		t.Errorf("%+v, %v", events, err)
	}
	p.Answer(oak, "log --verify", hostedtest.Answer{Out: `{"entries":9,"sealed":[{},{}],"receipted":2,"problems":[]}`})
	v, err := a.Verify(t.Context(), oak)
	if err != nil || !v.Good() || v.Entries != 9 || len(v.Sealed) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	p.Answer(oak, "log --verify", hostedtest.Answer{Code: 1, Out: `{"entries":9,"problems":[{"line":3,"what":"changed"}]}`})
	if v, err = a.Verify(t.Context(), oak); err != nil || v.Good() {
		t.Errorf("a logbook that was changed: %+v, %v", v, err)
	}
	p.Answer(oak, "log --verify", hostedtest.Answer{Code: 1, Out: `{"entries":9,"problems":[]}`})
	if _, err = a.Verify(t.Context(), oak); err == nil {
		t.Error("a failure is taken for a good logbook")
	}
	// A program that says that it wrote a statement and did not.
	_, err = a.Statement(t.Context(), oak, "autumn-2026")
	kind(t, "no statement", err, hosted.Version)
}

func TestParts(t *testing.T) {
	for _, text := range []string{"855", "855.contact", "855.contact.Phones"} {
		if p, good := hosted.ParsePart(text); !good || p.String() != text {
			t.Errorf("%s became %v, %v", text, p, good)
		}
	}
	for _, text := range []string{"", ".", "855.", "855.nothing", "855.contact.DOB", "855.contact.Phones.x", "85", "--yes", "855 contact"} {
		if p, good := hosted.ParsePart(text); good {
			t.Errorf("%q became %v", text, p)
		}
	}
	whole := hosted.Gap{Authority: "855", Dataset: record.DatasetSEN}
	fields := hosted.Gap{Authority: "855", Dataset: record.DatasetContact, Fields: []string{"Phones", "Emails"}}
	if got := fmt.Sprint(whole.Parts(), fields.Parts()); got != "[855.sen] [855.contact.Phones 855.contact.Emails]" {
		t.Error(got)
	}
}
