package school

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/agent/secret"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/version"
)

// A State is how a school stands, in one word.
type State string

// The states.
const (
	NotEnrolled     State = "not_enrolled"
	Enrolling       State = "enrolling"   // the collector has not yet answered
	Unconfirmed     State = "unconfirmed" // the operator has not yet compared the phrase
	Active          State = "active"
	PausedBySchool  State = "paused"
	RevokedBySchool State = "revoked"
	Stopped         State = "stopped" // by a refusal of the collector
	Moved           State = "moved"   // to another computer
)

// A Status is what `status` shows. Its JSON is a contract with scripts.
type Status struct {
	State State `json:"state"`
	// Next says what to do, "" for nothing.
	Next    string `json:"next,omitempty"`
	Version string `json:"version"`

	Agent      string `json:"agent,omitempty"`
	School     string `json:"school,omitempty"`
	SchoolName string `json:"school_name,omitempty"`
	Generation uint32 `json:"generation,omitempty"`
	Phrase     string `json:"phrase,omitempty"`
	Collector  string `json:"collector,omitempty"`
	// Code is the id of the public key of the code that was used.
	Code      string    `json:"code,omitempty"`
	Reason    string    `json:"reason,omitempty"` // of a refusal
	Pause     *Pause    `json:"pause,omitempty"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	// RevokeWaits says that the collector has not yet the revoke.
	RevokeWaits bool `json:"revoke_waits,omitempty"`

	Head           envelope.Link          `json:"head,omitzero"`
	Waiting        int                    `json:"waiting"`
	Unoutcomed     int                    `json:"unoutcomed"`
	Full           string                 `json:"full,omitempty"` // why the next batch is a full one
	LastRead       *outbox.ReadResult     `json:"last_read,omitempty"`
	LastReceipt    *outbox.ReceiptResult  `json:"last_receipt,omitempty"`
	LastOutcome    *outbox.OutcomeResult  `json:"last_outcome,omitempty"`
	LastHeard      time.Time              `json:"last_heard,omitzero"`
	Refused        map[record.Dataset]int `json:"refused,omitempty"`
	Holds          []protocol.Hold        `json:"holds,omitempty"`
	NotGiven       []scope.Gap            `json:"not_given,omitempty"`
	News           []News                 `json:"news,omitempty"`
	Problems       []protocol.Problem     `json:"problems,omitempty"`
	KeyringExpires time.Time              `json:"keyring_expires,omitzero"`
	// Trouble is what is in the way to the collector; Intercepted names who opens
	// TLS on the way.
	Trouble     *outbox.Trouble `json:"trouble,omitempty"`
	Intercepted string          `json:"intercepted,omitempty"`
	// Unknown says that the collector knows no such agent.
	Unknown bool `json:"unknown,omitempty"`
	// Silence says that nothing could be sent for a day, and why.
	Silence *Silence `json:"silence,omitempty"`
	// Oldest is when the oldest of the batches that wait was sealed.
	Oldest time.Time `json:"oldest,omitzero"`
}

// StatusWithout is the status of a directory that holds no open school: not
// enrolled, or revoked.
func StatusWithout(dir string) Status {
	s := Status{State: NotEnrolled, Version: version.Version,
		Next: "not enrolled: ask the collector's operator for an enrolment code and run `rollbridge-agent enrol CODE`"}
	stop, revoked := Revoked(dir)
	if !revoked {
		return s
	}
	s.State, s.RevokedAt, s.Reason = RevokedBySchool, stop.At, stop.Reason
	s.RevokeWaits = RevokeWaits(dir)
	s.Next = stoppedText(protocol.RefusalReason(stop.Reason))
	switch stop.Reason {
	case "":
	case ReasonMoved:
		s.State = Moved
		s.Next += " (what was moved is in " + stop.File + ")"
	default:
		s.State = Stopped
	}
	return s
}

// Status says how the school stands; it reads no MIS and needs no network.
func (s *School) Status() (Status, error) {
	f, err := s.box.Facts()
	if err != nil {
		return Status{}, err
	}
	f = s.withFields(f)
	id := s.identity()
	st := Status{
		Version: version.Version, Agent: id.Agent().String(), School: f.School, SchoolName: f.Ask.SchoolName, Generation: f.Generation,
		Phrase:   Phrase(f.Collector.Root, id),
		LastRead: f.LastRead, LastReceipt: f.LastReceipt, LastOutcome: f.LastOutcome, LastHeard: f.LastHeard,
		Holds: allHolds(f), NotGiven: scope.Gaps(f.Ask, f.Decision), News: newsOf(f), Problems: f.Problems,
		KeyringExpires: s.trust(f).Keyring.Expires, Trouble: f.Trouble, Intercepted: f.Intercepted, Unknown: f.Unknown,
	}
	if !f.EnrolRequest.IsZero() {
		st.Code = f.EnrolRequest.Key.String()
	}
	if u, err := url.Parse(f.Collector.URL); err == nil {
		st.Collector = u.Host
	}
	var unoutcomed []envelope.Link
	var errs [5]error
	st.Head, errs[0] = s.box.Head()
	st.Waiting, errs[1] = s.box.Waiting()
	unoutcomed, errs[2] = s.box.Unoutcomed()
	st.Full, errs[3] = s.box.FullReason()
	st.Refused, errs[4] = s.box.Refused()
	st.Unoutcomed = len(unoutcomed)
	_, paused := Paused(s.dir)
	st.Silence = s.silence(f, paused, st.Waiting)
	next, _, err := s.box.Next()
	if st.Waiting > 0 {
		st.Oldest = next.Sealed
	}
	s.describe(&st, f)
	return st, errors.Join(errors.Join(errs[:]...), err)
}

// describe sets the word and what to do next.
func (s *School) describe(st *Status, f outbox.Facts) {
	pause, paused := Paused(s.dir)
	if paused {
		st.Pause = &pause
	}
	switch {
	case f.Refusal != nil:
		st.State, st.Reason, st.Next = Stopped, string(f.Refusal.Reason), stoppedText(f.Refusal.Reason)
	case !f.Enrolled:
		st.State, st.Next = Enrolling, "wait: the collector is asked until it answers; if the operator knows of no request, run `rollbridge-agent enrol CODE` again with the same code"
	case paused:
		st.State, st.Next = PausedBySchool, "nothing is read or sent; `rollbridge-agent resume` ends the pause"
	case !f.Confirmed:
		st.State = Unconfirmed
		st.Next = "read the phrase to the collector's operator, who compares and confirms it; until then batches wait sealed"
		if f.Wait {
			st.Next = "read the phrase to the collector's operator, who compares and confirms it; until then nothing is read, because this school was enrolled before and its pupils must keep their ids"
		}
	default:
		st.State, st.Next = Active, s.nextStep(*st)
	}
}

func (st Status) stops() []mis.Stop {
	if st.LastRead == nil {
		return nil
	}
	return st.LastRead.Stops
}

func (s *School) nextStep(st Status) string {
	switch {
	case st.Silence != nil:
		return "nothing could be sent since " + st.Silence.Since.In(london).Format("2 January 2006 15:04") + ": " + st.Silence.Why
	case st.Unknown:
		return unknownText
	case s.stalled.Load():
		return "the collector has heard more from this agent than this machine has sent: wait for its decision, which the next check-in brings"
	case st.LastRead != nil && st.LastRead.Problem != "":
		return "the last read failed: " + st.LastRead.Text
	case len(st.Holds) > 0:
		what, do := HeldText(st.Holds[0], st.stops())
		return what + ": " + do
	case !st.KeyringExpires.IsZero() && !clock.Now().Before(st.KeyringExpires):
		return "the collector's list of keys has expired: tell its operator, or set this computer's clock right"
	case len(scope.Waiting(st.NotGiven)) > 0:
		return "something more could leave and waits for the school's yes: see it with `rollbridge-agent scope show`, then `scope accept`, `scope allow` or `scope deny`; until then nothing more leaves"
	case len(st.News) > 0:
		return "the collector's operator says something new about how the data are handled; nothing more leaves by it: read it with `rollbridge-agent scope show`; `scope accept` takes note of it"
	}
	return ""
}

// Phrase is what both sides compare.
func Phrase(root protocol.Fingerprint, id *identity.Identity) string {
	return protocol.Phrase(root, protocol.PublicKey(id.Sign.Public().(ed25519.PublicKey)), id.Receive.PublicKey().Bytes())
}

// Fsck checks keys, queue and logbook against one another and lists what is
// wrong, one sentence each; empty is good.
func (s *School) Fsck(context.Context) ([]string, error) {
	found := checkRights(s.dir)
	if _, err := identity.Load(s.dir); err != nil {
		found = append(found, err.Error())
	}
	f, err := secret.OpenRead(filepath.Join(s.dir, logbook.FileName))
	if err != nil {
		return found, fmt.Errorf("check the logbook: %w", err)
	}
	defer f.Close()
	summary, err := logbook.Verify(f)
	if err != nil && !errors.Is(err, logbook.ErrBroken) {
		return found, fmt.Errorf("check the logbook: %w", err)
	}
	for _, p := range summary.Problems {
		found = append(found, fmt.Sprintf("logbook, line %d: %s", p.Line, p.What))
	}
	state, err := s.box.Fsck(s.identity().Sign.Public().(ed25519.PublicKey), summary.Sealed)
	if err != nil {
		return found, fmt.Errorf("check the queue: %w", err)
	}
	return append(found, state...), nil
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
