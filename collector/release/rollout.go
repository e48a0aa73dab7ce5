package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	signed "rollbridge/shared/release"
)

// Promote lets a version go to a ring, to so many percent of it. It checks only that
// it is released; whether the ring before is content, Judge says.
func (r *Repository) Promote(ctx context.Context, now time.Time, o Online, version string, ring signed.Ring, percent int, reason string) error {
	if ring != signed.Early && ring != signed.General {
		return refuse("%q is no ring: give early or general", ring)
	}
	if percent < 0 || percent > 100 {
		return refuse("%d is no percentage: give 0 to 100", percent)
	}
	act := fmt.Sprintf("promote to %s %d %%", ring, percent)
	return r.change(ctx, now, o, act, version, reason, func(c *current) error {
		if err := c.known(version); err != nil {
			return err
		}
		s := signed.Stage{Ring: ring, Percent: percent, Since: now.UTC().Truncate(time.Second), Paused: c.stages.Stages[version].Paused}
		if s.Paused {
			return refuse("%s is paused: let it go on with `release resume %s` first", version, version)
		}
		c.stages.Stages[version] = s
		return nil
	})
}

// Pause holds a version back, or all with an empty one. Agents that have it keep it.
func (r *Repository) Pause(ctx context.Context, now time.Time, o Online, version, reason string) error {
	return r.setPaused(ctx, now, o, "pause", version, reason, true)
}

// Resume ends a pause.
func (r *Repository) Resume(ctx context.Context, now time.Time, o Online, version, reason string) error {
	return r.setPaused(ctx, now, o, "resume", version, reason, false)
}

func (r *Repository) setPaused(ctx context.Context, now time.Time, o Online, act, version, reason string, paused bool) error {
	return r.change(ctx, now, o, act, version, reason, func(c *current) error {
		if version == "" {
			c.stages.Paused = paused
			return nil
		}
		if err := c.known(version); err != nil {
			return err
		}
		s, staged := c.stages.Stages[version]
		if !staged {
			return refuse("%s goes to nobody yet, so there is nothing to %s: see `release promote`", version, act)
		}
		s.Paused = paused
		c.stages.Stages[version] = s
		return nil
	})
}

func (r *Repository) change(ctx context.Context, now time.Time, o Online, act, version, reason string, f func(*current) error) error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := r.finished()
	if err != nil {
		return err
	}
	if err := f(c); err != nil {
		return err
	}
	if err := r.again(ctx, c, c.stages, now, o); err != nil {
		return err
	}
	return r.note(now, act, version, reason)
}

// known refuses a version that is not released.
func (c *current) known(version string) error {
	var list []string
	for _, f := range files(c.targets) {
		if f.Version == version {
			return nil
		}
		if !slices.Contains(list, f.Version) {
			list = append(list, f.Version)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return signed.Compare(b, a) })
	if len(list) == 0 {
		return refuse("nothing is released yet: see `release add`")
	}
	return refuse("%s is not released; there are %s", version, strings.Join(list[:min(len(list), 10)], ", "))
}

// Bounds of what is judged.
const (
	// enough of the ring before must have a version, in percent.
	enough = 98
	// silence after which an agent counts no more: a school's server may be off for
	// the holidays.
	silence = 14 * day
	// FrozenAfter is how far an agent's newest metadata may lie behind.
	FrozenAfter = 3 * day
)

// A Program is what an agent says of itself.
type Program struct {
	School  string
	Version string
	Ring    signed.Ring
	Heard   time.Time
	// Off says that the agent looks for no updates.
	Off bool
	// Metadata is the newest version of the timestamp that it has proved.
	Metadata int64
	Skipped  []Skip
}

// A Skip is a version that failed at an agent.
type Skip struct {
	Version string
	Reason  string
	Since   time.Time
}

// reasonHere is the agent's word that the version before failed as well, so that the
// fault is the computer's.
const reasonHere = "here"

// recent says whether an agent was heard lately enough to count.
func (p Program) recent(now time.Time) bool { return now.Sub(p.Heard) <= silence }

// Judge says what speaks against letting a version go to a ring; nothing is that it
// may.
func Judge(list []Program, version string, to signed.Ring, now time.Time) (against []string) {
	early, have := 0, 0
	for _, p := range list {
		for _, s := range p.Skipped {
			if s.Version == version && p.Version != version && s.Reason != reasonHere {
				against = append(against, fmt.Sprintf("The agent of %s returned from %s (%s).", p.School, version, s.Reason))
			}
		}
		if p.Ring != signed.Early || p.Off || !p.recent(now) {
			continue
		}
		early++
		if signed.Compare(p.Version, version) >= 0 {
			have++
		}
	}
	switch {
	case to != signed.General:
	case early == 0:
		against = append(against, fmt.Sprintf("No agent of the early ring was heard in %d days, so nobody has tried %s.", int(silence/day), version))
	case have*100 < early*enough:
		against = append(against, fmt.Sprintf("%d of %d agents of the early ring have %s, and %d %% must.", have, early, version, enough))
	}
	return against
}
