//go:build testclock

package clock

import (
	"os"
	"strings"
	"time"
)

// A test moves the clock by rewriting the file, so waits look often.
const longestWait = 20 * time.Millisecond

const (
	variable = "ROLLBRIDGE_TEST_CLOCK"
	// limits is read by agent/supervise: how long things may take there.
	limits = "ROLLBRIDGE_TEST_CLOCK_LIMITS"
)

// Variables are the environment variables that test builds read beside the
// settings.
func Variables() []string { return []string{variable, limits} }

// Now is the time in the file that ROLLBRIDGE_TEST_CLOCK names (RFC 3339, or
// an offset to the system's clock such as +72h), or the system's time when the
// variable is not set. A file that cannot be read is a broken test: it panics.
func Now() time.Time {
	name := os.Getenv(variable)
	if name == "" {
		return time.Now()
	}
	data, err := os.ReadFile(name)
	if err != nil {
		panic("test clock: " + err.Error())
	}
	text := strings.TrimSpace(string(data))
	if offset, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(offset)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic("test clock: " + err.Error())
	}
	return t
}
