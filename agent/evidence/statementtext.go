package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"text/tabwriter"

	"rollbridge/shared/record"
)

// Text is the statement for people; it is made of the signed values alone.
func (s Statement) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("What left this school with Rollbridge: %s", s.Term.Title())
	line("Drawn from the school's logbook on %s", moment(s.Made))
	if s.Term.Name != "" {
		line("%s", TermNote)
	}
	if s.Made.Before(s.Term.Span().Until) {
		line("The term had not ended: what is said here holds up to the day on which it was drawn.")
	}
	if s.Begun.After(s.Term.Span().Since) {
		line("The logbook was begun on %s: what lies before is in an older one, if there is one.", moment(s.Begun))
	}
	s.writeBatches(line)
	s.writeWeeks(&b)
	s.writeScope(line)
	s.writeRest(line)
	line("")
	line("Proof")
	line("  Logbook of agent %s, which the collector with the root key", s.Agent)
	line("  %s knows.", s.Root)
	if s.End.N > 0 {
		line("  Last entry within the time: %d, line hash %s", s.End.N, s.End.Hash)
	}
	line("  Last entry when it was drawn: %d, line hash %s", s.Drawn.N, s.Drawn.Hash)
	line("  The JSON file beside this text is signed with the logbook's key; anybody can check both without a")
	line("  network: rollbridge-agent log --verify-statement FILE.json LOGBOOK")
	return b.String()
}

func (s Statement) writeBatches(line func(string, ...any)) {
	n := s.Batches
	line("")
	line("%s sealed: %d with the collector's signed receipt, %d taken into its records, %d taken back by a full batch,", batches(n.Sealed), n.Receipted, n.Settled, n.Withdrawn)
	line("%d waiting for a receipt. Records that the collector refused: %d.", n.Waiting, n.Refused)
}

func (s Statement) writeWeeks(b *strings.Builder) {
	fmt.Fprintln(b)
	if len(s.Weeks) == 0 {
		fmt.Fprintln(b, "Nothing was sent.")
		return
	}
	fmt.Fprintln(b, "What was sent, by week (pupils: those of the batch with the most):")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  week of\tto\twhat\tpupils\trecords\tremoved")
	for _, w := range s.Weeks {
		monday := startOf(w.Monday).Format("2 January 2006")
		if len(w.Sent) == 0 {
			fmt.Fprintf(t, "  %s\t–\tnothing had changed\t\t\t\n", monday)
		}
		for _, c := range w.Sent {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%d\t%d\t%d\n", monday, AuthorityName(c.Authority, c.Dataset), DatasetName(c.Dataset), c.Pupils, c.Upserts, c.Removals)
		}
	}
	_ = t.Flush() // a strings.Builder takes everything
}

func (s Statement) writeScope(line func(string, ...any)) {
	line("")
	line("What the school allowed")
	for _, x := range s.Scope {
		since := "since " + moment(x.Since)
		if x.Before {
			since += " (before the term)"
		}
		if cause, known := scopeCauses[x.Cause]; known {
			since += ", " + strings.ToLower(cause[:1]) + cause[1:]
		}
		line("  %s: %s", since, allowedText(x.Allowed, x.Denied))
	}
	if len(s.Scope) == 0 {
		line("  The logbook says nothing of it within this time.")
	}
	for _, f := range s.ScopeHashes {
		line("  Fingerprint of what might leave, from %s: %s", moment(f.Since), f.Hash)
	}
	for _, f := range s.Profiles {
		line("  Fingerprint of the MIS profile and its settings, from %s: %s", moment(f.Since), f.Hash)
	}
}

func (s Statement) writeRest(line func(string, ...any)) {
	line("")
	line("Pauses")
	for _, p := range s.Pauses {
		if p.Until.IsZero() {
			line("  from %s, not ended", moment(p.From))
			continue
		}
		line("  from %s to %s", moment(p.From), moment(p.Until))
	}
	if len(s.Pauses) == 0 {
		line("  None.")
	}
	line("")
	line("Authorities' rosters")
	for _, u := range s.Roster {
		line("  %s: at most %d in one batch sent by its roster; %d accepted and %d withdrawn by the school, %d ended", AuthorityName(u.Authority, record.DatasetPupil), u.Sent, u.Accepted, u.Withdrawn, u.Ended)
	}
	if len(s.Roster) == 0 {
		line("  Not used.")
	}
	if len(s.Events) > 0 {
		line("")
		line("What else happened")
	}
	for _, e := range s.Events {
		line("  %s: %s", moment(e.At), Event{Kind: e.Event}.Text())
	}
}

func (s Statement) textHash() string {
	sum := sha256.Sum256([]byte(s.Text()))
	return hex.EncodeToString(sum[:])
}
