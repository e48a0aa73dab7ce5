package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// TestSchoolStory follows one school through a morning and to its end, and
// reads after each event the word that the operator and the authority see.
func TestSchoolStory(t *testing.T) {
	monday := nextMonday(time.Now())
	clock := filepath.Join(t.TempDir(), "clock")
	at(t, clock, monday, "08:00")
	config := small()
	config.Today = demoschool.Date(monday.Year(), monday.Month(), monday.Day())
	w, code := newWorldOn(t, config, stack.CollectorOptions{Clock: clock}, reportingCopy())
	w.word(status.NotSetUp)
	w.writeAt(clock)
	w.enrolAt(w.source(), code, stack.AgentOptions{Clock: clock})

	at(t, clock, monday, "09:00")
	w.writeAt(clock)
	w.sync()
	w.word(status.Due)
	at(t, clock, monday, "09:50")
	// The agent is heard from; the register is still the one of nine o'clock.
	w.sync()
	w.word(status.Late)
	at(t, clock, monday, "10:20")
	w.sync()
	w.word(status.NotReceived)
	w.writeAt(clock)
	w.sync()
	w.word(status.Received)

	w.stopAndGoOn(clock)
	w.massDisappearance(clock)
	w.revoke(code)
}

func nextMonday(now time.Time) time.Time {
	for now = now.AddDate(0, 0, 7); now.Weekday() != time.Monday; {
		now = now.AddDate(0, 0, 1)
	}
	// Not in the demo school's holidays, whatever the day the test runs on.
	for day := demoschool.LastSchoolDay(now); !sameDay(day, now); day = demoschool.LastSchoolDay(now) {
		now = now.AddDate(0, 0, 7)
	}
	return now
}

func sameDay(a, b time.Time) bool { return a.Format(time.DateOnly) == b.Format(time.DateOnly) }

// at sets the programs' clock to a time of that day in the school's place.
func at(t *testing.T, file string, day time.Time, clock string) {
	t.Helper()
	when, err := time.ParseInLocation(time.DateTime, day.Format(time.DateOnly)+" "+clock+":00", status.London())
	if err != nil {
		t.Fatal(err)
	}
	setClock(t, file, time.Until(when))
}

// reportingCopy is a MIS that the agent reads a copy of, which says when it was
// made: as docs/mis/sql-views.md has it at its end.
func reportingCopy() stack.MISOptions {
	return stack.MISOptions{
		Before: "CREATE TABLE dbo.CopyLog (FinishedAt datetime2(0) NOT NULL)",
		Adapt: func(script string) string {
			return strings.Replace(script, "CAST(NULL AS datetime2(0)) AS AsAt", "(SELECT MAX(l.FinishedAt) FROM dbo.CopyLog AS l) AS AsAt", 1)
		},
	}
}

// writeAt makes the copy as of the clock's present time.
func (w *world) writeAt(clock string) {
	w.t.Helper()
	w.write()
	text, err := os.ReadFile(clock)
	w.must(err)
	ahead, err := time.ParseDuration(string(text))
	w.must(err)
	now := time.Now().Add(ahead).In(status.London()).Format("2006-01-02T15:04:05")
	w.must(w.mis.Run(w.ctx, "INSERT INTO dbo.CopyLog (FinishedAt) VALUES ('"+now+"')"))
}

type schoolStatus struct {
	ID string `json:"id"`
	AM struct {
		Status status.Word `json:"status"`
		Owner  string      `json:"who_acts"`
		Next   string      `json:"next_step"`
	} `json:"am"`
	Children int `json:"children"`
	Left     int `json:"left"`
	Refused  int `json:"refused"`
	Holds    []struct {
		Code string       `json:"code"`
		Why  protocol.Why `json:"why"`
		Gone int          `json:"gone"`
		Of   int          `json:"of"`
	} `json:"holds"`
}

func (w *world) status() schoolStatus {
	w.t.Helper()
	out, err := w.collector.Try(w.ctx, "status", "--json")
	w.must(err)
	var all struct {
		Schools []schoolStatus `json:"schools"`
	}
	w.must(json.Unmarshal([]byte(out.Stdout), &all))
	if len(all.Schools) != 1 {
		w.t.Fatalf("the collector lists %d schools, want 1", len(all.Schools))
	}
	return all.Schools[0]
}

