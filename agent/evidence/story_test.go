package evidence

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/delta"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func fixedKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) protocol.PublicKey {
	return protocol.PublicKey(k.Public().(ed25519.PublicKey))
}

var (
	rootKey, intakeKey, controlKey, bookKey = fixedKey(1), fixedKey(2), fixedKey(3), fixedKey(5)
	agentID                                 = envelope.AgentID{1}
)

func link(n uint64) envelope.Link {
	return envelope.Link{Sequence: n, Digest: envelope.Digest{byte(n)}}
}

// A diary writes a logbook, each entry a while after the one before.
type diary struct {
	t    *testing.T
	book *logbook.Book
	dir  string
	now  time.Time
}

func begin(t *testing.T, now time.Time) *diary {
	t.Helper()
	d := &diary{t: t, dir: t.TempDir(), now: now}
	var err error
	d.book, err = logbook.Create(d.dir, bookKey, agentID, protocol.FingerprintOf(rootKey.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.book.Close() })
	d.log(outbox.EventKeyring, d.sign(rootKey, protocol.DomainKeyring, protocol.Keyring{Root: public(rootKey), Epoch: 1,
		Intake: []protocol.PublicKey{public(intakeKey)}, Control: []protocol.PublicKey{public(controlKey)}}))
	return d
}

