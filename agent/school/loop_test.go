package school

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
)

// A day is a school whose duties only note when they were done.
type day struct {
	condition
	syncs, delivers, checkins []time.Time
	syncErr, deliverErr       error
	checkinErr                error
}

// spend runs a loop on the day for a while of bubble time.
func (d *day) spend(t *testing.T, while time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	l := &loop{
		duties: duties{
			sync: func(context.Context) (bool, error) {
				d.syncs = append(d.syncs, clock.Now())
				if KindOf(d.syncErr) == MIS {
					return false, d.syncErr
				}
				d.lastRead = clock.Now()
				if d.syncErr == nil {
					d.received = clock.Now()
				}
				return true, d.syncErr
			},
			deliver: func(context.Context) (int, error) {
				d.delivers = append(d.delivers, time.Now())
				return 0, d.deliverErr
			},
			checkin: func(context.Context) error { d.checkins = append(d.checkins, time.Now()); return d.checkinErr },
			look:    func() (condition, error) { return d.condition, nil },
		},
		table: Timetable{Minutes: []int{9*60 + 30, 13*60 + 45}, Place: london},
		log:   slog.New(slog.DiscardHandler),
	}
	if err := l.run(ctx); err != nil {
		t.Error(err)
	}
}

// The bubble begins at midnight UTC on 1 January 2000.
func TestSyncsAtTheExpectedTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{condition: condition{lastRead: time.Now()}}
		d.spend(t, 72*time.Hour)
		if len(d.syncs) != 6 {
			t.Fatalf("%d syncs in three days, want 6: %v", len(d.syncs), d.syncs)
		}
		for i, at := range d.syncs {
			due := time.Date(2000, 1, 1+i/2, 9, 30, 0, 0, time.UTC)
			if i%2 == 1 {
				due = time.Date(2000, 1, 1+i/2, 13, 45, 0, 0, time.UTC)
			}
			if at.Before(due) || at.Sub(due) > 10*time.Minute {
				t.Errorf("sync %d at %s, want within ten minutes of %s", i, at, due)
			}
		}
		// 48 half hours a day, one more soon after each sync at most.
		if n := len(d.checkins); n < 3*48 || n > 3*48*11/10+8 {
			t.Errorf("%d check-ins in three days", n)
		}
	})
}

func TestChecksInAMinuteAfterASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{condition: condition{lastRead: time.Now()}}
		d.spend(t, 10*time.Hour)
		if len(d.syncs) != 1 {
			t.Fatalf("%d syncs", len(d.syncs))
		}
		for _, at := range d.checkins {
			if after := at.Sub(d.syncs[0]); after > 0 && after <= time.Minute+time.Second {
				return
			}
		}
		t.Errorf("no check-in in the minute after the sync at %s: %v", d.syncs[0], d.checkins)
	})
}

// A machine that was off at the expected time catches up.
func TestMissedSyncIsMadeSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{}
		d.spend(t, 2*time.Minute)
		if len(d.syncs) != 1 {
			t.Errorf("%d syncs, want one", len(d.syncs))
		}
	})
}

func TestPauseOnlyChecksIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{condition: condition{paused: true, waiting: 3, full: true}}
		d.spend(t, 24*time.Hour)
		if len(d.syncs)+len(d.delivers) > 0 || len(d.checkins) < 48 {
			t.Errorf("paused: %d syncs, %d deliveries, %d check-ins", len(d.syncs), len(d.delivers), len(d.checkins))
		}
	})
}

func TestNothingIsReadWhileUndecidedOrStopped(t *testing.T) {
	for name, c := range map[string]condition{"undecided": {deciding: true, asking: true}, "stopped": {stopped: true, waiting: 2}} {
		synctest.Test(t, func(t *testing.T) {
			d := &day{condition: c}
			d.spend(t, 24*time.Hour)
			if len(d.syncs) > 0 {
				t.Errorf("%s: %d syncs", name, len(d.syncs))
			}
			if name == "stopped" && len(d.delivers) > 0 {
				t.Errorf("%s: %d deliveries", name, len(d.delivers))
			}
			// Every 15 seconds in the first hour while somebody waits for it.
			if early := len(d.checkins); name == "undecided" && (early < 240 || early > 320) {
				t.Errorf("%s: %d check-ins", name, early)
			}
		})
	}
}

