package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rollbridge/agent/evidence"
	"rollbridge/agent/identity"
	"rollbridge/agent/school"
	"rollbridge/agent/secret"
	"rollbridge/shared/clock"
)

// drawStatement writes the two files of a statement, or neither.
func (p *program) drawStatement(l logging) error {
	term, err := l.parseTerm()
	if err != nil {
		return err
	}
	if term.Span().Since.After(clock.Now()) {
		return usageError{errors.New("that time has not begun: there is nothing to state")}
	}
	name, err := p.ownLogbook()
	if err != nil {
		return err
	}
	file, s, err := signedStatement(name, term)
	if err != nil {
		return err
	}
	base := filepath.Join(l.out, term.File())
	texts := []struct {
		name    string
		content []byte
	}{{base + ".txt", []byte(s.Text())}, {base + ".json", file}}
	for i, t := range texts {
		err := saveNew(t.name, func(w io.Writer) error { _, err := w.Write(t.content); return err })
		if err != nil && i > 0 {
			err = errors.Join(err, os.Remove(texts[0].name))
		}
		if err != nil {
			return fmt.Errorf("save the statement: %w", err)
		}
	}
	if l.asJSON {
		return p.printJSON(s)
	}
	p.printf("%s\nWritten to %s and %s.\n", s.Text(), texts[0].name, texts[1].name)
	return nil
}

func (l logging) parseTerm() (t evidence.Term, err error) {
	if l.term != "" {
		t, err = evidence.ParseTerm(l.term)
	} else {
		t, err = evidence.NewTerm(l.from, l.to)
	}
	if err != nil {
		return t, usageError{err}
	}
	return t, nil
}

// signedStatement draws a statement from this school's logbook and signs it.
func signedStatement(name string, t evidence.Term) ([]byte, evidence.Statement, error) {
	var none evidence.Statement
	key, err := identity.AnyLogbookKey(filepath.Dir(name))
	if errors.Is(err, identity.ErrMissing) || errors.Is(err, fs.ErrNotExist) {
		return nil, none, &school.Fault{Kind: school.Refused, Text: "the logbook's key is not on this machine any more, so that no statement can be signed: the logbook itself still proves what left (`rollbridge-agent log --verify`)"}
	}
	if err != nil {
		return nil, none, readable(err)
	}
	f, err := secret.OpenRead(name)
	if err != nil {
		return nil, none, readable(fmt.Errorf("open the logbook: %w", err))
	}
	defer f.Close()
	s, err := draw(f, t, clock.Now(), 0)
	if err != nil {
		return nil, none, err
	}
	file, err := s.Sign(key)
	return file, s, err
}
