// Package clock tells the time of day to everything that decides by it:
// schedules, expiries, retention, the status of a session.
//
// In a release it is the system's clock and nothing else. A build with the tag
// testclock reads it from the file named by ROLLBRIDGE_TEST_CLOCK, so that
// tests of real processes can show 72 hours, day 30 and wrong clocks; that seam
// is not compiled into releases. Durations that must not follow a stepping
// clock (back-off, probation) use time.Now's monotonic reading instead.
package clock
