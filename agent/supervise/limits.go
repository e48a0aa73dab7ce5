package supervise

import "time"

// limits are how long things may take. All but keep are measured by monotonic
// time, and time that the computer slept or stood still does not count.
type limits struct {
	// ready is how long a version on probation may take until it says so; patience
	// is that of a version in force, which nothing better could take the place of.
	ready, patience time.Duration
	// probation is how long a new version must live at a stretch.
	probation time.Duration
	// silence is how long a worker need not say that it is alive.
	silence time.Duration
	// unchecked is how long an updater need not turn.
	unchecked time.Duration
	// look is how often the wish and these limits are looked at, beat how often a
	// worker says that it is alive.
	look, beat time.Duration
	// keep is how long a version that was in force is kept beyond its time.
	keep time.Duration
}

var released = limits{
	ready: 90 * time.Second, patience: 10 * time.Minute,
	probation: 10 * time.Minute, silence: 3 * time.Minute, unchecked: 25 * time.Hour,
	look: 5 * time.Second, beat: 30 * time.Second, keep: 7 * 24 * time.Hour,
}

// Beat is how often a worker says that it is alive.
func Beat() time.Duration { return inForce().beat }
