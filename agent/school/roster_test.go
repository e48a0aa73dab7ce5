package school_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/e2e/demoschool"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// unmarked is a pupil with a UPN whom the MIS does not mark.
func (w *world) unmarked() *demoschool.Pupil {
	w.t.Helper()
	for _, p := range w.mis.NotLookedAfter() {
		if p.UPN != "" && !p.InCareUnknown {
			return p
		}
	}
	w.t.Fatal("no such pupil")
	return nil
}

// tell gives the agent a roster of these pupils for an authority.
func (w *world) tell(authority string, pupils ...*demoschool.Pupil) {
	w.t.Helper()
	id, err := identity.Load(w.set.DataDir)
	must(w.t, err)
	var r protocol.Roster
	for _, p := range pupils {
		r.Entries = append(r.Entries, protocol.RosterEntry{Authority: authority, UPN: p.UPN, DOB: record.DateOf(p.DOB)})
	}
	sealed, err := protocol.SealRoster(id.Receive.PublicKey(), id.Agent(), r)
	must(w.t, err)
	w.say(protocol.KindRoster, sealed)
}

// held are the pupils by UPN that a collector holds after all batches so far.
func (w *world) held() map[string]record.Pupil {
	w.t.Helper()
	keys, all := map[record.Key]string{}, map[string]record.Pupil{}
	for _, e := range w.batches {
		plain, err := e.Open(w.sealing)
		must(w.t, err)
		var m protocol.Manifest
		must(w.t, protocol.ReadBody(plain, &m, func(o protocol.Op) error {
			if o.Dataset != record.DatasetPupil {
				return nil
			}
			if o.Remove != "" {
				delete(all, keys[o.Key])
				return nil
			}
			var p record.Pupil
			err := json.Unmarshal(o.Record, &p)
			keys[o.Key], all[p.UPN] = p.UPN, p
			return err
		}))
	}
	return all
}

// used is what the last batch says of the roster.
func (w *world) used() []protocol.RosterUse {
	w.t.Helper()
	m, _ := w.opened(w.lastBatch())
	return m.Roster
}

func (w *world) accept(p *demoschool.Pupil) {
	w.t.Helper()
	_, err := w.school.RosterAccept(w.t.Context(), school.RosterChoice{UPN: p.UPN})
	must(w.t, err)
}

func (w *world) wantUse(want ...protocol.RosterUse) {
	w.t.Helper()
	if got := w.used(); !slices.Equal(got, want) {
		w.t.Errorf("the batch says %+v of the roster, want %+v", got, want)
	}
}

// roster events of the logbook, as JSON.
func (w *world) rosterEvents() []string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.set.DataDir, logbook.FileName))
	must(w.t, err)
	var events []string
	for line := range bytes.Lines(data) {
		var l struct {
			Event outbox.Event    `json:"event"`
			Data  json.RawMessage `json:"data"`
		}
		must(w.t, json.Unmarshal(line, &l))
		if l.Event == outbox.EventRoster {
			events = append(events, string(l.Data))
		}
	}
	return events
}

// restart is what a crash or an update does: nothing in memory is left.
func (w *world) restart() {
	w.t.Helper()
	must(w.t, w.school.Close())
	w.open()
}

// noTrace fails where a child of the roster is found in the data directory.
func (w *world) noTrace(pupils ...*demoschool.Pupil) {
	w.t.Helper()
	must(w.t, filepath.WalkDir(w.set.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, p := range pupils {
			if bytes.Contains(data, []byte(p.UPN)) || bytes.Contains(data, []byte(p.LegalSurname)) {
				w.t.Errorf("%s holds a child of the roster", filepath.Base(path))
			}
		}
		return err
	}))
}

