package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func (p *program) log() *cobra.Command {
	var verify, asJSON bool
	c := &cobra.Command{
		Use:   "log [FILE]",
		Short: "Show or verify the logbook of everything that left",
		Long: `Prints one line for each entry. With --verify it proves instead that no entry was changed,
put in or taken out and that the receipts are the collector's; that needs nothing but the
file, which may be a copy on another computer.`,
		Example: "  rollbridge-agent log --verify /media/usb/logbook.jsonl",
		Args:    arguments(0, 1, "give one file at most"),
		RunE: func(c *cobra.Command, args []string) error {
			file := ""
			if len(args) == 1 {
				file = args[0]
			} else {
				set, err := p.settings()
				if err != nil {
					return err
				}
				file = filepath.Join(set.DataDir, logbook.FileName)
			}
			f, err := os.Open(file)
			if errors.Is(err, fs.ErrNotExist) && len(args) == 0 {
				return &school.Fault{Kind: school.Refused, Text: "there is no logbook: this school is not enrolled on this machine"}
			}
			if err != nil {
				return readable(fmt.Errorf("open the logbook: %w", err))
			}
			defer f.Close()
			if verify {
				summary, err := logbook.Verify(f)
				return p.showVerified(summary, err, asJSON)
			}
			return logbook.Read(f, func(l logbook.Line) error { return p.showEntry(l, asJSON) })
		},
	}
	c.Flags().BoolVar(&verify, "verify", false, "prove that the logbook is as it was written")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: one object, or one for each entry")
	return c
}

func (p *program) showVerified(s logbook.Summary, err error, asJSON bool) error {
	if err != nil && !errors.Is(err, logbook.ErrBroken) {
		return err
	}
	if asJSON {
		return errors.Join(p.printJSON(s), err)
	}
	p.printf("Logbook of agent %s, begun %s\n", s.Agent, when(s.Created))
	p.printf("Collector's root key: %s\n", s.Root)
	p.printf("%d entries; %d batches sealed, %d of them with the collector's receipt, %d with its outcome\n", s.Entries, len(s.Sealed), s.Receipted, s.Outcomed)
	for _, problem := range s.Problems {
		p.printf("line %d: %s\n", problem.Line, problem.What)
	}
	if err != nil {
		return fmt.Errorf("%w: keep the file as it is, and compare it with a copy and with what the collector shows", err)
	}
	p.printf("Everything is as it was written.\n")
	return nil
}

func (p *program) showEntry(l logbook.Line, asJSON bool) error {
	if asJSON {
		line, err := json.Marshal(l)
		if err == nil {
			_, err = fmt.Fprintf(p.Out, "%s\n", line)
		}
		return err
	}
	_, err := fmt.Fprintf(p.Out, "%5d  %s  %s\n", l.N, l.Time.Local().Format("2006-01-02 15:04:05"), entryText(l))
	return err
}

// entryText says an entry in words; one of a newer version is named only.
func entryText(l logbook.Line) string {
	var link envelope.Link
	_ = json.Unmarshal(l.Data, &link)
	short := link.Digest.String()[:12]
	switch l.Event {
	case outbox.EventEnrolled:
		return "enrolled by the collector"
	case outbox.EventKeyring:
		return "the collector's list of keys"
	case outbox.EventScope:
		return "the school set what may leave"
	case outbox.EventSealed:
		return sealedText(l.Data)
	case outbox.EventAttempted:
		return fmt.Sprintf("batch %d sent for the first time (%s)", link.Sequence, short)
	case outbox.EventReceipted:
		return fmt.Sprintf("batch %d received by the collector, signed receipt kept (%s)", link.Sequence, short)
	case outbox.EventOutcome:
		return outcomeText(l.Data)
	case outbox.EventWithdrawn:
		var w outbox.Withdrawn
		_ = json.Unmarshal(l.Data, &w)
		return fmt.Sprintf("%d batches taken back by full batch %d (%s)", len(w.Batches), w.By.Sequence, w.Reason)
	case outbox.EventReleased:
		return "a person at the school released held removals"
	case outbox.EventRoster:
		return rosterText(l.Data)
	case outbox.EventPaused:
		return "paused by the school"
	case outbox.EventResumed:
		return "resumed by the school"
	case outbox.EventRevoked:
		return "revoked"
	case outbox.EventDestroyed:
		return "keys and queue destroyed"
	}
	return string(l.Event)
}

// rosterText says what became of acceptances.
func rosterText(data json.RawMessage) string {
	var c outbox.RosterChange
	_ = json.Unmarshal(data, &c)
	switch {
	case c.Accepted > 0:
		return fmt.Sprintf("%d pupil on the roster of authority %s accepted by the school", c.Accepted, c.Authority)
	case c.Withdrawn > 0:
		return fmt.Sprintf("%d pupil on the roster of authority %s withdrawn by the school", c.Withdrawn, c.Authority)
	}
	return fmt.Sprintf("%d acceptances ended: no authority's roster has the child any more", c.Ended)
}

// outcomeText says what became of batches; the signature was checked before the
// entry was made, and --verify checks it again.
func outcomeText(data json.RawMessage) string {
	var signed protocol.Signed
	var statement protocol.Statement
	var o protocol.Outcome
	if json.Unmarshal(data, &signed) != nil || json.Unmarshal(signed.Payload, &statement) != nil || json.Unmarshal(statement.Body, &o) != nil {
		return "the collector's signed outcome"
	}
	which := fmt.Sprintf("batch %d", o.Last)
	if o.First < o.Last {
		which = fmt.Sprintf("batches %d to %d", o.First, o.Last)
	}
	return fmt.Sprintf("%s: the collector's signed outcome kept: %d applied, %d removed, %d refused", which, o.Applied, o.Removed, o.Refused)
}

func sealedText(data json.RawMessage) string {
	var s outbox.Sealed
	_ = json.Unmarshal(data, &s)
	kind := "changes"
	if s.Full {
		kind = "everything"
	}
	text := fmt.Sprintf("batch %d sealed: %s, %d bytes (%s)", s.Sequence, kind, s.Bytes, s.Digest.String()[:12])
	for _, c := range s.Counts {
		whose := c.Authority + " "
		if c.Authority == "" {
			whose = "" // the school's own, or of an authority that is out of scope by now
		}
		text += fmt.Sprintf("; %s%s +%d -%d", whose, c.Dataset, c.Upserts, c.Removals)
	}
	for _, u := range s.Roster {
		if u.Sent > 0 {
			text += fmt.Sprintf("; %s: %d pupils by its roster", u.Authority, u.Sent)
		}
	}
	return text
}
