package logbook

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A Summary is what a logbook shows.
type Summary struct {
	Agent   envelope.AgentID `json:"agent"`
	Root    string           `json:"root"` // fingerprint of the collector's root key, hexadecimal
	Created time.Time        `json:"created"`
	Entries int              `json:"entries"`
	Last    time.Time        `json:"last,omitzero"` // of the last entry
	// Sealed lists every batch, in the order of the file; Receipted and
	// Outcomed count those with a good receipt, and those that outcomes cover.
	Sealed    []envelope.Link `json:"sealed"`
	Receipted int             `json:"receipted"`
	Outcomed  int             `json:"outcomed"`
	// Problems are in the order of the file.
	Problems []Problem `json:"problems"`
}

// A Problem is one thing that is not as it was written.
type Problem struct {
	Line int    `json:"line"` // counted from 1, as an editor does
	What string `json:"what"`
}

// maxProblems ends the list: a file shifted by one line has one problem, not
// thousands.
const maxProblems = 100

// Verify reads a whole logbook and needs nothing else. Errors wrap ErrBroken
// when the summary has problems, ErrFormat when it is no logbook. What it can
// show and what not is in the package comment.
func Verify(r io.Reader) (Summary, error) {
	v := verifier{links: map[uint64]envelope.Digest{}, receipts: map[uint64]bool{}, last: map[protocol.StatementKind]uint64{}}
	err := eachLine(r, v.line)
	switch {
	case errors.Is(err, io.ErrShortBuffer):
		v.says("it is too long to be an entry; what follows was not read")
	case err != nil:
		return v.sum, fmt.Errorf("verify the logbook: %w", err)
	case v.n == 0:
		return v.sum, fmt.Errorf("verify the logbook: %w: it is empty", ErrFormat)
	}
	v.sum.Receipted = len(v.receipts)
	if len(v.sum.Problems) > 0 {
		return v.sum, fmt.Errorf("verify the logbook: %w: line %d: %s", ErrBroken, v.sum.Problems[0].Line, v.sum.Problems[0].What)
	}
	return v.sum, nil
}

type verifier struct {
	sum  Summary
	n    int // lines read
	head header
	prev string
	next uint64

	root     protocol.Fingerprint
	keyring  protocol.Keyring     // newest of the file
	intake   []protocol.PublicKey // of every keyring of the file: a receipt may be older than the newest
	control  []protocol.PublicKey
	links    map[uint64]envelope.Digest
	receipts map[uint64]bool
	last     map[protocol.StatementKind]uint64
}

func (v *verifier) says(format string, args ...any) {
	if len(v.sum.Problems) < maxProblems {
		v.sum.Problems = append(v.sum.Problems, Problem{max(v.n, 1), fmt.Sprintf(format, args...)})
	}
}

func (v *verifier) line(line []byte, whole bool) error {
	v.n++
	if v.n == 1 {
		return v.header(line)
	}
	if !whole {
		v.says("it is incomplete: the file was cut here, or the machine stopped while it was written")
		return nil
	}
	var l linked
	err := check(line, v.head.Key, &l)
	if err != nil {
		v.says("%v", err)
		// The next line is judged by what stands here, so that one changed
		// line is one problem.
		v.prev, v.next = hashOf(line), v.next+1
		return nil
	}
	switch {
	case l.N != v.next:
		v.says("it is entry %d where entry %d should be: lines are missing, doubled or moved", l.N, v.next)
	case l.Prev != v.prev:
		v.says("it does not follow the line before it")
	}
	v.prev, v.next = hashOf(line), l.N+1
	v.sum.Entries++
	v.sum.Last = l.Time
	v.entry(l.Line)
	return nil
}

func (v *verifier) header(line []byte) error {
	h, err := first(line)
	if err != nil && !errors.Is(err, ErrBroken) {
		return err
	}
	if err != nil {
		v.says("%v", err)
	}
	root, err := hex.DecodeString(h.Root)
	if err != nil || copy(v.root[:], root) != len(v.root) {
		v.says("it names no collector")
	}
	v.head, v.prev, v.next = h, hashOf(line), 1
	v.sum.Agent, v.sum.Root, v.sum.Created = h.Agent, h.Root, h.Created
	return nil
}

