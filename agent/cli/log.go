package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"rollbridge/agent/evidence"
	"rollbridge/agent/logbook"
	"rollbridge/agent/school"
	"rollbridge/agent/secret"
)

// A logging is one call of log.
type logging struct {
	verify, pupil, asJSON bool
	events                bool   // with asJSON: as they are told
	since, until          string // of what is shown
	certificate           string // a file, with verify

	term, from, to string // of a statement to make
	out            string // the directory for it
	statement      string // a file to verify

	files []string // logbooks; none is that of this school
}

func (p *program) log() *cobra.Command {
	var l logging
	c := &cobra.Command{
		Use:   "log [FILE…]",
		Short: "Show or verify the logbook of everything that left",
		Long: `Says in plain English, day by day, what left this school, to whom, and whether the collector's
signed receipt is held. The logbook holds counts and proofs, and nothing of a pupil.

--verify proves that no entry was changed, put in or taken out and that receipts, outcomes and
certificates are the collector's. It needs nothing but the file, which may be a copy on another
computer; several may be given, such as those of earlier enrolments (logbook-until-….jsonl).

--pupil answers what was sent about one child and when. The UPN or the MIS's id is asked for on
standard input, never given as an argument; it is hashed and compared, and not kept.

--statement TERM (or --from and --to) writes a text and a signed JSON file of what left in a
term. --verify-statement FILE proves one; with the logbook, also that it says what the logbook
says.`,
		Example: `  rollbridge-agent log --since 2026-11-23
  rollbridge-agent log --verify /media/usb/logbook.jsonl
  rollbridge-agent log --pupil
  rollbridge-agent log --statement autumn-2026
  rollbridge-agent log --verify-statement rollbridge-statement-autumn-2026.json logbook.jsonl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			l.files = args
			if err := l.check(); err != nil {
				return err
			}
			switch {
			case l.verify:
				return p.verifyLogbooks(l)
			case l.pupil:
				return p.answerAbout(c.Context(), l)
			case l.statement != "":
				return p.verifyStatement(l)
			case l.drawing():
				return p.drawStatement(l)
			}
			return p.showLogbooks(l)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&l.verify, "verify", false, "prove that the logbook is as it was written")
	flags.StringVar(&l.certificate, "certificate", "", "with --verify: also prove the certificate of deletion in this `file`")
	flags.BoolVar(&l.pupil, "pupil", false, "what was sent about one child, asked for on standard input")
	flags.StringVar(&l.since, "since", "", "show what happened from this `day` or time on")
	flags.StringVar(&l.until, "until", "", "show what happened up to this `day` or time")
	flags.StringVar(&l.term, "statement", "", "write the signed statement of this `term` (autumn-2026, spring-2027, summer-2027)")
	flags.StringVar(&l.from, "from", "", "first `day` of the statement")
	flags.StringVar(&l.to, "to", "", "last `day` of the statement")
	flags.StringVar(&l.out, "out", ".", "`directory` for the statement's two files")
	flags.StringVar(&l.statement, "verify-statement", "", "prove the statement in this JSON `file`")
	flags.BoolVar(&l.asJSON, "json", false, "print JSON: one value, or one line for each entry")
	flags.BoolVar(&l.events, "events", false, "with --json: one line for each thing that happened, with its sentence")
	return c
}

func (l logging) drawing() bool { return l.term != "" || l.from != "" || l.to != "" }

// check refuses flags that do not go together.
func (l logging) check() error {
	modes := 0
	for _, on := range []bool{l.verify, l.pupil, l.drawing(), l.statement != ""} {
		if on {
			modes++
		}
	}
	switch {
	case modes > 1:
		return usageError{errors.New("give one of --verify, --pupil, --statement and --verify-statement")}
	case l.events && (!l.asJSON || modes > 0):
		return usageError{errors.New("--events goes with --json, where the logbook is shown")}
	case l.certificate != "" && !l.verify:
		return usageError{errors.New("--certificate goes with --verify")}
	case modes > 0 && (l.since != "" || l.until != ""):
		return usageError{errors.New("--since and --until are for showing the logbook; a statement has --from and --to")}
	case l.pupil && len(l.files) > 0:
		return usageError{errors.New("--pupil takes no argument: what is asked for comes on standard input, and what is known is on this machine only")}
	case l.drawing() && l.term != "" && l.from+l.to != "":
		return usageError{errors.New("give a term or days, not both")}
	case l.drawing() && len(l.files) > 0:
		return usageError{errors.New("a statement is drawn from this school's logbook, whose key signs it: give no file")}
	case l.statement != "" && len(l.files) > 1:
		return usageError{errors.New("give one logbook to compare the statement with")}
	}
	return nil
}

// eachLogbook opens the files named, or this school's logbook.
func (p *program) eachLogbook(files []string, use func(name string, f *os.File) error) error {
	open := os.Open
	if len(files) == 0 {
		name, err := p.ownLogbook()
		if err != nil {
			return err
		}
		files, open = []string{name}, secret.OpenRead
	}
	for _, name := range files {
		f, err := open(name)
		if err != nil {
			return readable(fmt.Errorf("open the logbook: %w", err))
		}
		if err := errors.Join(use(name, f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) ownLogbook() (string, error) {
	set, err := p.settings()
	if err != nil {
		return "", err
	}
	name := filepath.Join(set.DataDir, logbook.FileName)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return "", &school.Fault{Kind: school.Refused, Text: "there is no logbook: this school is not enrolled on this machine"}
	}
	return name, nil
}

func (p *program) showLogbooks(l logging) error {
	span, err := evidence.ParseSpan(l.since, l.until)
	if err != nil {
		return usageError{fmt.Errorf("--since and --until: %w", err)}
	}
	return p.eachLogbook(l.files, func(name string, f *os.File) error {
		if l.asJSON && !l.events {
			return p.showEntries(f, span)
		}
		if len(l.files) > 1 {
			p.printf("%s\n\n", name)
		}
		story, err := evidence.ReadStory(f)
		if err != nil {
			return err
		}
		if l.events {
			return p.showEvents(story, span)
		}
		if err := story.Write(p.Out, span); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		if len(l.files) > 1 && name != l.files[len(l.files)-1] {
			p.printf("\n")
		}
		return nil
	})
}

// showEntries prints the entries as they are, for scripts.
func (p *program) showEntries(r io.Reader, span evidence.Span) error {
	return logbook.Read(r, func(l logbook.Line) error {
		if !span.Has(l.Time) {
			return nil
		}
		line, err := json.Marshal(l)
		if err == nil {
			_, err = p.Out.Write(append(line, '\n'))
		}
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return nil
	})
}

// showEvents prints what happened as it is told, for programs that show it.
func (p *program) showEvents(story evidence.Story, span evidence.Span) error {
	e := json.NewEncoder(p.Out)
	e.SetEscapeHTML(false)
	for _, told := range story.Told(span) {
		if err := e.Encode(told); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}

// wholeLines is what a logbook holds at this moment, without a line that is
// just being written: what is read of it twice is then the same.
func wholeLines(f *os.File) (*io.SectionReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	const step = 64 << 10
	for end := info.Size(); end > 0; end -= min(end, step) {
		tail := make([]byte, min(end, step))
		if _, err := f.ReadAt(tail, end-int64(len(tail))); err != nil {
			return nil, err
		}
		for i := range slices.Backward(tail) {
			if tail[i] == '\n' {
				return io.NewSectionReader(f, 0, end-int64(len(tail))+int64(i)+1), nil
			}
		}
	}
	return io.NewSectionReader(f, 0, 0), nil
}
