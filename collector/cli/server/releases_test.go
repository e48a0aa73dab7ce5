package server

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/release"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
)

// repository publishes an empty repository in the settings' directory, as of a day.
func repository(t *testing.T, s settings.Settings, at time.Time) *release.Repository {
	t.Helper()
	dir := t.TempDir()
	k, err := release.NewKey(filepath.Join(dir, "key"), "only", []byte("a passphrase of tests"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := release.OpenKey(filepath.Join(dir, "key"), []byte("a passphrase of tests"))
	if err != nil {
		t.Fatal(err)
	}
	r := release.At(s.ReleasesDir())
	one := []release.Public{k}
	if err := r.Init(at, release.Plan{Root: one, Targets: one, RootThreshold: 1, TargetsThreshold: 1, Passphrase: []byte("of the server")}); err != nil {
		t.Fatal(err)
	}
	if _, err := release.Sign(t.Context(), r.Draft(), signer, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Publish(t.Context(), at, release.Online{Passphrase: []byte("of the server")}); err != nil {
		t.Fatal(err)
	}
	return r
}

// worker is role jobs with nothing else to do.
func worker(t *testing.T, s settings.Settings, log *bytes.Buffer) (*jobs, *prometheus.Registry) {
	t.Helper()
	again, err := newReleases(s)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	return newJobs(jobs{releases: again, store: store.New(dbtest.Migrated(t, dbtest.SQLite(t))), log: slog.New(slog.NewTextHandler(log, nil))}, reg), reg
}

func TestReleasesAreSignedAgain(t *testing.T) {
	dir := t.TempDir()
	s := settings.Defaults()
	s.Releases.Dir, s.Releases.PassphraseFile = filepath.Join(dir, "releases"), filepath.Join(dir, "passphrase")
	if err := os.WriteFile(s.Releases.PassphraseFile, []byte("of the server\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	j, reg := worker(t, s, &log)
	if err := j.sign(t.Context()); err != nil {
		t.Fatal("without a repository:", err)
	}
	// So long ago that every alarm is due.
	r := repository(t, s, clock.Now().Add(-80*24*time.Hour))
	before, err := r.State()
	if err != nil {
		t.Fatal(err)
	}
	// Several processes look at once: one of them signs.
	var processes sync.WaitGroup
	faults := make(chan error, 4)
	for range cap(faults) {
		other, err := newReleases(s)
		if err != nil {
			t.Fatal(err)
		}
		processes.Go(func() {
			did, err := other.repository.Renew(t.Context(), clock.Now(), other.online)
			if did {
				faults <- nil
			}
			if err != nil {
				faults <- err
			}
		})
	}
	processes.Wait()
	close(faults)
	n := 0
	for err := range faults {
		n++
		if err != nil {
			t.Error(err)
		}
	}
	after, err := r.State()
	if err != nil || n != 1 || after.Timestamp() <= before.Timestamp() {
		t.Fatalf("%d processes signed; timestamp %d after %d, %v", n, after.Timestamp(), before.Timestamp(), err)
	}
	for range 3 {
		if err := j.sign(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(log.String(), "near their end"); got != 1 || !strings.Contains(log.String(), "kind=targets") {
		t.Errorf("the alarm of targets is logged %d times:\n%s", got, &log)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "rollbridge_release_expires_timestamp_seconds" {
				roles[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	if len(roles) != 5 || roles["timestamp"] < float64(clock.Now().Add(2*24*time.Hour).Unix()) || roles["root"] < float64(clock.Now().Add(280*24*time.Hour).Unix()) {
		t.Errorf("metrics: %v", roles)
	}
}

// Without its key nothing is signed, the job says so, and the alarms still come.
func TestReleasesWithoutAKey(t *testing.T) {
	dir := t.TempDir()
	s := settings.Defaults()
	s.Releases.Dir = filepath.Join(dir, "releases")
	repository(t, s, clock.Now().Add(-80*24*time.Hour))
	var log bytes.Buffer
	j, _ := worker(t, s, &log)
	if err := j.sign(t.Context()); err == nil || !strings.Contains(err.Error(), "passphrase does not open") {
		t.Errorf("got %v", err)
	}
	if got := strings.Count(log.String(), "near their end"); got != 4 {
		t.Errorf("%d alarms:\n%s", got, &log)
	}
	s.Releases.PassphraseFile = filepath.Join(dir, "none")
	if _, err := newReleases(s); err == nil || !strings.Contains(err.Error(), "releases.passphrase_file") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "releases", "public", "1.root.json")); err != nil {
		t.Error(err)
	}
	private := filepath.Join(dir, "releases", "keys")
	if info, err := os.Stat(private); err != nil || info.Mode().Perm()&fs.FileMode(0o077) != 0 {
		t.Errorf("%s: %v %v", private, info.Mode(), err)
	}
}
