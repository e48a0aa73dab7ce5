package hosted

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"rollbridge/shared/protocol"
)

var holdForm = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{8}$`)

// GoodHold says whether a text has the form of a hold's code.
func GoodHold(code string) bool { return holdForm.MatchString(code) }

// Held is the hold of a code.
func (s Status) Held(code string) (protocol.Hold, bool) {
	at := slices.IndexFunc(s.Holds, func(h protocol.Hold) bool { return h.Code == code })
	if at < 0 {
		return protocol.Hold{}, false
	}
	return s.Holds[at], true
}

// Release says yes to exactly what a safety stop holds under a code, and reads and seals
// anew. It is done where the agent does not hold it any more, however the command ended:
// something else may be held still, or the collector be away, whose turn comes later.
func (a *Agents) Release(ctx context.Context, school, code string) error {
	if !GoodHold(code) {
		return &Fault{Changed, "what was shown has no code"}
	}
	before, err := a.Status(ctx, school)
	if err != nil {
		return err
	}
	hold, held := before.Held(code)
	if !held || !hold.Reason().Releasable() {
		return &Fault{Changed, "what was shown is not held any more, or cannot be released"}
	}
	ctx = context.WithoutCancel(ctx)
	err = a.do(ctx, school, readTime, "sync", "--release", code)
	if err == nil {
		return nil
	}
	after, failed := a.Status(ctx, school)
	if failed != nil {
		return errors.Join(err, failed)
	}
	if _, held := after.Held(code); held {
		return err
	}
	// Other records have another code: the yes was not to them.
	if slices.ContainsFunc(after.Holds, func(h protocol.Hold) bool {
		return h.Dataset == hold.Dataset && h.Authority == hold.Authority && h.Reason() == hold.Reason()
	}) {
		return &Fault{Changed, "what is held now is not what was shown"}
	}
	return nil
}
