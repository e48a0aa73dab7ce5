package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
)

// ErrMoved: another process has moved the school's position; nothing of this
// transaction is kept, and the work is looked at afresh.
var ErrMoved = errors.New("another process has applied something of this school")

// A Position is how far a school's chain is applied.
type Position struct {
	School     string
	Agent      envelope.AgentID
	Generation uint32
	// Link is the last batch decided; zero before the first of a generation.
	Link envelope.Link
	// State is the sum of the tags of all counted records.
	State record.Digest
	// Year is the first day of the academic year that State covers.
	Year record.Date
	// Given says, of each dataset that belongs to the school, which authority may
	// see which fields, as the agent last said.
	Given map[record.Dataset]map[string][]string
	// Reads are the datasets that the last read had in scope, each with the time
	// for when the newest applied data of it are true; zero where none could be
	// read yet.
	Reads map[record.Dataset]time.Time
	// PupilsAsAt and AttendanceAsAt: for when the data are true, never later
	// than they arrived.
	PupilsAsAt, AttendanceAsAt, Applied time.Time
	// ResyncAfter is the newest sequence seen when a full batch was last asked
	// for, 0 when none is awaited.
	ResyncAfter uint64
}

// Position reads a school's position; ErrNotFound before the first agent is
// confirmed.
func (t *Tx) Position(ctx context.Context, school string) (Position, error) {
	p := Position{School: school}
	var agent, digest, state []byte
	var given, reads string
	var sequence, resync, applied int64
	var pupils, attendance sql.NullInt64
	err := t.QueryRow(ctx, `SELECT agent, generation, sequence, digest, state, year, given, reads, pupils_as_at, attendance_as_at, applied_at, resync_after
		FROM positions WHERE school = ?`, school).
		Scan(&agent, &p.Generation, &sequence, &digest, &state, (*string)(&p.Year), &given, &reads, &pupils, &attendance, &applied, &resync)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err == nil {
		p.Given, err = parseGiven(given)
	}
	if err == nil {
		p.Reads, err = parseReads(reads)
	}
	copy(p.Agent[:], agent)
	copy(p.Link.Digest[:], digest)
	copy(p.State[:], state)
	p.Link.Sequence, p.ResyncAfter = uint64(sequence), uint64(resync)
	p.PupilsAsAt, p.AttendanceAsAt = database.FromNullMicros(pupils), database.FromNullMicros(attendance)
	p.Applied = database.FromMicros(applied)
	return p, wrap(err, "read the position of %s", school)
}

func parseGiven(text string) (given map[record.Dataset]map[string][]string, err error) {
	if json.Unmarshal([]byte(text), &given) != nil {
		err = errors.New("which authorities are given what is damaged")
	}
	return given, err
}

func parseReads(text string) (map[record.Dataset]time.Time, error) {
	var micros map[record.Dataset]int64
	if json.Unmarshal([]byte(text), &micros) != nil {
		return nil, errors.New("which datasets were read is damaged")
	}
	reads := make(map[record.Dataset]time.Time, len(micros))
	for d, at := range micros {
		reads[d] = time.Time{}
		if at != 0 {
			reads[d] = database.FromMicros(at)
		}
	}
	return reads, nil
}

func formatReads(reads map[record.Dataset]time.Time) (string, error) {
	micros := make(map[record.Dataset]int64, len(reads))
	for d, at := range reads {
		micros[d] = 0
		if !at.IsZero() {
			micros[d] = database.Micros(at)
		}
	}
	text, err := json.Marshal(micros)
	return string(text), err
}

// given is Position.Given; nil before the first agent is confirmed.
func (t *Tx) given(ctx context.Context, school string) (map[record.Dataset]map[string][]string, error) {
	p, err := t.Position(ctx, school)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return p.Given, err
}

const atPosition = "WHERE school = ? AND agent = ? AND generation = ? AND sequence = ? AND digest = ?"

func (p *Position) where() []any {
	return []any{p.School, p.Agent[:], int64(p.Generation), int64(p.Link.Sequence), p.Link.Digest[:]}
}