func (d *diary) sign(key ed25519.PrivateKey, domain protocol.Domain, v any) protocol.Signed {
	d.t.Helper()
	s, err := protocol.Sign(key, domain, v)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func (d *diary) log(e outbox.Event, data any) {
	d.t.Helper()
	text := []byte("{}")
	if data != nil {
		var err error
		if text, err = json.Marshal(data); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := d.book.Append(d.now, e, text); err != nil {
		d.t.Fatal(err)
	}
	d.now = d.now.Add(time.Minute)
}

func (d *diary) sealed(n uint64, full bool, part, parts int, counts ...delta.Count) {
	s := outbox.Sealed{Link: link(n), Full: full, Part: part, Parts: parts, Bytes: 1000, Scope: "scope", Profile: "profile", Counts: counts}
	if len(counts) > 0 {
		s.Roster = []protocol.RosterUse{{Authority: "330", Sent: 1}}
	}
	d.log(outbox.EventSealed, s)
}

func (d *diary) receipted(n uint64) {
	d.log(outbox.EventAttempted, link(n))
	d.log(outbox.EventReceipted, outbox.Receipted{Link: link(n), Receipt: d.sign(intakeKey, protocol.DomainReceipt,
		protocol.Receipt{Message: protocol.MessageBatch, Agent: agentID, Sequence: n, Digest: link(n).Digest, Received: d.now})})
}

func (d *diary) outcome(first, last uint64, refused int) {
	body, err := json.Marshal(protocol.Outcome{First: first, Last: last, Digest: link(last).Digest, Refused: refused})
	if err != nil {
		d.t.Fatal(err)
	}
	d.log(outbox.EventOutcome, d.sign(controlKey, protocol.DomainStatement,
		protocol.Statement{Kind: protocol.KindOutcome, Agent: agentID, Serial: last, Issued: d.now, Body: body}))
}

func (d *diary) read() []byte {
	d.t.Helper()
	content, err := os.ReadFile(filepath.Join(d.dir, logbook.FileName))
	if err != nil {
		d.t.Fatal(err)
	}
	return content
}

func marks(pupils int) delta.Count {
	return delta.Count{Authority: "330", Dataset: record.DatasetAttendance, Upserts: pupils, Pupils: pupils}
}

// autumn is a term with a pause, a full batch of two parts that takes back one
// that never got through, and the end of it all.
func autumn(t *testing.T) *diary {
	d := begin(t, time.Date(2026, 8, 30, 8, 0, 0, 0, time.UTC))
	d.log(outbox.EventScope, scope.Allowed{"330": {record.DatasetPupil: {"UPN"}}})
	d.log(outbox.EventPaused, nil)
	d.log(outbox.EventResumed, nil)
	d.now = time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	d.sealed(1, true, 1, 1, marks(3))
	d.receipted(1)
	d.outcome(1, 1, 1)
	d.now = time.Date(2026, 11, 24, 9, 4, 0, 0, time.UTC)
	d.sealed(2, false, 1, 1, marks(2))
	d.log(outbox.EventAttempted, link(2))
	d.log(outbox.EventRoster, outbox.RosterChange{Authority: "330", Accepted: 1})
	d.log(outbox.EventPaused, nil)
	d.log(outbox.EventScope, outbox.ScopeChange{Cause: outbox.ScopeDenied, Before: "scope", After: "less", Allowed: scope.Allowed{"330": {record.DatasetPupil: {}}}})
	d.log(outbox.EventResumed, nil)
	d.sealed(3, true, 1, 2, marks(4))
	d.sealed(4, true, 2, 2)
	d.log(outbox.EventWithdrawn, outbox.Withdrawn{By: link(3), Reason: outbox.FullTooOld, Batches: []envelope.Link{link(2)}})
	d.receipted(3)
	d.receipted(4)
	d.outcome(2, 4, 2)
	d.now = time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	d.sealed(5, false, 1, 1)
	d.now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	d.sealed(6, false, 1, 1, marks(9))
	d.receipted(5)
	d.log(outbox.EventPaused, nil)
	return d
}

func TestStoryInWords(t *testing.T) {
	story, err := ReadStory(bytes.NewReader(autumn(t).read()))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := story.Write(&b, Span{Since: time.Date(2026, 9, 1, 0, 0, 0, 0, london)}); err != nil {
		t.Fatal(err)
	}
	want := `Tuesday 1 September 2026
  09:00  Everything that may leave: 3 pupils' marks to Birmingham (330); pupils by its roster, Birmingham (330): 1: receipt held; taken into the records, 1 record refused.

Tuesday 24 November 2026
  09:04  2 pupils' marks to Birmingham (330); pupils by its roster, Birmingham (330): 1: sent, no receipt yet; taken back by the full batch of Tuesday 24 November 2026 at 09:10.
  09:06  1 pupil on the roster of Birmingham (330) accepted by the school.
  09:07  Paused by the school: nothing is read or sent.
  09:08  The school took something back. It allows: registration details to Birmingham (330).
  09:09  Resumed by the school.
  09:10  Everything that may leave: 4 pupils' marks to Birmingham (330); pupils by its roster, Birmingham (330): 1: receipt held; taken into the records, 2 records refused.

Thursday 31 December 2026
  23:59  Nothing had changed, and a signed report says so: receipt held; the collector's outcome is still missing.

Friday 1 January 2027
  00:00  9 pupils' marks to Birmingham (330); pupils by its roster, Birmingham (330): 1: sealed, not sent yet.
  00:03  Paused by the school: nothing is read or sent.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	if err := story.Write(&b, Span{Since: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil || !strings.Contains(b.String(), "nothing of that time") {
		t.Errorf("%v: %s", err, b.String())
	}
	if _, err := ReadStory(strings.NewReader("x\n{\"event\":\"sealed\",\"data\":[]}\n")); err == nil || !strings.Contains(err.Error(), "--verify") {
		t.Errorf("an entry that is none: %v", err)
	}
	if _, err := ReadStory(strings.NewReader("x\nx\n")); !errors.Is(err, logbook.ErrFormat) {
		t.Errorf("no logbook: %v", err)
	}
}

func TestAnswer(t *testing.T) {
	story, err := ReadStory(bytes.NewReader(autumn(t).read()))
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 8, 30, 8, 0, 0, 0, time.UTC)
	of := []outbox.SentOf{{Authority: "330", Dataset: record.DatasetAttendance, Upserts: 1}, {Authority: "330", Dataset: record.DatasetContact, Removals: 2}}
	a := NewAnswer(outbox.Trace{Since: since, Known: true, Batches: []outbox.SentBatch{
		{Sequence: 1, Sealed: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC), Of: of}, {Sequence: 3, Sealed: morning, Of: of[:1]}, {Sequence: 77, Sealed: morning, Of: of[:1]},
	}}, story)
	var b strings.Builder
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Tuesday 1 September 2026  ", "09:00", "Birmingham (330)", "marks     1     0        1      receipt held; taken into the records, 1 record refused",
		"contacts  0     2        1 ", "3      receipt held; taken into the records, 2 records refused", "77     not in this logbook",
		"kept since Sunday 30 August 2026 at 09:00", "preview --full --reveal", "replaced by another is two children here",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
	for want, trace := range map[string]outbox.Trace{
		"Nothing is known to have been sent about this child": {Since: since},
		"nothing about the child was sent since":              {Since: since, Known: true},
	} {
		b.Reset()
		if err := NewAnswer(trace, story).Write(&b); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%v: %s", err, b.String())
		}
	}
}

func drawn(t *testing.T, content []byte, term Term, upTo uint64) Statement {
	t.Helper()
	sum, err := logbook.Verify(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Draw(bytes.NewReader(content), sum, term, time.Date(2027, 1, 4, 9, 0, 0, 123, time.UTC), upTo)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStatement(t *testing.T) {
	term, err := ParseTerm("autumn-2026")
	if err != nil {
		t.Fatal(err)
	}
	d := autumn(t)
	s := drawn(t, d.read(), term, 0)
	if diff := cmp.Diff(Batches{Sealed: 4, Receipted: 3, Settled: 2, Withdrawn: 1, Refused: 3}, s.Batches); diff != "" {
		t.Error(diff)
	}
	weeks := []Week{
		{"2026-08-31", []WeekCount{{"330", record.DatasetAttendance, 3, 3, 0}}},
		{"2026-11-23", []WeekCount{{"330", record.DatasetAttendance, 4, 6, 0}}},
		{"2026-12-28", []WeekCount{}},
	}
	if diff := cmp.Diff(weeks, s.Weeks); diff != "" {
		t.Error(diff)
	}
	if len(s.Pauses) != 1 || s.Pauses[0].Until.Sub(s.Pauses[0].From) != 2*time.Minute {
		t.Errorf("pauses %+v", s.Pauses)
	}
	if len(s.Scope) != 2 || !s.Scope[0].Before || s.Scope[1].Cause != outbox.ScopeDenied || s.Scope[1].To != "less" {
		t.Errorf("scope %+v", s.Scope)
	}
	if len(s.ScopeHashes) != 1 || len(s.Profiles) != 1 || s.Profiles[0].Hash != "profile" {
		t.Errorf("%+v, %+v", s.ScopeHashes, s.Profiles)
	}
	if diff := cmp.Diff([]RosterUse{{Authority: "330", Accepted: 1, Sent: 1}}, s.Roster); diff != "" {
		t.Error(diff)
	}
	if s.End.N+4 != s.Drawn.N || s.End.At.Year() != 2026 {
		t.Errorf("the term ends at entry %d of %d", s.End.N, s.Drawn.N)
	}
	text := s.Text()
	for _, want := range []string{"autumn-2026 (1 September 2026 to 31 December 2026)", TermNote, "4 batches sealed: 3 with the collector's signed receipt", "Birmingham (330)",
		"nothing had changed", "Records that the collector refused: 3", s.End.Hash, s.Drawn.Hash, "at most 1 in one batch sent by its roster; 1 accepted",
		"from Tuesday 24 November 2026 at 09:07 to Tuesday 24 November 2026 at 09:09"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if !strings.Contains(drawn(t, d.read(), Term{From: "2027-01-01", To: "2027-12-31"}, 0).Text(), "had not ended") {
		t.Error("a term that goes on is stated as over")
	}
}

// A statement is proved by its file, by its logbook also when that has grown,
// and by no other.
func TestSignedStatement(t *testing.T) {
	term, err := ParseTerm("autumn-2026")
	if err != nil {
		t.Fatal(err)
	}
	d := autumn(t)
	s := drawn(t, d.read(), term, 0)
	file, err := s.Sign(bookKey)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenStatement(file)
	if err != nil {
		t.Fatal(err)
	}
	if !opened.IsText([]byte(s.Text())) || opened.IsText([]byte(s.Text()+" ")) {
		t.Error("the text is not known again")
	}
	again := func(d *diary) error {
		content := d.read()
		sum, err := logbook.Verify(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := Draw(bytes.NewReader(content), sum, opened.Term, opened.Made, opened.Drawn.N)
		if err != nil {
			t.Fatal(err)
		}
		return opened.Matches(drawn)
	}
	d.receipted(6)
	d.sealed(7, false, 1, 1, marks(1))
	if err := again(d); err != nil {
		t.Errorf("the logbook has grown: %v", err)
	}
	if err := again(begin(t, morning)); !errors.Is(err, ErrDiffersFromBook) {
		t.Errorf("a logbook that is cut off, or begun anew: %v", err)
	}
	if _, err := s.Sign(fixedKey(9)); !errors.Is(err, ErrOtherLogbook) {
		t.Errorf("signed with another key: %v", err)
	}
	other := opened
	other.Key = public(fixedKey(9))
	if err := other.Matches(opened); !errors.Is(err, ErrOtherLogbook) {
		t.Errorf("another logbook's: %v", err)
	}
	// Any figure that is changed shows; white space is none.
	for i := range file {
		if file[i] < '0' || file[i] > '9' {
			continue
		}
		changed := bytes.Clone(file)
		changed[i] = '0' + (file[i]-'0'+1)%10
		if _, err := OpenStatement(changed); err == nil {
			t.Fatalf("byte %d is changed and does not show: %s", i, file[max(0, i-30):i+10])
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, file); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStatement(compact.Bytes()); err != nil {
		t.Errorf("without white space: %v", err)
	}
	for _, bad := range []string{"", "{}", "[]", `{"statement":{},"key":"AAAA","sig":""}`} {
		if _, err := OpenStatement([]byte(bad)); !errors.Is(err, ErrStatement) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestVerifiedInWords(t *testing.T) {
	d := autumn(t)
	d.log(outbox.EventRevoked, nil)
	d.log(outbox.EventRevokeReceived, d.sign(intakeKey, protocol.DomainReceipt, protocol.Receipt{Message: protocol.MessageRevoke, Agent: agentID}))
	sum, err := logbook.Verify(bytes.NewReader(d.read()))
	if err != nil {
		t.Fatal(err)
	}
	text := Verified(sum, true)
	for _, want := range []string{"entries: each is signed", "6 batches sealed", "4 receipts: signed by a key", "2 outcomes", "4 batches of 6 covered", sum.Root, sum.Head,
		"1 list of the collector's keys", "The school revoked; the collector's receipt", "Everything is as it was written", "do not show by themselves"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	broken, err := logbook.Verify(bytes.NewReader(bytes.Replace(d.read(), []byte(`"event":"paused"`), []byte(`"event":"passed"`), 1)))
	if err == nil {
		t.Fatal("a changed logbook verifies")
	}
	if text := Verified(broken, false); !strings.Contains(text, "line 4: it was changed") || strings.Contains(text, "Everything is as it was") {
		t.Error(text)
	}
}
