package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/agent/control"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/shared/clock"
)

func (p *program) pause() *cobra.Command {
	var until string
	c := &cobra.Command{
		Use:   "pause",
		Short: "Stop reading for a while; keep the queue",
		Long: `Nothing is read or sent until resume, or until the day or time given; check-ins go on, so
that the authority sees "Paused by school". It works at once, whatever state the service is
in, and needs no network.`,
		Example: `  rollbridge-agent pause --until 2027-01-05
  rollbridge-agent pause --until 36h`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			end, err := pauseEnd(until, clock.Now())
			if err != nil {
				return err
			}
			set, err := p.settings()
			if err != nil {
				return err
			}
			if err := enrolledHere(set.DataDir); err != nil {
				return err
			}
			if err := school.SetPause(set.DataDir, end); err != nil {
				return readable(err)
			}
			p.notePause(c.Context(), set, true)
			if end.IsZero() {
				p.printf("Paused until `rollbridge-agent resume`.\n")
			} else {
				p.printf("Paused until %s.\n", when(end))
			}
			return nil
		},
	}
	c.Flags().StringVar(&until, "until", "", "a `day` (2027-01-05), a time (2027-01-05T08:00:00Z) or how long (90m, 36h, 3d)")
	return c
}

// pauseEnd reads --until; a day ends the pause as it begins in England.
func pauseEnd(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	london, err := time.LoadLocation(clock.Location)
	if err != nil {
		return time.Time{}, fmt.Errorf("load the time zone: %w", err)
	}
	end, err := time.ParseInLocation("2006-01-02", text, london)
	if err != nil {
		end, err = time.Parse(time.RFC3339, text)
	}
	if days, found := strings.CutSuffix(text, "d"); err != nil && found {
		if n, numErr := strconv.Atoi(days); numErr == nil && n > 0 && n <= 366 {
			end, err = now.AddDate(0, 0, n), nil
		}
	}
	if err != nil {
		var d time.Duration
		if d, err = time.ParseDuration(text); err == nil {
			end = now.Add(d)
		}
	}
	if err != nil {
		return time.Time{}, usageError{errors.New("--until must be a day such as 2027-01-05, a time such as 2027-01-05T08:00:00Z, or how long, such as 36h or 3d")}
	}
	if !end.After(now) {
		return time.Time{}, usageError{errors.New("--until lies in the past")}
	}
	return end.UTC().Truncate(time.Second), nil
}

func (p *program) resume() *cobra.Command {
	return &cobra.Command{
		Use:   "resume",
		Short: "End a pause",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			there, err := school.EndPause(set.DataDir)
			if err != nil {
				return readable(err)
			}
			if !there {
				p.printf("There was no pause.\n")
				return nil
			}
			p.notePause(c.Context(), set, false)
			p.printf("Resumed.\n")
			return nil
		},
	}
}

// notePause has the logbook say what the marker has already done; that it
// cannot be said now undoes nothing.
func (p *program) notePause(ctx context.Context, set settings.Settings, paused bool) {
	_, err := either(ctx, set, askPaused, paused, func(s *school.School) (bool, error) { return true, s.NotePause(paused) })
	if err != nil {
		p.note("Done, but the logbook could not be told: %v", err)
	}
}

func enrolledHere(dir string) error {
	_, revoked := school.Revoked(dir)
	if _, there := school.Enrolled(dir); revoked || !there {
		return &school.Fault{Kind: school.Refused, Text: school.StatusWithout(dir).Next}
	}
	return nil
}

// silence is how long the service may leave a revoke unanswered before the
// command does it by itself (design.md §4).
const silence = 5 * time.Second

func (p *program) revoke() *cobra.Command {
	var yes, deleteLogbook bool
	c := &cobra.Command{
		Use:   "revoke",
		Short: "Stop for good: destroy keys and queue and tell the collector",
		Long: `Reading stops at once. One signed message for the collector is made, then queue and keys are
destroyed; nothing on this machine can send again. The message is delivered when the
collector can be reached, by the service or by running this command again; after that
nothing is sent from here. The logbook stays, with its key, unless --delete-logbook is
given; so do the settings. It needs no network and nobody's permission, and cannot be
undone. After 30 days ` + "`rollbridge-agent certificate`" + ` has the collector's proof that everything
is destroyed there.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			return p.revokeNow(c.Context(), set, yes, deleteLogbook)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&deleteLogbook, "delete-logbook", false, "destroy the logbook too, the school's own proof of what left")
	return c
}

func (p *program) revokeNow(ctx context.Context, set settings.Settings, yes, deleteLogbook bool) error {
	dir := set.DataDir
	stop, revoked := school.Revoked(dir)
	if revoked && stop.Reason == school.ReasonMoved {
		return &school.Fault{Kind: school.Refused, Text: school.StatusWithout(dir).Next + "; to revoke, run the command there"}
	}
	if !revoked {
		if err := enrolledHere(dir); err != nil {
			if readErr := checkReadable(dir); readErr != nil {
				return readErr
			}
			if !school.HasState(dir) {
				return err
			}
		}
		if !yes && !p.yes("This cannot be undone. Stop for good and destroy the agent's keys and queue?") {
			return &school.Fault{Kind: school.Refused, Text: "nothing was revoked: answer yes, or give --yes"}
		}
	}
	if !revoked || deleteLogbook {
		// Where the disk is too full for the wish, what is destroyed makes room for it.
		err := school.SetOwnRevoke(dir, deleteLogbook)
		if _, there := school.Revoked(dir); err != nil && !(there && school.HasState(dir)) {
			return readable(err)
		}
	}
	if !revoked || school.Unfinished(dir) {
		if err := p.destroy(ctx, set, deleteLogbook); err != nil {
			return err
		}
		// Another command may have come in between.
		switch stop, revoked := school.Revoked(dir); {
		case !revoked:
			return &school.Fault{Kind: school.Refused, Text: "a new enrolment was made at the same moment, and nothing of it was revoked: if it is to stop too, run the command again"}
		case stop.Reason == school.ReasonMoved:
			return &school.Fault{Kind: school.Refused, Text: school.StatusWithout(dir).Next + "; to revoke, run the command there"}
		}
		p.printf("Nothing is read or sent from here any more; keys and queue are destroyed.\n")
		p.printf("The settings stay as they are: take away the account that they name at the MIS.\n")
	} else {
		p.printf("This school was revoked before.\n")
	}
	return p.deliverRevoke(ctx, set)
}

// destroy lets the service do it, or does it under the state lock.
func (p *program) destroy(ctx context.Context, set settings.Settings, deleteLogbook bool) error {
	var done bool
	err := control.NewClient(set.DataDir).Call(ctx, askRevoke, silence, deleteLogbook, &done)
	if err == nil {
		return nil
	}
	// Whatever the service said: what counts is that keys and queue are gone.
	// Whoever holds them obeys the marker within a second, unless it hangs.
	const longest = 10 * time.Second
	return school.FinishRevoke(ctx, set, deleteLogbook, longest)
}

func (p *program) deliverRevoke(ctx context.Context, set settings.Settings) error {
	if !school.RevokeWaits(set.DataDir) {
		return nil
	}
	const longest = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	switch err := school.DeliverRevoke(ctx, set.DataDir, p.logger(settings.Log{Level: "error"})); {
	case errors.Is(err, school.ErrNotEntered):
		p.note("%v", readable(err))
		return nil
	case err != nil:
		p.note("The collector has not been told yet: %v", err)
		p.note("The service goes on delivering it; without a service run `rollbridge-agent revoke` again when there is a network.")
		return nil
	}
	p.printf("The collector has the revoke.\n")
	return nil
}