// Claim keeps everybody else from applying to the school until the transaction
// ends; ErrMoved if p is no longer its position.
func (t *Tx) Claim(ctx context.Context, p Position) error {
	return t.moved(ctx, "UPDATE positions SET school = school "+atPosition, p.where())
}

// Advance sets a school's position from one to another; ErrMoved if it is no
// longer at from.
func (t *Tx) Advance(ctx context.Context, from, to Position) error {
	if to.Given == nil {
		to.Given = map[record.Dataset]map[string][]string{}
	}
	given, err := json.Marshal(to.Given)
	var reads string
	if err == nil {
		reads, err = formatReads(to.Reads)
	}
	if err != nil {
		return wrap(err, "set the position of %s", to.School)
	}
	args := []any{int64(to.Link.Sequence), to.Link.Digest[:], to.State[:], string(to.Year), string(given), reads, database.NullMicros(to.PupilsAsAt),
		database.NullMicros(to.AttendanceAsAt), database.Micros(to.Applied), int64(to.ResyncAfter)}
	return t.moved(ctx, `UPDATE positions SET sequence = ?, digest = ?, state = ?, year = ?, given = ?, reads = ?, pupils_as_at = ?, attendance_as_at = ?,
		applied_at = ?, resync_after = ? `+atPosition, append(args, from.where()...))
}

func (t *Tx) moved(ctx context.Context, query string, args []any) error {
	n, err := t.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		err = ErrMoved
	}
	return wrap(err, "set the position of %s", args[len(args)-5])
}

// Begin starts a new generation for the school: nothing of the agent is
// applied, nothing is counted, and its first batch must be full. The records
// stay until that batch says what has become of them.
func (t *Tx) Begin(ctx context.Context, a Agent) error {
	var zero record.Digest
	_, err := t.Exec(ctx, `INSERT INTO positions (school, agent, generation, sequence, digest, state, applied_at, resync_after)
		VALUES (?, ?, ?, 0, ?, ?, ?, 0) ON CONFLICT (school) DO UPDATE SET agent = excluded.agent, generation = excluded.generation,
		sequence = 0, digest = excluded.digest, state = excluded.state, resync_after = 0`,
		a.School, a.ID[:], int64(a.Generation), zero[:], zero[:], database.Micros(clock.Now()))
	if err == nil {
		_, err = t.Exec(ctx, "UPDATE records SET counted = FALSE WHERE school = ?", a.School)
	}
	if err == nil {
		// What the old agent kept back is not known to the new one.
		_, err = t.Exec(ctx, "UPDATE holds SET released_at = ? WHERE school = ? AND origin = 'agent' AND released_at IS NULL",
			database.Micros(clock.Now()), a.School)
	}
	return wrap(err, "begin generation %d of %s", a.Generation, a.School)
}

// ForgetSchool destroys every record of a school with its keys, and the
// position: for a new start after a revoke; its hold key is then due to be
// destroyed. Its part of the rosters goes too,
// because it is sealed by the school's key, and so do the hidden calls; KeepOwn
// saves the rosters and the calls that are not hidden. Deliveries (counts) stay.
func (t *Tx) ForgetSchool(ctx context.Context, school string) error {
	for _, table := range []string{"records", "record_history", "quarantine", "holds", "pupils", "positions", "roster", "roster_told", "roster_use", "school_keys"} {
		if _, err := t.Exec(ctx, "DELETE FROM "+table+" WHERE school = ?", school); err != nil {
			return fmt.Errorf("destroy the data of %s: %w", school, err)
		}
	}
	_, err := t.Exec(ctx, "DELETE FROM calls WHERE school = ? AND hidden", school)
	if err != nil {
		return fmt.Errorf("destroy the data of %s: %w", school, err)
	}
	// What the school's hold keys wrap is gone: they need not wait any longer.
	_, err = t.Exec(ctx, `UPDATE stops SET destroy_at = ?, key = NULL, id_key = NULL WHERE school = ? AND destroyed_at IS NULL AND destroy_at > ?`,
		database.Micros(clock.Now()), school, database.Micros(clock.Now()))
	if err == nil {
		_, err = t.Exec(ctx, "UPDATE schools SET id_key = NULL, revoked_at = NULL WHERE school = ?", school)
	}
	return wrap(err, "destroy the data of %s", school)
}
