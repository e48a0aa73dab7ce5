package server

import (
	"context"
	"crypto/ed25519"

	"rollbridge/collector/audit"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
)

// AuditKeeper keeps the checkpoints of the audit log, signed by a control key.
func AuditKeeper(ctx context.Context, s settings.Settings, st *store.Store, log *audit.Log, c Control) (audit.Keeper, error) {
	signed, err := st.Keyring(ctx)
	if err != nil {
		return audit.Keeper{}, err
	}
	return audit.Keeper{Log: log, Shelf: audit.At(s.AuditDir(), c.Root), Key: c.Key, Keyring: signed}, nil
}

// audited is what the job keeps the audit log with.
type audited struct {
	settings settings.Settings
	log      *audit.Log
	key      ed25519.PrivateKey
}

// audit signs how far the audit log goes, checks it, and deletes what is past its time. A
// log that is not as it was written is said each time, until somebody has seen to it.
func (j *jobs) audit(ctx context.Context) error {
	a := j.audited
	k, err := AuditKeeper(ctx, a.settings, j.store, a.log, Control{Key: a.key, Root: j.root})
	if err != nil {
		return err
	}
	now := clock.Now()
	report, err := k.Run(ctx, now, now.AddDate(-a.settings.Retention.AuditYears, 0, 0))
	if err != nil {
		return err
	}
	j.faults.Set(float64(len(report.Faults)))
	if len(report.Faults) > 0 {
		j.log.Error("the audit log is not as it was written: keep a copy of the database and of the checkpoints, and see `audit verify`", logkey.Count, len(report.Faults))
	}
	return nil
}
