package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/agent/trial"
	"rollbridge/shared/protocol"
)

// synced is a sync as it passes the control socket: a report is worth showing
// although something was in the way.
type synced struct {
	Report school.SyncReport `json:"report"`
	Kind   school.Kind       `json:"kind,omitempty"`
	Text   string            `json:"text,omitempty"`
}

func syncedBy(ctx context.Context, s *school.School, q school.SyncRequest) (synced, error) {
	report, err := s.Sync(ctx, q)
	if err != nil && len(report.Sealed) > 0 {
		return synced{Report: report, Kind: school.KindOf(err), Text: err.Error()}, nil
	}
	return synced{Report: report}, err
}

func (p *program) sync() *cobra.Command {
	var q school.SyncRequest
	var asJSON bool
	c := &cobra.Command{
		Use:   "sync",
		Short: "Read the MIS now, seal what changed and send it",
		Long: `Reads, seals and sends until the collector's receipt is there. If the collector is not
reached (exit code 4), what was sealed waits in the queue and the service delivers it. What a
safety stop keeps back (many records that disappear at once, a removed contact that comes
back, columns in another form) waits until --release names the code that sync and status show;
what cannot be read waits until it can (exit code 3 for both).`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			r, err := either(c.Context(), set, askSync, q, func(s *school.School) (synced, error) { return syncedBy(c.Context(), s, q) })
			if err != nil {
				return err
			}
			if asJSON {
				err = p.printJSON(r.Report)
			} else {
				p.showSync(r.Report)
			}
			switch {
			case err != nil:
				return err
			case r.Text != "":
				return &school.Fault{Kind: r.Kind, Text: r.Text}
			case len(r.Report.Holds) > 0:
				return heldFault(r.Report)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&q.Full, "full", false, "send everything again")
	c.Flags().StringSliceVar(&q.Release, "release", nil, "say yes to what is held under this `code`")
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

func (p *program) showSync(r school.SyncReport) {
	if r.Read != nil {
		for _, d := range r.Read.Datasets {
			p.printf("%s: %d rows read, %d of pupils in scope, %d of others left alone\n", d.Dataset, d.Rows, d.Matched, d.Excluded)
		}
		what := "changes"
		if r.Read.Full {
			what = "full batch"
		}
		p.printf("Sealed %s (%s): %d new or changed records, %d removed\n", batches(len(r.Sealed), r.Sealed[len(r.Sealed)-1].Sequence), what, r.Read.Upserts, r.Read.Removals)
		if r.Read.Cost != nil {
			p.printf("The MIS was asked %s\n", costLine(*r.Read.Cost))
		}
		if r.Read.Requests != nil {
			p.printf("The MIS was asked %s\n", trial.Asked(*r.Read.Requests))
		}
		if line := rosterLine(r.Read.Roster); line != "" {
			p.printf("%s\n", line)
		}
		if r.Read.RosterAway {
			p.printf("The authorities' roster is kept in memory only and the collector was not reached to get it again: nobody is removed meanwhile\n")
		}
		if r.Read.Unknown > 0 {
			p.printf("%d pupils were left out because the MIS does not say clearly whether, or by whom, they are looked after; nothing is removed meanwhile\n", r.Read.Unknown)
		}
	}
	p.printf("Receipts: %d; waiting for one: %d\n", r.Delivered, r.Waiting)
	for _, h := range r.Holds {
		p.printf("%s\n", holdLine(h, r.Read))
	}
	if len(r.NotGiven) > 0 {
		p.printf("An authority asks for more than the school allows; it did not leave (`rollbridge-agent scope show`)\n")
	}
}

func batches(n int, last uint64) string {
	if n == 1 {
		return fmt.Sprintf("batch %d", last)
	}
	return fmt.Sprintf("batches %d to %d", last-uint64(n)+1, last)
}

// holdLine says what is kept back, and under which code a person releases it.
func holdLine(h protocol.Hold, read *outbox.ReadResult) string {
	what, do := school.HeldText(h, stopsOf(read))
	if h.Reason().Releasable() {
		return fmt.Sprintf("Kept back: %s; release code %s", what, h.Code)
	}
	return fmt.Sprintf("Kept back: %s; %s", what, do)
}

func stopsOf(read *outbox.ReadResult) []mis.Stop {
	if read == nil {
		return nil
	}
	return read.Stops
}

func heldFault(r school.SyncReport) error {
	var texts []string
	for _, h := range r.Holds {
		what, do := school.HeldText(h, stopsOf(r.Read))
		texts = append(texts, what+": "+do)
	}
	return &school.Fault{Kind: school.Refused, Text: "what was not kept back was sealed, but " + strings.Join(texts, "; and ")}
}
