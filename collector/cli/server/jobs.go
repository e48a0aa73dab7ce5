package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/retention"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// jobsEvery is how often role jobs looks whether something is due. Each job
// does nothing when it is not, so several processes may look.
const jobsEvery = 15 * time.Minute

const jobMetric = "rollbridge_job_last_success_timestamp_seconds"

// jobs is what is done by the clock.
type jobs struct {
	db    *database.DB
	store *store.Store
	vault *vault.Vault
	desk  *enrolment.Desk
	root  protocol.Fingerprint
	log   *slog.Logger
	// periods are for how long data are kept; forgot is when that was last carried
	// out to the end.
	periods  settings.Retention
	forgot   time.Time
	releases *releases
	audited  audited
	// told says that every school was told what is asked under these settings.
	told bool

	done    *prometheus.GaugeVec
	ends    *prometheus.GaugeVec
	expires prometheus.Gauge
	gone    *prometheus.CounterVec
	faults  prometheus.Gauge
	// warned is the last alarm that was logged, 0 for one that has expired; nil
	// is none.
	warned *time.Duration
}

func newJobs(j jobs, reg prometheus.Registerer) *jobs {
	f := promauto.With(reg)
	j.done = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: jobMetric, Help: "When each job last ended well.",
	}, []string{"job"})
	j.expires = f.NewGauge(prometheus.GaugeOpts{
		Name: "rollbridge_keyring_expires_timestamp_seconds", Help: "When the keyring expires: renew it before.",
	})
	j.ends = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "rollbridge_release_expires_timestamp_seconds", Help: "When the metadata of releases expire, by role: root and targets are renewed by people.",
	}, []string{"role"})
	j.gone = f.NewCounterVec(prometheus.CounterOpts{
		Name: "rollbridge_retention_forgotten_total", Help: "What was forgotten because it was past its time: children, weeks of marks, versions, refused records, calls.",
	}, []string{"rule"})
	j.faults = f.NewGauge(prometheus.GaugeOpts{
		Name: "rollbridge_audit_faults", Help: "How much of the audit log was not as it was written, at the last look.",
	})
	return &j
}

// run does what is due until ctx ends.
func (j *jobs) run(ctx context.Context) error {
	for {
		j.once(ctx)
		if clock.Sleep(ctx, clock.Now().Add(jobsEvery)) != nil {
			return nil
		}
	}
}

func (j *jobs) once(ctx context.Context) {
	for _, job := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"sealing_keys", j.desk.SealingKeys},
		{"vault", j.rotate},
		{"statements", func(ctx context.Context) error { return j.store.Tidy(ctx, clock.Now()) }},
		{"provisions", j.provisions},
		{"rosters", j.desk.Rosters},
		{"sessions", func(ctx context.Context) error { return web.SweepSessions(ctx, j.db) }},
		{"keyring", j.keyring},
		{"stopped", j.desk.Stopped},
		{"retention", j.forget},
		{"releases", j.sign},
		{"audit", j.audit},
	} {
		err := job.do(ctx)
		switch {
		case err == nil:
			j.done.WithLabelValues(job.name).SetToCurrentTime()
		case !errors.Is(err, context.Canceled):
			j.log.Error("a job failed and will be tried again", logkey.Kind, job.name, logkey.Error, err.Error())
		}
	}
}

func (j *jobs) rotate(ctx context.Context) error {
	r, err := j.store.Rotate(ctx, j.vault, clock.Now())
	if r.Advanced || len(r.Destroyed) > 0 {
		newest, _ := j.vault.Newest()
		j.log.Info("vault keys rotated", logkey.Epoch, newest, logkey.Count, r.Rewrapped)
	}
	return err
}

// provisions tells the schools, once a process, what the settings say of their
// data: only a restart changes them.
func (j *jobs) provisions(ctx context.Context) error {
	if j.told {
		return nil
	}
	err := j.desk.Provisions(ctx)
	j.told = err == nil
	return err
}

// forgetEvery is how often what is past its time is forgotten.
const forgetEvery = 24 * time.Hour

// forget forgets what is past its time: at the start, and then once a day. A
// clock that was set back is taken for a new day.
func (j *jobs) forget(ctx context.Context) error {
	now := clock.Now()
	if since := now.Sub(j.forgot); !j.forgot.IsZero() && since >= 0 && since < forgetEvery {
		return nil
	}
	job := retention.Job{Store: j.store, Periods: j.periods, Forgot: func(_ string, rule record.Rule, n int) {
		j.gone.WithLabelValues(string(rule)).Add(float64(n))
	}}
	list, err := job.Run(ctx, now)
	for _, s := range list {
		for _, k := range record.Keepings() {
			if n := s.Forgotten[k.Rule]; n > 0 {
				j.log.Info("data past their time are forgotten", logkey.School, s.School, logkey.Kind, string(k.Rule), logkey.Count, n)
			}
		}
	}
	calls, failed := call.New(j.store, j.vault).Forget(ctx, retention.Calls(j.periods, now))
	if calls > 0 {
		j.gone.WithLabelValues("calls").Add(float64(calls))
		j.log.Info("data past their time are forgotten", logkey.Kind, "calls", logkey.Count, calls)
	}
	if err = errors.Join(err, failed); err == nil {
		j.forgot = now
	}
	return err
}

// keyring raises the alarms before the keyring expires, each once a process.
func (j *jobs) keyring(ctx context.Context) error {
	ring, err := Keyring(ctx, j.store, j.root)
	if err != nil {
		return err
	}
	j.expires.Set(float64(ring.Expires.Unix()))
	alarm, due := keyringAlarm(ring, clock.Now())
	if !due {
		j.warned = nil
		return nil
	}
	if j.warned == nil || alarm != *j.warned {
		j.log.Warn("the keyring expires: renew it with `key keyring renew`", logkey.Epoch, ring.Epoch, logkey.Until, ring.Expires)
	}
	j.warned = &alarm
	return nil
}

// keyringAlarm finds the nearest of protocol.KeyringAlarms that is due at now;
// an expired keyring is due with 0.
func keyringAlarm(ring protocol.Keyring, now time.Time) (alarm time.Duration, due bool) {
	left := ring.Expires.Sub(now)
	if left <= 0 {
		return 0, true
	}
	for _, a := range protocol.KeyringAlarms {
		if left <= a && (!due || a < alarm) {
			alarm, due = a, true
		}
	}
	return alarm, due
}
