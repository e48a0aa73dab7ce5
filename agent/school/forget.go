package school

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/outbox"
)

// OldLogbooks is the pattern of the names of logbooks of earlier enrolments.
const OldLogbooks = "logbook-until-*.jsonl"

// Forget takes everything of an enrolment away from this machine, as for an
// image that is to have none: keys, queue, state, markers and every logbook.
// Nothing is said to the collector, so where it has heard from this agent, or a
// revoke has not reached it, that is refused unless sure. Settings stay, and so
// does every file that is not the agent's. Done again it finishes what was cut
// off. It needs no network; the service must have let go of the school.
func Forget(ctx context.Context, dir string, sure bool, patience time.Duration) error {
	lock, err := LockState(ctx, dir, patience)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	defer lock.Release()
	if !sure {
		if why := missed(dir); why != "" {
			return refused(why)
		}
	}
	old, err := filepath.Glob(filepath.Join(dir, OldLogbooks))
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	errs := []error{eraseState(dir), EraseLogbook(dir)}
	for _, path := range old {
		errs = append(errs, os.Remove(path))
	}
	// The markers go last: as long as they are there, nothing is read or sent.
	errs = append(errs, eraseFiles(dir, remainsName, revokedName))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("forget: %w: run the same command again when it is put right", err)
	}
	return nil
}

// missed says who would miss what is forgotten, "" for nobody.
func missed(dir string) string {
	const instead = "to forget it all the same, and without a word to the collector, give --yes"
	if RevokeWaits(dir) {
		return "the collector has not yet been told that this school revoked, and would never hear it: let the service deliver it, or run `rollbridge-agent revoke` again when there is a network; " + instead
	}
	if _, revoked := Revoked(dir); revoked || !HasState(dir) {
		return ""
	}
	box, err := outbox.Open(dir, nil, outbox.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return "what is known of the collector cannot be read, so it is not known whether it has heard from this agent; " + instead
	}
	facts, err := box.Facts()
	head, headErr := box.Head()
	if err = errors.Join(err, headErr, box.Close()); err != nil {
		return "what is known of the collector cannot be read, so it is not known whether it has heard from this agent; " + instead
	}
	switch {
	case head.Sequence > 0:
		return "this agent has sent data: the collector would keep them and see silence, and the logbook, the school's proof of what left, would be gone. To stop for good use `rollbridge-agent revoke`, to go on elsewhere `rollbridge-agent move`; " + instead
	case facts.Enrolled:
		return "the collector knows this agent and would see silence: the code is used, and the school needs a new one. To stop for good use `rollbridge-agent revoke`, to go on elsewhere `rollbridge-agent move`; " + instead
	}
	return ""
}
