package evidence

import (
	"fmt"
	"strings"

	"rollbridge/agent/logbook"
	"rollbridge/shared/protocol"
)

// Verified says in words what logbook.Verify has checked and found.
func Verified(s logbook.Summary, good bool) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("Logbook of agent %s, begun on %s.", s.Agent, moment(s.Created))
	line("Logbook's own key: %x", s.Key)
	line("Collector's root key (fingerprint): %s", s.Root)
	if s.Entries > 0 {
		line("Last entry: %d, on %s, line hash %s", s.Entries, moment(s.Last), s.Head)
	}
	line("")
	line("Checked:")
	line("  %s: each is signed by the logbook's key, has the next number, and names the line before it", entries(s.Entries))
	line("  %s sealed: none is missing between the first and the last", batches(len(s.Sealed)))
	line("  %s: signed by the collector's root key", count(s.Keyrings, "list")+" of the collector's keys")
	line("  %s: signed by a key that such a list names for receipts, each of the batch that it stands with", count(s.Receipted, "receipt"))
	line("  %s: signed by a key that such a list names for decisions; %s of %d covered", count(s.Outcomes, "outcome"), batches(s.Outcomed), len(s.Sealed))
	if s.Revoked {
		line("  The school revoked%s", map[bool]string{true: "; the collector's receipt of it is signed by its key", false: "; a receipt of it is not in the logbook"}[s.RevokeReceived])
	}
	if s.Certificate != nil {
		line("  %s", Certified(*s.Certificate))
	}
	if s.Moved {
		line("  The agent was moved to another machine, whose logbook goes on")
	}
	line("")
	for _, p := range s.Problems {
		line("line %d: %s", p.Line, p.What)
	}
	if !good {
		return b.String()
	}
	line("Everything is as it was written.")
	line("Lines cut off at the end do not show by themselves: compare the last entry with what the collector shows.")
	return b.String()
}

// Certified says what a certificate says, once it was found good.
func Certified(c protocol.Certificate) string {
	return fmt.Sprintf("Certificate of deletion by %s for %s, signed by the collector: %s of %s destroyed by %s",
		c.Collector, c.School, count(c.Records, "record"), children(c.Children), Day(c.Destroyed))
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func batches(n int) string {
	if n == 1 {
		return "1 batch"
	}
	return fmt.Sprintf("%d batches", n)
}

func children(n int) string {
	if n == 1 {
		return "1 child"
	}
	return fmt.Sprintf("%d children", n)
}
