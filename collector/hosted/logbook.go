package hosted

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// An Event is one thing that the agent's logbook tells. It holds nothing of a pupil.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	// Text is a sentence, in English as it stands in the logbook.
	Text string `json:"text"`
}

// Logbook is what happened from a time on, and before another; a zero time is open.
func (a *Agents) Logbook(ctx context.Context, school string, since, until time.Time) ([]Event, error) {
	c := command{args: []string{"log", "--json", "--events"}, limit: askTime, most: maxAnswer}
	for _, end := range []struct {
		flag string
		at   time.Time
	}{{"--since", since}, {"--until", until}} {
		if !end.at.IsZero() {
			c.args = append(c.args, end.flag, end.at.UTC().Format(time.RFC3339))
		}
	}
	text, err := a.own(ctx, school, c)
	if err != nil {
		return nil, err
	}
	var events []Event
	for line := range bytes.Lines(text) {
		var e Event
		if err := c.decode(line, &e); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// A Verified is what `log --verify` proved of a logbook.
type Verified struct {
	Entries int       `json:"entries"`
	Created time.Time `json:"created"`
	Last    time.Time `json:"last"`
	// Sealed are the batches, Receipted those with a good receipt, Outcomed those whose
	// outcome is there.
	Sealed    []json.RawMessage `json:"sealed"`
	Receipted int               `json:"receipted"`
	Outcomed  int               `json:"outcomed"`
	Problems  []struct {
		Line int    `json:"line"`
		What string `json:"what"`
	} `json:"problems"`
}

// Good says that no entry was changed, put in or taken out.
func (v Verified) Good() bool { return len(v.Problems) == 0 }

// Verify proves the logbook. One that does not hold is no error: Problems says where.
func (a *Agents) Verify(ctx context.Context, school string) (Verified, error) {
	c := command{args: []string{"log", "--verify", "--json"}, limit: askTime, most: maxAnswer}
	text, err := a.own(ctx, school, c)
	var v Verified
	if err != nil && KindOf(err) != Failed {
		return v, err
	}
	if failed := c.decode(text, &v); failed != nil {
		return v, errors.Join(err, failed)
	}
	if err != nil && v.Good() {
		return v, err
	}
	return v, nil
}

// A Statement is the signed statement of a term, and its text.
type Statement struct{ Signed, Text []byte }

var termForm = regexp.MustCompile(`^(autumn|spring|summer)-20[0-9]{2}$`)

// GoodTerm says whether a term has a form that an agent knows: autumn-2026.
func GoodTerm(term string) bool { return termForm.MatchString(term) }

// maxStatement bounds each of the two files.
const maxStatement = 4 << 20

// Statement draws and signs what left in a term. There is nothing of a pupil in it. The
// agent writes it as files, which are gone again when it returns.
func (a *Agents) Statement(ctx context.Context, school, term string) (s Statement, err error) {
	if !GoodTerm(term) {
		return s, &Fault{Changed, "the term is not one that an agent knows"}
	}
	dir, err := os.MkdirTemp("", "rollbridge-statement-")
	if err != nil {
		return s, fmt.Errorf("make room for a statement: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := command{args: []string{"log", "--statement", term, "--out", dir}, limit: askTime, most: maxAnswer}
	if _, err := a.own(ctx, school, c); err != nil {
		return s, err
	}
	s.Signed, err = written(dir, "*.json")
	if err == nil {
		s.Text, err = written(dir, "*.txt")
	}
	return s, err
}

// written reads the one file of a form that the agent has written.
func written(dir, form string) ([]byte, error) {
	names, err := filepath.Glob(filepath.Join(dir, form))
	if err != nil || len(names) != 1 {
		return nil, &Fault{Version, "a hosted agent did not write the statement that it said it wrote: is hosted.program of another version?"}
	}
	info, err := os.Lstat(names[0])
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxStatement) {
		return nil, &Fault{Large, "the statement of a hosted agent is larger than is taken"}
	}
	if err != nil {
		return nil, fmt.Errorf("read a statement: %w", err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		return nil, fmt.Errorf("read a statement: %w", err)
	}
	return text, nil
}
