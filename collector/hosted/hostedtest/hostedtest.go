// Package hostedtest plays the agent's program for tests of who runs it: the test's own
// program, begun again, answers as a test said that it shall and notes what it was asked.
// The real program is in the whole-system tests.
//
// Start reading at Main and New.
package hostedtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/hosted"
)

// An Answer is what the program says to a command.
type Answer struct {
	Out, Err string
	Code     int
	// Hang has it say nothing and go on for ever, Flood has it print without an end.
	Hang, Flood bool
	// After are what other commands are answered once this one was run.
	After map[string]Answer `json:",omitempty"`
}

// An Asked is one command that was run.
type Asked struct {
	Args []string
	// Environ are the names of its environment.
	Environ []string
}

// A Place is a directory of hosted agents.
type Place struct {
	t   testing.TB
	Dir string
}

const (
	answersFile = "answers.json"
	askedFile   = "asked.jsonl"
)

// Main is what TestMain of a package that plays agents exits with.
func Main(m *testing.M) (code int) {
	if len(os.Args) > 2 && os.Args[1] == "--data-dir" {
		return play(os.Args[2], os.Args[3:])
	}
	return m.Run()
}

// New makes a place without a school, and the agents of it.
func New(t testing.TB) (*Place, *hosted.Agents) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Place{t, t.TempDir()}
	return p, hosted.New(program, p.Dir)
}

// Answer says what the agent of a school answers to the commands that begin with these
// words; of several the longest counts.
func (p *Place) Answer(school, words string, a Answer) {
	p.t.Helper()
	dir := filepath.Join(p.Dir, school)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	all, err := answers(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	if all == nil {
		all = map[string]Answer{}
	}
	all[words] = a
	if err := keep(dir, all); err != nil {
		p.t.Fatal(err)
	}
}

func keep(dir string, all map[string]Answer) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, answersFile), text, 0o600)
}

// Asked are the commands that were run on the agent of a school, in order.
func (p *Place) Asked(school string) (list []Asked) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Dir, school, askedFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var a Asked
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			p.t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

// Last are the words of the last command that was run.
func (p *Place) Last(school string) string {
	p.t.Helper()
	list := p.Asked(school)
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list[len(list)-1].Args, " ")
}

func answers(dir string) (all map[string]Answer, err error) {
	text, err := os.ReadFile(filepath.Join(dir, answersFile))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	return all, err
}

// play is the program.
func play(dir string, args []string) int {
	a, err := answer(dir, args)
	if err != nil {
		a = Answer{Err: err.Error(), Code: 1}
	}
	for a.Flood {
		_, _ = os.Stdout.WriteString(strings.Repeat("x", 64<<10)) // nobody listens any more
	}
	for a.Hang {
		time.Sleep(time.Hour)
	}
	_, outErr := os.Stdout.WriteString(a.Out)
	_, err = os.Stderr.WriteString(a.Err)
	if outErr != nil || err != nil {
		return 1
	}
	return a.Code
}

// answer notes what was asked and finds what to say.
func answer(dir string, args []string) (Answer, error) {
	if err := note(dir, args); err != nil {
		return Answer{}, err
	}
	all, err := answers(dir)
	if err != nil {
		return Answer{}, err
	}
	said, best := strings.Join(args, " "), ""
	for words := range all {
		if strings.HasPrefix(said, words) && len(words) >= len(best) {
			best = words
		}
	}
	a, known := all[best]
	if !known {
		return Answer{Err: fmt.Sprintf("unknown command %q", said), Code: 2}, nil
	}
	if len(a.After) > 0 {
		maps.Copy(all, a.After)
		err = keep(dir, all)
	}
	return a, err
}

func note(dir string, args []string) error {
	a := Asked{Args: args}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		a.Environ = append(a.Environ, name)
	}
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, askedFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
