package logbook

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A Summary is what a logbook shows.
type Summary struct {
	Agent envelope.AgentID `json:"agent"`
	Root  string           `json:"root"` // fingerprint of the collector's root key, hexadecimal
	// Key is the logbook's own public key, and Head the hash of its last line,
	// hexadecimal.
	Key     []byte    `json:"key"`
	Head    string    `json:"head"`
	Created time.Time `json:"created"`
	Entries int       `json:"entries"`
	Last    time.Time `json:"last,omitzero"` // of the last entry
	// Sealed lists every batch, in the order of the file; Receipted and
	// Outcomed count those with a good receipt, and those that outcomes cover.
	Sealed    []envelope.Link `json:"sealed"`
	Receipted int             `json:"receipted"`
	Outcomed  int             `json:"outcomed"`
	// Keyrings, Outcomes and Attempts count entries that were found good.
	Keyrings int `json:"keyrings"`
	Outcomes int `json:"outcomes"`
	Attempts int `json:"attempts"`
	// What ended it, if it has ended: the school's revoke, the collector's receipt
	// of it, its certificate of deletion, or a move to another machine.
	Revoked        bool                  `json:"revoked,omitempty"`
	RevokeReceived bool                  `json:"revoke_received,omitempty"`
	Certificate    *protocol.Certificate `json:"certificate,omitempty"`
	Moved          bool                  `json:"moved,omitempty"`
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
	v.sum.Receipted, v.sum.Head = len(v.receipts), v.prev
	for _, l := range v.sum.Sealed {
		if l.Sequence <= v.outcomed {
			v.sum.Outcomed++
		}
	}
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
	outcomed uint64 // the last batch that an outcome names
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
	v.sum.Agent, v.sum.Root, v.sum.Created, v.sum.Key = h.Agent, h.Root, h.Created, h.Key
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
			return
		}
		v.sum.Attempts++
	case outbox.EventReceipted:
		v.receipted(l.Data)
	case outbox.EventOutcome:
		v.outcome(l.Data)
	case outbox.EventEnrolled:
		v.statement(l.Data, protocol.KindEnrolled)
	case outbox.EventRevoked:
		v.sum.Revoked = true
	case outbox.EventRevokeReceived:
		v.revokeReceived(l.Data)
	case outbox.EventCertificate:
		v.certificate(l.Data)
	case outbox.EventMoved:
		v.sum.Moved = true
	}
}

func (v *verifier) revokeReceived(data json.RawMessage) {
	var s protocol.Signed
	var receipt protocol.Receipt
	switch {
	case json.Unmarshal(data, &s) != nil:
		v.says("its receipt is not understood")
	case protocol.Verify(s, protocol.DomainReceipt, v.intake, &receipt) != nil:
		v.says("its receipt is not signed by a key of the collector")
	case receipt.Agent != v.head.Agent || receipt.Message != protocol.MessageRevoke:
		v.says("its receipt is of something else")
	default:
		v.sum.RevokeReceived = true
	}
}

func (v *verifier) certificate(data json.RawMessage) {
	var f protocol.CertificateFile
	if json.Unmarshal(data, &f) != nil {
		v.says("its certificate is not understood")
		return
	}
	c, err := v.sum.CheckCertificate(f)
	if err != nil {
		v.says("%v", err)
		return
	}
	v.sum.Certificate = &c
}

// CheckCertificate proves that a certificate of deletion is the collector's, of
// this logbook's agent, and names no batch that the logbook does not.
func (s Summary) CheckCertificate(f protocol.CertificateFile) (protocol.Certificate, error) {
	var root protocol.Fingerprint
	if text, err := hex.DecodeString(s.Root); err != nil || copy(root[:], text) != len(root) {
		return protocol.Certificate{}, errors.New("the logbook names no collector, so that nobody can have signed its certificate")
	}
	c, err := f.Verify(root)
	switch {
	case err != nil:
		return c, fmt.Errorf("its certificate is not signed by the collector that the logbook names: %w", err)
	case c.Agent != s.Agent:
		return c, errors.New("its certificate is about another agent")
	case len(s.Sealed) > 0 && c.Head.Sequence >= s.Sealed[0].Sequence && !slices.Contains(s.Sealed, c.Head):
		return c, errors.New("its certificate names a batch that is not in the logbook")
	}
	return c, nil
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
	v.sum.Keyrings++
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
	v.outcomed = max(v.outcomed, o.Last)
	v.sum.Outcomes++
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