// word waits until the morning's word is this one.
func (w *world) word(want status.Word) {
	w.t.Helper()
	w.must(stack.Await(w.ctx, "the school to be shown as "+string(want), func() (bool, error) {
		got := w.status().AM
		if got.Status != want {
			return false, wordError(got.Status)
		}
		return true, nil
	}))
}

type wordError status.Word

func (e wordError) Error() string { return "it is shown as " + string(e) }

// stopAndGoOn pauses: nothing is read, the queue stays, the pause is seen.
func (w *world) stopAndGoOn(clock string) {
	w.t.Helper()
	_, err := w.agent.Command(w.ctx, "pause", "--until", "48h")
	w.must(err)
	w.must(w.school.ChangeMark(w.school.LookedAfter()[0].ID, w.school.Today(), demoschool.AM, "M"))
	w.writeAt(clock)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 || !strings.Contains(strings.ToLower(r.Stdout+r.Stderr), "paused") {
		w.t.Errorf("a sync while paused ended with code %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	_, err = w.agent.Start(w.ctx)
	w.must(err)
	w.word(status.Paused)
	w.must(w.agent.Close())
	_, err = w.agent.Command(w.ctx, "resume")
	w.must(err)
	w.sync()
	w.word(status.Received)
}

// massDisappearance takes most pupils out of care at once: nothing is removed
// until a person at the school says yes to exactly this.
func (w *world) massDisappearance(clock string) {
	w.t.Helper()
	before, err := w.collector.Records(w.ctx, schoolID)
	w.must(err)
	all := w.school.LookedAfter()
	for _, p := range all[1:] {
		w.must(w.school.LeaveCare(p.ID, w.school.Today()))
	}
	w.writeAt(clock)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	w.word(status.Held)
	held, err := w.collector.Records(w.ctx, schoolID)
	w.must(err)
	if len(held) != len(before) {
		w.t.Errorf("records were removed although nobody said yes: %d before, %d after", len(before), len(held))
	}
	holds := w.status().Holds
	if len(holds) == 0 {
		w.t.Fatalf("the operator is shown no hold; the agent said:\n%s%s", r.Stdout, r.Stderr)
	}
	args := []string{"sync"}
	for _, h := range holds {
		if !strings.Contains(r.Stdout+r.Stderr, h.Code) {
			w.t.Errorf("the agent does not show the code of a hold of %d of %d:\n%s%s", h.Gone, h.Of, r.Stdout, r.Stderr)
		}
		args = append(args, "--release", h.Code)
	}
	_, err = w.agent.Command(w.ctx, args...)
	w.must(err)
	w.same()
	w.word(status.Received)
	if got := w.status(); got.Left < len(all)-1 || got.Children != 1 {
		w.t.Errorf("%d children are shown and %d as having left the list, want 1 and at least %d", got.Children, got.Left, len(all)-1)
	}
	w.sound()
}

// revoke stops for good with the collector away; the collector learns later.
func (w *world) revoke(code string) {
	w.t.Helper()
	w.must(w.collector.Close())
	r, err := w.agent.Try(w.ctx, "revoke", "--yes")
	w.must(err)
	for _, gone := range []string{"state.db", "identity", "control.sock"} {
		if _, err := os.Lstat(filepath.Join(w.agent.Dir, gone)); !os.IsNotExist(err) {
			w.t.Errorf("%s is left after a revoke (%v):\n%s%s", gone, err, r.Stdout, r.Stderr)
		}
	}
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	_, err = w.agent.Start(w.ctx)
	w.must(err)
	w.word(status.Stopped)
	w.must(w.agent.Close())
	if r, err := w.agent.Try(w.ctx, "sync"); err != nil || r.Code == 0 {
		w.t.Errorf("a sync after a revoke ended with code %d (%v)", r.Code, err)
	}
	if _, err := w.agent.Command(w.ctx, "log", "--verify"); err != nil {
		w.t.Errorf("the logbook that the school keeps does not verify: %v", err)
	}
	if r, err := w.agent.Try(w.ctx, "enrol", code, "--accept"); err != nil || r.Code == 0 {
		w.t.Errorf("the used code enrolled a revoked school again: code %d (%v)", r.Code, err)
	}
}
