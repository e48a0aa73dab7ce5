package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/keys"
	"rollbridge/collector/release"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// Alarms are what the operator must see to, beside the schools, each a sentence with what
// to do: `status` and the operator's pages say the same.
func Alarms(ctx context.Context, s settings.Settings, st *store.Store, log *audit.Log, now time.Time) ([]string, error) {
	list, err := controlAlarms(ctx, s, st, log, now)
	if err != nil {
		return nil, err
	}
	late, err := overdue(ctx, st, now)
	if err != nil {
		return nil, err
	}
	return slices.Concat(list, late, releaseAlarms(s, now)), nil
}

// controlAlarms are those of the keyring and of the audit log. A process that may not read
// the control directory (intake's user) cannot judge them.
func controlAlarms(ctx context.Context, s settings.Settings, st *store.Store, log *audit.Log, now time.Time) (list []string, err error) {
	root, err := ReadRoot(s.Keys())
	if errors.Is(err, keys.ErrMissing) {
		return []string{"The keyring and the audit log cannot be checked: this user has no control keys. Run status as the collector's own user."}, nil
	}
	if err != nil {
		return nil, err
	}
	ring, err := Keyring(ctx, st, root)
	if err != nil {
		return nil, err
	}
	if _, due := KeyringAlarm(ring, now); due {
		list = append(list, KeyringWords(ring, now))
	}
	return append(list, auditAlarms(ctx, s, log, root, now)...), nil
}

func auditAlarms(ctx context.Context, s settings.Settings, log *audit.Log, root protocol.Fingerprint, now time.Time) []string {
	state, err := log.State(ctx, audit.At(s.AuditDir(), root), now)
	if err != nil {
		return []string{fmt.Sprintf("The audit log cannot be checked: %v.", err)}
	}
	return state.Alarms
}

// overdue are the schools whose data should be destroyed: role jobs does it within the
// hour.
func overdue(ctx context.Context, st *store.Store, now time.Time) (list []string, err error) {
	due, err := st.DueStops(ctx, now.Add(-24*time.Hour))
	for _, s := range due {
		list = append(list, fmt.Sprintf("What %s had sent was to be destroyed on %s and is not: run a process with role jobs, and look at its log.",
			s.School, s.Destroy.In(status.London()).Format("2 January 2006")))
	}
	slices.Sort(list)
	return slices.Compact(list), err
}

// releaseAlarms are those of the releases that are kept here, if any are.
func releaseAlarms(s settings.Settings, now time.Time) (list []string) {
	state, err := release.At(s.ReleasesDir()).State()
	if err != nil {
		return []string{fmt.Sprintf("The releases cannot be read: %v. See `release status`.", err)}
	}
	for _, a := range state.Alarms(now) {
		list = append(list, a.Text)
	}
	return list
}
