package school_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/agent/enrol"
	"rollbridge/agent/school"
	"rollbridge/shared/protocol"
)

// The service looks for a revoke to finish while a new enrolment is being made
// in the same directory: what it finds then is not what was revoked.
func TestNewEnrolmentIsNotRevoked(t *testing.T) {
	w := enrolledWorld(t)
	must(t, w.school.Close())
	must(t, school.SetRevoked(w.set.DataDir, ""))
	lock, err := school.LockState(t.Context(), w.set.DataDir, 0)
	must(t, err)
	finished := make(chan error, 1)
	go func() { finished <- school.FinishRevoke(t.Context(), w.set, false, time.Minute) }()
	// As enrol ends: the old marker goes, then the lock.
	must(t, school.ClearRevoked(w.set.DataDir))
	lock.Release()
	must(t, <-finished)
	if !school.HasState(w.set.DataDir) || school.RevokeWaits(w.set.DataDir) {
		t.Error("the new enrolment was destroyed by the old revoke")
	}
}

// An enrolment that was cut off before the old marker went has sent nothing,
// and the service may end it at any moment: it is begun anew.
func TestEnrolmentCutOffBeforeTheOldMarkerWent(t *testing.T) {
	w := newWorld(t)
	k := code(t, w.collector)
	offer, err := enrol.Ask(t.Context(), w.set, k)
	must(t, err)
	e, err := offer.Accept(t.Context(), w.set, nil)
	must(t, err)
	must(t, e.Close())
	must(t, school.SetRevoked(w.set.DataDir, ""))
	if again, err := enrol.Find(t.Context(), w.set, k, nil); err != nil || again != nil {
		t.Fatalf("the cut off enrolment goes on (%v), %v", again != nil, err)
	}
	e, err = offer.Accept(t.Context(), w.set, nil)
	must(t, err)
	decided, err := e.Await(t.Context(), func() error { return nil })
	must(t, err)
	must(t, e.Close())
	if _, revoked := school.Revoked(w.set.DataDir); revoked || !decided {
		t.Errorf("decided %v, revoked %v", decided, revoked)
	}
	if n := w.posts[protocol.MessageRevoke]; n > 0 {
		t.Errorf("%d revokes were sent", n)
	}
}

// What a crash left of a secret that was being written goes with the others.
func TestRevokeLeavesNoUnfinishedSecret(t *testing.T) {
	w := enrolledWorld(t)
	left := filepath.Join(w.set.DataDir, ".secret-123")
	must(t, os.WriteFile(left, []byte("half a revocation code"), 0o600))
	must(t, w.school.Revoke(t.Context(), false))
	if _, err := os.Lstat(left); !os.IsNotExist(err) {
		t.Errorf("it is left: %v", err)
	}
}
