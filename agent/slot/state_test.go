package slot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func someState() State {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	return State{
		Schema: Schema, Current: "1.2.0", Running: "1.3.0", Candidate: &Candidate{Version: "1.3.0", Since: at, Attempts: 2},
		Previous: []Past{{Version: "1.1.0", Since: at}}, Skipped: []Skip{{Version: "1.2.5", Reason: SelfTest, Since: at, Said: []string{"key"}}},
		Floor: "1.1.0", Failing: []string{`store "oakmere"`}, Heard: Answer{ID: "x", Refused: Older}, Changed: &Change{From: "1.1.0", To: "1.2.0", At: at},
	}
}

// A State is read as it was saved; none is one without content.
func TestSave(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	if s, err := d.State(); err != nil || !reflect.DeepEqual(s, State{}) {
		t.Errorf("before anything: %+v, %v", s, err)
	}
	for range 2 {
		if err := d.Save(someState()); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := d.State(); err != nil || !reflect.DeepEqual(s, someState()) {
		t.Errorf("%+v, %v", s, err)
	}
	if entries, err := os.ReadDir(d.Path); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// What a newer program adds to this form is passed over, so that a supervisor of
// today reads it; another form, and what can be no state, is refused.
func TestStateOfOthers(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(d.Path, stateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"schema":1,"current":"1.2.0","moon":{"phase":3},"candidate":{"version":"1.3.0","attempts":1,"mood":"good"}}`)
	if s, err := d.State(); err != nil || s.Current != "1.2.0" || !s.OnProbation("1.3.0") {
		t.Errorf("%+v, %v", s, err)
	}
	for _, text := range []string{
		"", "{}", "null", "[]", `{"schema":2,"current":"1.2.0"}`, `{"schema":-1}`, `{"schema":1,"current":"1.2.0"`, strings.Repeat("\x00", 100),
		`{"schema":1,"current":"../1.2.0"}`, `{"schema":1,"candidate":{}}`, `{"schema":1,"previous":[{"version":"x"}]}`,
		`{"schema":1,"floor":"v1"}`, `{"schema":1,"running":"/bin/sh"}`, `{"schema":1}` + strings.Repeat(" ", maxState),
	} {
		write(text)
		if _, err := d.State(); !errors.Is(err, ErrState) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	if err := os.Remove(filepath.Join(d.Path, stateFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.Path, stateFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := d.State(); !errors.Is(err, ErrState) {
		t.Errorf("a directory: %v", err)
	}
}

// Cut off before any step of a Save, the state is the old one; the new one at
// most where only the name of it was still to be made durable. What is left over
// is cleared later, and not while somebody may be writing it.
func TestSaveIsWholeOrNot(t *testing.T) {
	steps := []string{"create", "write", "sync", "rename", "sync directory"}
	for i, step := range steps {
		for _, dies := range []bool{false, true} {
			d := Dir{Path: t.TempDir()}
			old := State{Schema: Schema, Current: "1.0.0"}
			if err := d.Save(old); err != nil {
				t.Fatal(err)
			}
			var seen []string
			faulty := Dir{Path: d.Path, step: func(what string) error {
				seen = append(seen, what)
				if what != step {
					return nil
				}
				if dies {
					panic(step)
				}
				return errors.New("no space left on device")
			}}
			func() {
				defer func() { _ = recover() }()
				if err := faulty.Save(someState()); err == nil || !strings.Contains(err.Error(), step) {
					t.Errorf("%s: %v", step, err)
				}
			}()
			if fmt.Sprint(seen) != fmt.Sprint(steps[:i+1]) {
				t.Errorf("the steps were %q", seen)
			}
			want := old
			if step == "sync directory" {
				want = someState()
			}
			if got, err := d.State(); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, dies %v: %+v, %v", step, dies, got, err)
			}
			if err := d.ClearUnfinished(time.Now()); err != nil {
				t.Error(err)
			}
			left := len(names(t, d.Path))
			if err := d.ClearUnfinished(time.Now().Add(2 * unfinishedAge)); err != nil {
				t.Error(err)
			}
			if dies && step == "rename" && left != 2 || !dies && left != 1 || len(names(t, d.Path)) != 1 {
				t.Errorf("%s, dies %v: %d files, then %q", step, dies, left, names(t, d.Path))
			}
		}
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// A step back names what it leaves, so that its repetition leaves nothing more.
func TestWish(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	if _, there, err := d.Wished(); there || err != nil {
		t.Errorf("before anything: %v, %v", there, err)
	}
	for _, w := range []Wish{{}, {Version: "1.1.0", Back: true}, {Version: "../1.1.0"}, {Version: "v1.1.0"}} {
		if err := d.Wish(w); err == nil {
			t.Errorf("%+v was asked", w)
		}
	}
	if err := d.Save(State{Current: "1.2.0"}); err != nil {
		t.Fatal(err)
	}
	ask := func(w Wish) Wish {
		t.Helper()
		if err := d.Wish(w); err != nil {
			t.Fatal(err)
		}
		got, there, err := d.Wished()
		if !there || err != nil {
			t.Fatal(there, err)
		}
		return got
	}
	if w := ask(Wish{Back: true}); w.From != "1.2.0" || w.ID == "" {
		t.Errorf("%+v", w)
	}
	if err := d.Save(someState()); err != nil {
		t.Fatal(err)
	}
	if w := ask(Wish{Back: true, ID: "mine"}); w.From != "1.3.0" || w.ID != "mine" {
		t.Errorf("%+v", w)
	}
	if w := ask(Wish{Version: "1.4.0", Insist: true}); w.Version != "1.4.0" || !w.Insist || w.From != "" {
		t.Errorf("%+v", w)
	}
	if err := os.WriteFile(filepath.Join(d.Path, wishFile), []byte(`{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, there, err := d.Wished(); there || err == nil {
		t.Errorf("half a wish: %v, %v", there, err)
	}
}

// The end of the service is the end of a probation, and of what was asked.
func TestEndProbation(t *testing.T) {
	if err := (Dir{Path: filepath.Join(t.TempDir(), "none")}).EndProbation(); err != nil {
		t.Errorf("without a directory: %v", err)
	}
	d := Dir{Path: t.TempDir()}
	if err := d.EndProbation(); err != nil || len(names(t, d.Path)) != 0 {
		t.Errorf("without a state: %v", err)
	}
	if err := errors.Join(d.Save(someState()), d.Wish(Wish{ID: "late", Version: "1.4.0"}), d.EndProbation()); err != nil {
		t.Fatal(err)
	}
	want := someState()
	want.Candidate, want.Heard = nil, Answer{ID: "late", Refused: Asked}
	if s, err := d.State(); err != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("%+v, %v", s, err)
	}
	damaged := []byte("half a st")
	if err := os.WriteFile(filepath.Join(d.Path, stateFile), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.EndProbation(); err != nil {
		t.Error(err)
	}
	if now, err := os.ReadFile(filepath.Join(d.Path, stateFile)); err != nil || !bytes.Equal(now, damaged) {
		t.Error("a state that cannot be used was changed")
	}
}

// What need not be a version's own fault is skipped for a day, by a clock that
// may have been set since; the rest for ever.
func TestSkips(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for reason, forEver := range map[Reason]bool{
		Ended: true, Crashed: true, NotReady: true, SelfTest: true, Silent: true, Unchecked: true, Flooding: true, Attempts: true,
		Unstartable: true, Asked: true, Below: true, Vanished: false, Altered: false, NotReleased: false, NoProof: false, Unreadable: false, Here: false,
	} {
		s := State{Skipped: []Skip{{Version: "1.2.0", Reason: reason, Since: at}}}
		for after, want := range map[time.Duration]bool{0: true, 23 * time.Hour: true, 25 * time.Hour: forEver, -time.Hour: forEver} {
			if _, got := s.Skips("1.2.0", at.Add(after)); got != want {
				t.Errorf("%s after %s: %v", reason, after, got)
			}
		}
		if _, got := s.Skips("1.2.1", at); got {
			t.Error("another version is skipped")
		}
	}
}

func TestBack(t *testing.T) {
	s := someState()
	if s.Back() != "1.2.0" {
		t.Errorf("on probation: %q", s.Back())
	}
	s.Candidate = nil
	if s.Back() != "1.1.0" {
		t.Errorf("in force: %q", s.Back())
	}
	if s.Floor = "1.2.0"; s.Back() != "" {
		t.Errorf("below the floor: %q", s.Back())
	}
}

// The names in state.json are read by other programs and other versions.
func TestNamesInTheState(t *testing.T) {
	text, err := json.Marshal(someState())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema":1,"current":"1.2.0","running":"1.3.0","candidate":{"version":"1.3.0","since":"2026-11-20T08:00:00Z","attempts":2},` +
		`"previous":[{"version":"1.1.0","since":"2026-11-20T08:00:00Z"}],"skipped":[{"version":"1.2.5","reason":"self_test","since":"2026-11-20T08:00:00Z","said":["key"]}],` +
		`"floor":"1.1.0","failing":["store \"oakmere\""],"heard":{"id":"x","refused":"older"},"changed":{"from":"1.1.0","to":"1.2.0","at":"2026-11-20T08:00:00Z"}}`
	if string(text) != want {
		t.Errorf("the state is\n%s\nwant\n%s", text, want)
	}
}