func TestRosterWaitsForThePeopleOfTheSchool(t *testing.T) {
	w := enrolledWorld(t)
	child := w.unmarked()
	w.sync()
	if use := w.used(); use != nil {
		t.Errorf("without a roster the batch says %+v", use)
	}
	w.tell("933", child)
	if r := w.sync(); r.Read.Upserts+r.Read.Removals > 0 {
		t.Errorf("%+v: a roster alone has sent something", r.Read)
	}
	w.wantUse(protocol.RosterUse{Authority: "933", Waiting: 1})

	waiting, err := w.school.RosterWaiting(t.Context())
	must(t, err)
	if len(waiting) != 1 || waiting[0].UPN != child.UPN || waiting[0].Surname != child.LegalSurname || waiting[0].Accepted {
		t.Fatalf("%d wait", len(waiting))
	}
	if _, err := w.school.RosterAccept(w.t.Context(), school.RosterChoice{UPN: w.mis.NotLookedAfter()[3].UPN + "0"}); school.KindOf(err) != school.Refused {
		t.Errorf("a pupil on no roster was accepted: %v", err)
	}
	if _, err := w.school.RosterAccept(w.t.Context(), school.RosterChoice{UPN: child.UPN, Authority: "815"}); school.KindOf(err) != school.Refused {
		t.Errorf("a pupil was accepted for another authority: %v", err)
	}
	authority, err := w.school.RosterAccept(w.t.Context(), school.RosterChoice{UPN: strings.ToLower(child.UPN)})
	if err != nil || authority != "933" {
		t.Fatalf("%q, %v", authority, err)
	}
	if _, err := w.school.RosterAccept(w.t.Context(), school.RosterChoice{UPN: child.UPN}); school.KindOf(err) != school.Refused || strings.Contains(err.Error(), child.UPN) {
		t.Errorf("accepted twice: %v", err)
	}
	w.sync()
	w.wantUse(protocol.RosterUse{Authority: "933", Accepted: 1, Sent: 1})
	if got := w.held()[child.UPN]; got.CareAuthority != "933" || got.InCare || !got.ByRoster || got.Surname != child.LegalSurname {
		t.Errorf("held: in care %v, by roster %v, authority %q", got.InCare, got.ByRoster, got.CareAuthority)
	}
	report, err := w.school.Roster(t.Context())
	must(t, err)
	if !report.Held || report.Children["933"] != 1 || report.Accepted != 1 || len(report.Use) != 1 {
		t.Errorf("%+v", report)
	}

	if _, err := w.school.RosterWithdraw(school.RosterChoice{UPN: child.UPN}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.school.RosterWithdraw(school.RosterChoice{UPN: child.UPN}); school.KindOf(err) != school.Refused {
		t.Errorf("withdrawn twice: %v", err)
	}
	if r := w.sync(); r.Read.Removals == 0 {
		t.Errorf("%+v", r.Read)
	}
	if _, left := w.held()[child.UPN]; left {
		t.Error("the withdrawn pupil is still held")
	}
	want := []string{`{"authority":"933","accepted":1}`, `{"authority":"933","withdrawn":1}`}
	if got := w.rosterEvents(); !slices.Equal(got, want) {
		t.Errorf("logbook: %q", got)
	}
	w.noTrace(child)
}

// An acceptance is of one child on one roster: it ends with the child's place
// there, and does not come back with it.
func TestAcceptanceEndsWithTheRoster(t *testing.T) {
	w := enrolledWorld(t)
	child, other := w.unmarked(), w.mis.NotLookedAfter()[9]
	w.tell("933", child)
	w.sync()
	w.accept(child)
	w.sync()
	w.tell("933", other)
	if r := w.sync(); r.Read.Removals == 0 || len(r.Holds) > 0 {
		t.Errorf("%+v", r.Read)
	}
	if _, left := w.held()[child.UPN]; left {
		t.Error("the child whom the roster dropped is still held")
	}
	w.tell("933", child, other)
	w.sync()
	if uses := w.used(); len(uses) != 1 || uses[0].Sent != 0 || uses[0].Waiting == 0 {
		t.Errorf("back on the roster: %+v", uses)
	}
	if got := w.rosterEvents(); len(got) != 2 || got[1] != `{"ended":1}` {
		t.Errorf("logbook: %q", got)
	}
}

// A restarted agent has no roster. Until the collector has given it again nobody
// whom it sent may be taken for gone; then the same one is taken, and no older.
func TestRestartWithoutCollectorRemovesNobody(t *testing.T) {
	w := enrolledWorld(t)
	child, old := w.unmarked(), w.mis.NotLookedAfter()[9]
	w.tell("933", old, child)
	w.sync()
	w.tell("933", child)
	w.sync()
	w.accept(child)
	w.sync()
	gone := w.mis.LookedAfter()[0]
	must(t, w.mis.LeaveCare(gone.ID, w.mis.Today()))
	w.writeMIS()

	w.down = true
	w.restart()
	r, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Unreachable)
	if !r.Read.RosterAway || r.Read.Removals != 0 || len(r.Holds) > 0 {
		t.Errorf("away %v, %d removals", r.Read.RosterAway, r.Read.Removals)
	}
	for _, d := range r.Read.Datasets {
		if d.Complete {
			t.Errorf("%s is called complete", d.Dataset)
		}
	}
	if _, err := w.school.RosterAccept(w.t.Context(), school.RosterChoice{UPN: child.UPN}); school.KindOf(err) != school.Refused {
		t.Errorf("accepted without a roster: %v", err)
	}
	if _, err := w.school.Preview(t.Context(), school.SyncRequest{}); err != nil {
		t.Errorf("a preview needs the collector: %v", err)
	}

	w.down = false
	if r := w.sync(); r.Read.RosterAway || r.Read.Removals == 0 {
		t.Errorf("the roster is back: away %v, %d removals", r.Read.RosterAway, r.Read.Removals)
	}
	w.wantUse(protocol.RosterUse{Authority: "933", Accepted: 1, Sent: 1}) // not the older one, which has two
	if _, there := w.held()[child.UPN]; !there {
		t.Error("the accepted pupil was removed")
	}
	if _, there := w.held()[gone.UPN]; there && gone.UPN != "" {
		t.Error("who has left care is still held")
	}
	// Withdrawing is the school's own, and needs no collector.
	w.down = true
	w.restart()
	if _, err := w.school.RosterWithdraw(school.RosterChoice{UPN: child.UPN}); err != nil {
		t.Errorf("withdraw without the collector: %v", err)
	}
}

