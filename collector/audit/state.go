package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollbridge/collector/alarm"
	"rollbridge/collector/database"
	"rollbridge/shared/status"
)

// A State is how the audit log stands, for the operator.
type State struct {
	// Checkpoint is when the ends of the chains were last signed, Verified when everything
	// was last read; zero for never.
	Checkpoint, Verified time.Time
	Chains               int
	// Alarms are what is wrong, each with what to do.
	Alarms []status.Part
}

// How long the job may be late before it is an alarm.
const (
	checkpointLate = 2 * time.Hour
	verifiedLate   = 3 * verifyEvery
)

// State checks what is new since the last checkpoint, and tells what the last full
// verification found.
func (l *Log) State(ctx context.Context, s Shelf, now time.Time) (State, error) {
	newest, err := s.Newest()
	if errors.Is(err, ErrCheckpoint) {
		return State{Alarms: []status.Part{alarm.Say(alarm.CheckpointUnread, map[string]status.Value{"Fault": alarm.Fault(err)})}}, nil
	}
	if err != nil {
		return State{}, err
	}
	last, err := s.Verified()
	if err != nil {
		return State{}, err
	}
	report, err := l.Check(ctx, newest)
	if err != nil {
		return State{}, err
	}
	state := State{Checkpoint: newest.At, Verified: last.At, Chains: report.Chains}
	if report.Chains == 0 {
		return state, nil
	}
	state.Alarms = faultAlarms(append(report.Faults, last.Faults...))
	oldest, err := l.unsigned(ctx, newest)
	switch {
	case err != nil:
		return state, err
	case len(state.Alarms) > 0: // what is faulty gets no checkpoint
	case !oldest.IsZero() && now.Sub(oldest) > checkpointLate:
		state.Alarms = append(state.Alarms, alarm.Say(alarm.AuditUnsigned, map[string]status.Value{"Since": {Time: oldest}}))
	case !last.At.IsZero() && now.Sub(last.At) > verifiedLate:
		state.Alarms = append(state.Alarms, alarm.Say(alarm.AuditNotVerified, map[string]status.Value{"Last": {Time: last.At}}))
	}
	return state, nil
}

// faultAlarms are one sentence for each chain.
func faultAlarms(faults []Fault) (list []status.Part) {
	told := map[Chain]bool{}
	for _, f := range faults {
		if told[f.Chain] {
			continue
		}
		told[f.Chain] = true
		kind, id, _ := strings.Cut(string(f.Chain), "/")
		name := alarm.AuditOfOperator
		switch kind {
		case "authority":
			name = alarm.AuditOfAuthority
		case "school":
			name = alarm.AuditOfSchool
		}
		list = append(list, alarm.Say(name, map[string]status.Value{"ID": {Text: id}, "Fault": {Text: f.Text}}))
	}
	return list
}

// Words names a chain for the operator.
func (c Chain) Words() string {
	kind, id, _ := strings.Cut(string(c), "/")
	if id == "" {
		return "the " + kind
	}
	return kind + " " + id
}

// unsigned is when the first entry after a checkpoint was written; zero if there is none.
func (l *Log) unsigned(ctx context.Context, c Checkpoint) (oldest time.Time, err error) {
	chains, err := l.chains(ctx)
	if err != nil {
		return oldest, fmt.Errorf("look for audit entries without a checkpoint: %w", err)
	}
	err = l.db.Read(ctx, func(tx *database.Tx) error {
		oldest = time.Time{}
		for _, chain := range chains {
			var at int64
			err := tx.QueryRow(ctx, "SELECT at FROM audit WHERE chain = ? AND seq > ? ORDER BY seq LIMIT 1", string(chain), c.Marks[chain].Seq).Scan(&at)
			switch {
			case errors.Is(err, sql.ErrNoRows):
			case err != nil:
				return err
			case oldest.IsZero() || database.FromMicros(at).Before(oldest):
				oldest = database.FromMicros(at)
			}
		}
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("look for audit entries without a checkpoint: %w", err)
	}
	return oldest, nil
}
