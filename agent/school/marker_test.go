package school

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/settings"
	"rollbridge/shared/clock"
)

func TestPauseMarker(t *testing.T) {
	dir := t.TempDir()
	if _, yes := Paused(dir); yes {
		t.Error("an empty directory pauses")
	}
	until := clock.Now().Add(time.Hour).UTC().Truncate(time.Second)
	if err := SetPause(dir, until); err != nil {
		t.Fatal(err)
	}
	if p, yes := Paused(dir); !yes || !p.Until.Equal(until) {
		t.Errorf("%+v %v", p, yes)
	}
	if err := SetPause(dir, clock.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, yes := Paused(dir); yes {
		t.Error("a pause goes on after its end")
	}
	// A marker that a person made by hand, or that is damaged, still pauses.
	for _, content := range []string{"", "{", `{"until": 7}`} {
		if err := os.WriteFile(filepath.Join(dir, pausedName), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, yes := Paused(dir); !yes {
			t.Errorf("the marker %q does not pause", content)
		}
	}
	if there, err := EndPause(dir); !there || err != nil {
		t.Errorf("%v %v", there, err)
	}
	if there, err := EndPause(dir); there || err != nil {
		t.Errorf("a second end: %v %v", there, err)
	}
}

func TestRevokedMarkerKeepsItsReason(t *testing.T) {
	dir := t.TempDir()
	for _, reason := range []string{"ended", ""} {
		if err := SetRevoked(dir, reason); err != nil {
			t.Fatal(err)
		}
	}
	if stop, yes := Revoked(dir); !yes || stop.Reason != "ended" {
		t.Errorf("%+v %v", stop, yes)
	}
	if st := StatusWithout(dir); st.State != Stopped || st.Next == "" {
		t.Errorf("%+v", st)
	}
}

func TestLockIsHeldOnce(t *testing.T) {
	dir := t.TempDir()
	first, err := LockState(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockState(t.Context(), dir, 0); KindOf(err) != Refused {
		t.Errorf("a second holder: %v", err)
	}
	first.Release()
	first.Release()
	again, err := LockState(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
}

// A revoke in a directory whose state is lost still leaves nothing behind.
func TestFinishRevokeOfDamagedState(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(statePath(dir), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := SetRevoked(dir, ""); err != nil {
		t.Fatal(err)
	}
	if !Unfinished(dir) {
		t.Error("an unfinished revoke is not noticed")
	}
	set := settings.Defaults()
	set.DataDir = dir
	if err := FinishRevoke(t.Context(), set, true, 0); err == nil || !strings.Contains(err.Error(), "phone") {
		t.Errorf("nobody is told to phone the operator: %v", err)
	}
	if Unfinished(dir) || HasState(dir) {
		t.Error("state is left")
	}
	if err := DeliverRevoke(t.Context(), dir, slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("nothing to deliver: %v", err)
	}
}

// The word of a person is never taken back by a move, or by what the collector
// says, at the same moment.
func TestNoStopReplacesAnother(t *testing.T) {
	dir := t.TempDir()
	if err := SetRevoked(dir, ""); err != nil {
		t.Fatal(err)
	}
	if err := SetStop(dir, Stop{At: clock.Now(), Reason: ReasonMoved}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the marker of a move took the place of a revoke: %v", err)
	}
	if stop, revoked := Revoked(dir); !revoked || stop.Reason != "" {
		t.Errorf("%+v %v", stop, revoked)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A revoke that waits for the lock of a new enrolment has nothing to end, and no
// process either.
func TestFinishRevokeBesideANewEnrolment(t *testing.T) {
	set := settings.Defaults()
	set.DataDir = t.TempDir()
	lock, err := LockState(t.Context(), set.DataDir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if err := FinishRevoke(t.Context(), set, false, 0); err != nil {
		t.Error(err)
	}
}