// What the collector is asked for after a restart is the newest roster; one that
// was obeyed before it, played again, is not taken for it.
func TestOlderRosterIsNotTakenAfterARestart(t *testing.T) {
	w := enrolledWorld(t)
	child := w.unmarked()
	w.tell("933", child)
	must(t, w.school.Checkin(t.Context()))
	older := len(w.statements)
	w.tell("933")
	must(t, w.school.Checkin(t.Context()))
	must(t, w.school.Checkin(t.Context()))
	if w.have.Serials[protocol.KindRoster] != w.serial {
		t.Errorf("the agent says that it has roster %d of %d", w.have.Serials[protocol.KindRoster], w.serial)
	}
	newest := w.statements[older]
	w.statements = w.statements[:older]
	w.restart()
	report, err := w.school.Roster(t.Context())
	must(t, err)
	if serial, says := w.have.Serials[protocol.KindRoster]; report.Held || says {
		t.Errorf("the older roster was taken: %v; the agent says that it has %d", report.Held, serial)
	}
	w.statements = append(w.statements, newest)
	if report, err = w.school.Roster(t.Context()); err != nil || !report.Held || report.Children["933"] != 0 {
		t.Errorf("the newest roster is not taken again: %+v, %v", report, err)
	}
}

// A preview by hand asks for the roster first: it shows what the next sync sends.
func TestPreviewHasTheRoster(t *testing.T) {
	w := enrolledWorld(t)
	child := w.unmarked()
	w.tell("933", child)
	w.sync()
	w.accept(child)
	w.restart()
	shown, err := w.school.Preview(t.Context(), school.SyncRequest{})
	must(t, err)
	if !strings.Contains(string(shown.Lines()), child.UPN) {
		t.Error("the preview does not show the accepted pupil")
	}
}

// A word against a pupil that comes while the MIS is read counts for that read.
func TestWithdrawnWhileReading(t *testing.T) {
	w := enrolledWorld(t)
	child := w.unmarked()
	w.tell("933", child)
	w.sync()
	w.accept(child)
	w.set.MIS.SettleSeconds = 1 // the files are new: the read waits before it trusts them
	w.restart()
	w.writeMIS()
	before, done := w.posted(protocol.MessageCheckin), make(chan error, 1)
	go func() { _, err := w.school.Sync(t.Context(), school.SyncRequest{}); done <- err }()
	for w.posted(protocol.MessageCheckin) == before {
		time.Sleep(time.Millisecond)
	}
	if _, err := w.school.RosterWithdraw(school.RosterChoice{UPN: child.UPN}); err != nil {
		t.Fatal(err)
	}
	err := <-done
	if _, sent := w.held()[child.UPN]; sent {
		t.Errorf("the pupil was sent after the school had withdrawn (the sync said: %v)", err)
	}
}

// An authority to whom the school gives nothing learns nothing by its roster,
// and a roster that cannot be opened changes nothing.
func TestRosterGivesNothingBeyondTheScope(t *testing.T) {
	w := enrolledWorld(t)
	child := w.unmarked()
	w.tell(w.mis.OtherAuthority(), child)
	w.sync()
	if uses := w.used(); len(uses) != 0 {
		t.Errorf("%+v", uses)
	}
	if _, err := w.school.RosterAccept(w.t.Context(), school.RosterChoice{UPN: child.UPN}); school.KindOf(err) != school.Refused {
		t.Errorf("accepted for an authority out of scope: %v", err)
	}
	w.tell("933", child)
	w.sync()
	w.say(protocol.KindRoster, protocol.RosterStatement{Sealed: []byte("of a later version")})
	w.sync()
	w.wantUse(protocol.RosterUse{Authority: "933", Waiting: 1})
}
