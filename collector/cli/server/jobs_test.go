package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/keys"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
)

func TestKeyringAlarms(t *testing.T) {
	const day = 24 * time.Hour
	expires := time.Date(2027, 11, 21, 12, 0, 0, 0, time.UTC)
	ring := protocol.Keyring{Expires: expires}
	for _, c := range []struct {
		left  time.Duration
		alarm time.Duration
		due   bool
	}{
		{91 * day, 0, false}, {90*day + time.Second, 0, false}, {90 * day, 90 * day, true}, {61 * day, 90 * day, true},
		{60 * day, 60 * day, true}, {30 * day, 30 * day, true}, {time.Second, 30 * day, true}, {0, 0, true}, {-day, 0, true},
	} {
		if alarm, due := keyringAlarm(ring, expires.Add(-c.left)); alarm != c.alarm || due != c.due {
			t.Errorf("%v left: got %v %v", c.left, alarm, due)
		}
	}
	if words := keyringWords(ring, expires.Add(-30*day)).Words(expires, nil); !strings.Contains(words, "days left: 30") || !strings.Contains(words, "key keyring renew") {
		t.Error(words)
	}
	if words := keyringWords(ring, expires).Words(expires, nil); !strings.Contains(words, "expired") {
		t.Error(words)
	}
}

// Each alarm is said once: a log that repeats itself is not read.
func TestKeyringAlarmIsLoggedOnce(t *testing.T) {
	for name, age := range map[string]time.Duration{
		"young": 0, "nearing": protocol.KeyringLife - 80*24*time.Hour, "expired": protocol.KeyringLife + time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			made, err := keys.Init(t.TempDir(), []string{"127.0.0.1"}, clock.Now().Add(-age))
			if err != nil {
				t.Fatal(err)
			}
			st := store.New(dbtest.Migrated(t, dbtest.SQLite(t)))
			if err := st.PutKeyring(t.Context(), made.Keyring, made.Signed); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			j := newJobs(jobs{store: st, root: made.Root, log: slog.New(slog.NewTextHandler(&log, nil))}, prometheus.NewRegistry())
			for range 3 {
				if err := j.keyring(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			want := 1
			if name == "young" {
				want = 0
			}
			if got := strings.Count(log.String(), "the keyring expires"); got != want {
				t.Errorf("logged %d times, want %d", got, want)
			}
		})
	}
}

// What is past its time is forgotten at the start and then once a day; the log
// and the metric count it and name nobody.
func TestJobsForgetOnceADay(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	st := store.New(db)
	if err := st.AddSchool(t.Context(), store.School{ID: "oak", Name: "Oak"}); err != nil {
		t.Fatal(err)
	}
	if err := st.Write(t.Context(), func(tx *store.Tx) error { return tx.Begin(t.Context(), store.Agent{School: "oak", Generation: 1}) }); err != nil {
		t.Fatal(err)
	}
	if err := st.PutAuthority(t.Context(), store.Authority{Code: "301", Why: "A reason"}); err != nil {
		t.Fatal(err)
	}
	child := strings.Repeat("0a", 16)
	leaves := func() {
		t.Helper()
		if err := st.Write(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.Exec(t.Context(), "INSERT INTO calls (school, call, authority, day, session, made_by, at, body) VALUES ('oak', 'c', '301', '1970-01-01', 'AM', 'u', 1, ?)", []byte{1}); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), "INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen, left_at) VALUES ('oak', ?, '', ?, 1, 1, 1)", child, []byte{1})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	j := newJobs(jobs{store: st, periods: settings.Defaults().Retention, log: slog.New(slog.NewTextHandler(&log, nil))}, reg)
	for _, c := range []struct {
		last time.Time
		want int
	}{
		{time.Time{}, 1}, {clock.Now(), 0}, {clock.Now().Add(-23 * time.Hour), 0}, {clock.Now().Add(-24 * time.Hour), 1},
		{clock.Now().Add(time.Hour), 1}, // the clock was set back
	} {
		log.Reset()
		j.forgot = c.last
		leaves()
		if err := j.forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(log.String(), "school=oak kind=left count=1"); got != c.want {
			t.Errorf("last run %v: %d children went, want %d: %s", c.last, got, c.want, log.String())
		}
		if got := strings.Count(log.String(), "kind=calls count=1"); got != c.want {
			t.Errorf("last run %v: %d calls went, want %d: %s", c.last, got, c.want, log.String())
		}
		if strings.Contains(log.String(), child) {
			t.Error("the log names a child")
		}
		if err := st.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), "DELETE FROM pupils")
			if err == nil {
				_, err = tx.Exec(t.Context(), "DELETE FROM calls")
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := 0.0
	for _, f := range found {
		if f.GetName() == "rollbridge_retention_forgotten_total" {
			counted = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	if counted != 3 {
		t.Errorf("the metric counts %v children", counted)
	}
}

func TestParseRoles(t *testing.T) {
	if all, err := ParseRoles(nil); err != nil || len(all) != 4 {
		t.Errorf("%v %v", all, err)
	}
	if some, err := ParseRoles([]string{"apply", " jobs", "apply"}); err != nil || len(some) != 2 || some[0] != RoleApply || some[1] != RoleJobs {
		t.Errorf("%v %v", some, err)
	}
	if _, err := ParseRoles([]string{""}); err == nil {
		t.Error("an empty role is taken")
	}
}
