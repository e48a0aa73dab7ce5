package server

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"rollbridge/collector/alarm"
	"rollbridge/collector/audit"
	"rollbridge/collector/keys"
	"rollbridge/collector/release"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// Alarms are what the operator must see to, beside the schools: `status` and the
// operator's pages say the same.
func Alarms(ctx context.Context, s settings.Settings, st *store.Store, log *audit.Log, now time.Time) ([]status.Part, error) {
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
func controlAlarms(ctx context.Context, s settings.Settings, st *store.Store, log *audit.Log, now time.Time) (list []status.Part, err error) {
	root, err := ReadRoot(s.Keys())
	if errors.Is(err, keys.ErrMissing) {
		return []status.Part{alarm.Say(alarm.NoControlKeys, nil)}, nil
	}
	if err != nil {
		return nil, err
	}
	ring, err := Keyring(ctx, st, root)
	if err != nil {
		return nil, err
	}
	if _, due := keyringAlarm(ring, now); due {
		list = append(list, keyringWords(ring, now))
	}
	return append(list, auditAlarms(ctx, s, log, root, now)...), nil
}

func auditAlarms(ctx context.Context, s settings.Settings, log *audit.Log, root protocol.Fingerprint, now time.Time) []status.Part {
	state, err := log.State(ctx, audit.At(s.AuditDir(), root), now)
	if err != nil {
		return []status.Part{alarm.Say(alarm.AuditUnread, map[string]status.Value{"Fault": alarm.Fault(err)})}
	}
	return state.Alarms
}

// overdue are the schools whose data should be destroyed: role jobs does it within the
// hour.
func overdue(ctx context.Context, st *store.Store, now time.Time) (list []status.Part, err error) {
	due, err := st.DueStops(ctx, now.Add(-24*time.Hour))
	slices.SortStableFunc(due, func(a, b store.Stop) int { return cmp.Compare(a.School, b.School) })
	for _, s := range slices.CompactFunc(due, func(a, b store.Stop) bool { return a.School == b.School }) {
		list = append(list, alarm.Say(alarm.StopOverdue, map[string]status.Value{"School": {Text: s.School}, "Day": alarm.Day(s.Destroy)}))
	}
	return list, err
}

// keyringWords are of a keyring for which keyringAlarm is due.
func keyringWords(ring protocol.Keyring, now time.Time) status.Part {
	left := ring.Expires.Sub(now)
	name := alarm.KeyringExpires
	if left <= 0 {
		name = alarm.KeyringExpired
	}
	return alarm.Say(name, map[string]status.Value{"Day": alarm.Day(ring.Expires), "Days": {Text: strconv.Itoa(int(left / (24 * time.Hour)))}})
}

// releaseAlarms are those of the releases that are kept here, if any are.
func releaseAlarms(s settings.Settings, now time.Time) (list []status.Part) {
	state, err := release.At(s.ReleasesDir()).State()
	if err != nil {
		return []status.Part{alarm.Say(alarm.ReleasesUnread, map[string]status.Value{"Fault": alarm.Fault(err)})}
	}
	for _, a := range state.Alarms(now) {
		list = append(list, a.Words)
	}
	return list
}