// The queue is tried for as long as it takes, with growing pauses.
func TestDeliversWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{condition: condition{lastRead: time.Now(), waiting: 1}, deliverErr: &uplink.Fault{Kind: uplink.NoAnswer}}
		d.spend(t, 7*24*time.Hour)
		if n := len(d.delivers); n < 7*96 || n > 7*96*3/2 {
			t.Errorf("%d tries in a week, want about one each quarter of an hour", n)
		}
		var last time.Duration
		for i := 1; i < 5; i++ {
			gap := d.delivers[i].Sub(d.delivers[i-1])
			if gap < last || gap > 11*time.Second<<i {
				t.Errorf("pause %d is %s after one of %s", i, gap, last)
			}
			last = gap
		}
	})
}

// The collector's signed "not before" is kept.
func TestLaterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{condition: condition{lastRead: time.Now(), waiting: 1}, deliverErr: &Later{Why: protocol.LaterBusy, After: time.Hour}}
		d.spend(t, 6*time.Hour)
		if n := len(d.delivers); n < 4 || n > 6 {
			t.Errorf("%d tries in six hours though the collector asked for an hour each", n)
		}
	})
}

func TestFailedReadIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{syncErr: &mis.Error{Problem: protocol.ProblemMISDown, Text: "away"}}
		d.spend(t, 4*time.Hour)
		if n := len(d.syncs); n < 15 || n > 30 {
			t.Errorf("%d reads in four hours", n)
		}
	})
}

// A read whose batch waits, for the network or for a person, is not made again:
// the batch is safe, and another one would only make the queue longer.
func TestSealedIsNoFailedRead(t *testing.T) {
	for name, why := range map[string]error{
		"unreachable":                          &uplink.Fault{Kind: uplink.NoListener},
		"keyring expired, agent unknown there": refused("no"),
		"logbook not written":                  errors.New("no"),
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &day{syncErr: why}
			d.spend(t, 8*time.Hour)
			if len(d.syncs) != 1 {
				t.Errorf("%s: %d reads, want one", name, len(d.syncs))
			}
		})
	}
}

// A receipt that a command beside the service got counts too.
func TestChecksInAMinuteAfterACommandsReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &day{condition: condition{lastRead: time.Now()}}
		begun := time.Now()
		time.AfterFunc(5*time.Minute, func() { d.received = begun })
		d.spend(t, 10*time.Minute)
		if n := len(d.checkins); n != 2 || d.checkins[1].Sub(begun) < 6*time.Minute || d.checkins[1].Sub(begun) > 6*time.Minute+time.Second {
			t.Errorf("check-ins at %v, want the second a minute after the receipt", d.checkins)
		}
	})
}

func TestRunEndsWhenRevoked(t *testing.T) {
	l := &loop{duties: duties{look: func() (condition, error) { return condition{}, ErrOver }}, log: slog.New(slog.DiscardHandler)}
	if err := l.run(t.Context()); !errors.Is(err, ErrOver) {
		t.Errorf("got %v", err)
	}
}

func TestTimetable(t *testing.T) {
	table := Timetable{Minutes: []int{90, 570}, Place: london}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ now, next, last string }{
		{"2026-01-15T09:29:00Z", "2026-01-15T09:30:00Z", "2026-01-15T01:30:00Z"},
		{"2026-01-15T09:30:00Z", "2026-01-16T01:30:00Z", "2026-01-15T09:30:00Z"},
		{"2026-07-15T08:29:00Z", "2026-07-15T08:30:00Z", "2026-07-15T00:30:00Z"}, // summer time
		{"2026-12-31T23:00:00Z", "2027-01-01T01:30:00Z", "2026-12-31T09:30:00Z"},
		// 01:30 does not exist on the night the clocks go forward.
		{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-28T09:30:00Z"},
	} {
		if got := table.Next(at(c.now)); !got.Equal(at(c.next)) {
			t.Errorf("after %s: next %s, want %s", c.now, got.UTC(), c.next)
		}
		if got := table.Last(at(c.now)); !got.Equal(at(c.last)) {
			t.Errorf("at %s: last %s, want %s", c.now, got.UTC(), c.last)
		}
	}
	// Data half an hour old have the register of 9:30 from 10:00 on.
	table.Behind = 30 * time.Minute
	for now, want := range map[string][2]string{
		"2026-01-15T09:59:59Z": {"2026-01-15T10:00:00Z", "2026-01-15T02:00:00Z"},
		"2026-01-15T10:00:00Z": {"2026-01-16T02:00:00Z", "2026-01-15T10:00:00Z"},
		"2026-01-15T00:10:00Z": {"2026-01-15T02:00:00Z", "2026-01-14T10:00:00Z"},
	} {
		if next, last := table.Next(at(now)), table.Last(at(now)); !next.Equal(at(want[0])) || !last.Equal(at(want[1])) {
			t.Errorf("at %s, behind: next %s, last %s, want %s", now, next.UTC(), last.UTC(), want)
		}
	}
}
