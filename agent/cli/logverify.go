package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollbridge/agent/evidence"
	"rollbridge/agent/logbook"
	"rollbridge/shared/protocol"
)

// A verified is one logbook of those given, as --json prints it.
type verified struct {
	File string `json:"file"`
	logbook.Summary
	// Certified is what the certificate given beside the logbook says, if it holds.
	Certified *protocol.Certificate `json:"certified,omitempty"`
}

// verifyLogbooks verifies every file before it says that one is bad.
func (p *program) verifyLogbooks(l logging) error {
	certificate, err := readCertificate(l.certificate)
	if err != nil {
		return err
	}
	var list []verified
	var bad, unproved error
	err = p.eachLogbook(l.files, func(name string, f *os.File) error {
		sum, err := logbook.Verify(f)
		if err != nil && !errors.Is(err, logbook.ErrBroken) {
			return fmt.Errorf("%s: %w", name, err)
		}
		v := verified{File: name, Summary: sum}
		if certificate != nil {
			c, err := sum.CheckCertificate(*certificate)
			if err == nil {
				v.Certified = &c
			}
			unproved = err
		}
		bad = errors.Join(bad, err)
		list = append(list, v)
		if !l.asJSON {
			p.showVerified(v, err == nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l.asJSON {
		err = p.printVerified(list)
	}
	for _, v := range list {
		if v.Certified != nil {
			unproved = nil // it is of one agent, and so of one logbook
		}
	}
	switch {
	case err != nil:
		return err
	case bad != nil:
		return fmt.Errorf("%w: keep the file as it is, and compare it with a copy and with what the collector shows", bad)
	case unproved != nil:
		return fmt.Errorf("the certificate %s does not hold: %w", l.certificate, unproved)
	}
	return nil
}

func (p *program) showVerified(v verified, good bool) {
	p.printf("%s\n%s", v.File, evidence.Verified(v.Summary, good))
	if v.Certified != nil {
		p.printf("%s.\n", evidence.Certified(*v.Certified))
	}
	p.printf("\n")
}

// printVerified prints one object for one logbook, a list for several.
func (p *program) printVerified(list []verified) error {
	if len(list) == 1 {
		return p.printJSON(list[0])
	}
	return p.printJSON(list)
}

// readCertificate gives nil where none is named.
func readCertificate(name string) (*protocol.CertificateFile, error) {
	if name == "" {
		return nil, nil
	}
	text, err := readBounded(name, protocol.MaxCertificateBytes)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	f, err := protocol.ParseCertificateFile(text)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", name, err)
	}
	return &f, nil
}

// readBounded reads a file and no more of it than a byte over the limit.
func readBounded(name string, most int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(most)+1))
}

// verifyStatement proves a statement, and shows it as it was signed.
func (p *program) verifyStatement(l logging) error {
	file, err := readBounded(l.statement, evidence.MaxStatementBytes)
	if err != nil {
		return fmt.Errorf("read the statement: %w", err)
	}
	s, err := evidence.OpenStatement(file)
	if err != nil {
		return fmt.Errorf("%s: %w: ask whoever gave it for the file as it was made", l.statement, err)
	}
	if len(l.files) == 1 {
		if err := compareStatement(s, l.files[0]); err != nil {
			return err
		}
	}
	beside, err := textBeside(s, l.statement)
	if err != nil {
		return err
	}
	if l.asJSON {
		return p.printJSON(struct {
			evidence.Statement
			Compared bool `json:"compared_with_logbook"`
		}{s, len(l.files) == 1})
	}
	p.printf("%s\n", s.Text())
	p.printf("The statement is as it was signed, by the logbook key %x.\n", s.Key)
	if beside {
		p.printf("The text beside it is the one that was made with it.\n")
	}
	if len(l.files) == 0 {
		p.printf("It was not compared with a logbook: name one to prove whose key that is, and that it says the same.\n")
	} else {
		p.printf("The logbook is as it was written, has the same key, and says the same.\n")
	}
	return nil
}

// compareStatement draws the statement again from its logbook.
func compareStatement(s evidence.Statement, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open the logbook: %w", err)
	}
	defer f.Close()
	again, err := draw(f, s.Term, s.Made, s.Drawn.N)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := s.Matches(again); err != nil {
		return fmt.Errorf("compare the statement with %s: %w", name, err)
	}
	return nil
}

// draw verifies a logbook and draws a statement from the same lines.
func draw(f *os.File, t evidence.Term, made time.Time, upTo uint64) (evidence.Statement, error) {
	lines, err := wholeLines(f)
	if err != nil {
		return evidence.Statement{}, fmt.Errorf("read the logbook: %w", err)
	}
	sum, err := logbook.Verify(lines)
	if err != nil {
		return evidence.Statement{}, fmt.Errorf("no statement holds of a logbook that does not: %w", err)
	}
	return evidence.Draw(io.NewSectionReader(lines, 0, lines.Size()), sum, t, made, upTo)
}

// textBeside says whether the statement's text is there; another one is an
// error.
func textBeside(s evidence.Statement, name string) (bool, error) {
	beside := strings.TrimSuffix(name, filepath.Ext(name)) + ".txt"
	text, err := readBounded(beside, evidence.MaxStatementBytes)
	if err != nil {
		return false, nil // it is another file's text, or none
	}
	if !s.IsText(text) {
		return false, fmt.Errorf("%s is not the text that was made with this statement: the JSON file is what was signed", beside)
	}
	return true, nil
}
