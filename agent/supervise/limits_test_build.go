//go:build testclock

package supervise

import (
	"os"
	"strings"
	"time"
)

const limitsVariable = "ROLLBRIDGE_TEST_CLOCK_LIMITS"

// inForce are the limits, those shortened that the variable names, as
// "probation=3s beat=100ms". A mistake in it is a broken test: it panics.
func inForce() limits {
	l := released
	named := map[string]*time.Duration{
		"ready": &l.ready, "patience": &l.patience, "probation": &l.probation, "silence": &l.silence,
		"unchecked": &l.unchecked, "look": &l.look, "beat": &l.beat, "keep": &l.keep,
	}
	for _, pair := range strings.Fields(os.Getenv(limitsVariable)) {
		name, value, _ := strings.Cut(pair, "=")
		d, err := time.ParseDuration(value)
		if named[name] == nil || err != nil {
			panic(limitsVariable + ": " + pair)
		}
		*named[name] = d
	}
	return l
}
