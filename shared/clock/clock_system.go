//go:build !testclock

package clock

import "time"

const longestWait = time.Hour

// Now is the present time.
func Now() time.Time { return time.Now() }