func (v *verifier) entry(l Line) {
	switch l.Event {
	case outbox.EventKeyring:
		v.addKeyring(l.Data)
	case outbox.EventSealed:
		v.sealed(l.Data)
	case outbox.EventAttempted:
		var link envelope.Link
		if json.Unmarshal(l.Data, &link) != nil || !v.knows(link) {
			v.says("it is about a batch that was not sealed before it")
		}
	case outbox.EventReceipted:
		v.receipted(l.Data)
	case outbox.EventOutcome:
		v.outcome(l.Data)
	case outbox.EventEnrolled:
		v.statement(l.Data, protocol.KindEnrolled)
	}
}

func (v *verifier) addKeyring(data json.RawMessage) {
	var s protocol.Signed
	if json.Unmarshal(data, &s) != nil {
		v.says("its keyring is not understood")
		return
	}
	k, err := protocol.VerifyKeyring(s, v.root, v.keyring.Epoch)
	if err != nil {
		v.says("its keyring is not the collector's: %v", err)
		return
	}
	v.keyring = k
	v.intake = append(v.intake, k.Intake...)
	v.control = append(v.control, k.Control...)
}

func (v *verifier) sealed(data json.RawMessage) {
	var s outbox.Sealed
	if json.Unmarshal(data, &s) != nil {
		v.says("its batch is not understood")
		return
	}
	// A logbook that was started anew begins with a later batch; fsck, which
	// has the whole chain, tells whether that is all right.
	if n := len(v.sum.Sealed); n > 0 && s.Sequence != v.sum.Sealed[n-1].Sequence+1 {
		v.says("it is about batch %d, but the one before it is batch %d", s.Sequence, v.sum.Sealed[n-1].Sequence)
	}
	v.links[s.Sequence] = s.Digest
	v.sum.Sealed = append(v.sum.Sealed, s.Link)
}

// knows says whether an earlier line is about the sealing of l.
func (v *verifier) knows(l envelope.Link) bool {
	digest, sealed := v.links[l.Sequence]
	return sealed && digest == l.Digest
}

func (v *verifier) receipted(data json.RawMessage) {
	var r outbox.Receipted
	var receipt protocol.Receipt
	switch {
	case json.Unmarshal(data, &r) != nil:
		v.says("its receipt is not understood")
	case protocol.Verify(r.Receipt, protocol.DomainReceipt, v.intake, &receipt) != nil:
		v.says("its receipt is not signed by a key of the collector")
	case receipt.Digest != r.Digest || receipt.Sequence != r.Sequence || receipt.Agent != v.head.Agent || receipt.Message != protocol.MessageBatch:
		v.says("its receipt is of something else")
	case !v.knows(r.Link):
		v.says("it is about a batch that was not sealed before it")
	default:
		v.receipts[r.Sequence] = true
	}
}

func (v *verifier) outcome(data json.RawMessage) {
	st, ok := v.statement(data, protocol.KindOutcome)
	if !ok {
		return
	}
	var o protocol.Outcome
	if st.Decode(&o) != nil || !v.knows(envelope.Link{Sequence: o.Last, Digest: o.Digest}) {
		v.says("its outcome is about a batch that was not sealed before it")
		return
	}
	v.sum.Outcomed = max(v.sum.Outcomed, int(o.Last))
}

// statement verifies a statement of control that this agent obeyed.
func (v *verifier) statement(data json.RawMessage, kind protocol.StatementKind) (protocol.Statement, bool) {
	var s protocol.Signed
	if json.Unmarshal(data, &s) != nil {
		v.says("its statement is not understood")
		return protocol.Statement{}, false
	}
	st, err := protocol.VerifyStatement(s, protocol.Keyring{Control: v.control})
	switch {
	case err != nil:
		v.says("its statement is not signed by a control key of the collector")
	case st.Kind != kind || st.Agent != v.head.Agent:
		v.says("its statement is about something else")
	case st.Serial <= v.last[kind]:
		v.says("its statement is not newer than the one before it")
	default:
		v.last[kind] = st.Serial
		return st, true
	}
	return protocol.Statement{}, false
}
