package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Stop is one time that a school stopped. Whatever its agents up to
// Generation sent goes with it.
type Stop struct {
	School     string
	Generation uint32
	Source     protocol.StoppedBy
	// Said is when the school said it, by its own clock if its agent did; Hidden
	// when its data were hidden; Destroy when they are to be destroyed.
	Said, Hidden, Destroy time.Time
	Hold                  envelope.KeyID
	// Records and Children count what was there.
	Records, Children int
	// KeyDestroyed and Destroyed are when the hold key and the last row were
	// gone; zero before.
	KeyDestroyed, Destroyed time.Time
}

// StopSchool hides the data of a school: every key of what it sent goes under
// the hold key, and nobody is shown any of it, nor the calls to it until now. Its
// part of the rosters, which is the authorities' own, comes under a new key of the
// school; so do calls from now on. The caller has
// locked the school and its position, ended its agents, and fills what a Stop
// says but the counts.
func (t *Tx) StopSchool(ctx context.Context, v *vault.Vault, h vault.Hold, s Stop) error {
	keeper, err := v.Keeper(h)
	if err != nil {
		return err
	}
	err = t.QueryRow(ctx, "SELECT (SELECT COUNT(*) FROM records WHERE school = ?), (SELECT COUNT(*) FROM pupils WHERE school = ?)", s.School, s.School).
		Scan(&s.Records, &s.Children)
	if err == nil {
		err = t.holdPupils(ctx, keeper, s.School)
	}
	if err == nil {
		err = t.hideCalls(ctx, s.School)
	}
	if err == nil {
		_, err = t.Exec(ctx, `INSERT INTO stops (school, generation, source, said_at, hidden_at, destroy_at, hold, id_key, records, children)
			SELECT school, ?, ?, ?, ?, ?, ?, id_key, ?, ? FROM schools WHERE school = ?`,
			int64(s.Generation), string(s.Source), database.Micros(s.Said), database.Micros(s.Hidden), database.Micros(s.Destroy), h.ID[:],
			s.Records, s.Children, s.School)
	}
	if err == nil {
		err = t.holdSchoolKey(ctx, v, keeper, s)
	}
	if err == nil {
		_, err = t.Exec(ctx, "UPDATE schools SET id_key = NULL, revoked_at = COALESCE(revoked_at, CAST(? AS BIGINT)) WHERE school = ?",
			database.Micros(s.Hidden), s.School)
	}
	return wrap(err, "stop %s", s.School)
}

// LockPosition waits for whoever applies something of a school now, and keeps
// others waiting; before what they apply is refused, so that neither waits for
// the other.
func (t *Tx) LockPosition(ctx context.Context, school string) error {
	_, err := t.Exec(ctx, "UPDATE positions SET school = school WHERE school = ?", school)
	return wrap(err, "lock the position of %s", school)
}

// holdPupils moves the keys of a school's pupils under its hold key.
func (t *Tx) holdPupils(ctx context.Context, keeper vault.Keeper, school string) error {
	found := map[record.PupilID]vault.Wrapped{}
	err := t.Each(ctx, "SELECT pupil, key, epoch FROM pupils WHERE school = ? AND epoch > 0", []any{school}, func(r *sql.Rows) error {
		var id record.PupilID
		var w vault.Wrapped
		err := r.Scan((*string)(&id), &w.Key, &w.Epoch)
		found[id] = w
		return err
	})
	for id, w := range found {
		if err != nil {
			return err
		}
		if w, err = keeper.Hold(vault.Owner{School: school, Pupil: id}, w); err == nil {
			_, err = t.Exec(ctx, "UPDATE pupils SET key = ?, epoch = 0 WHERE school = ? AND pupil = ?", w.Key, school, string(id))
		}
	}
	return err
}

// holdSchoolKey moves a school's own key under its hold key, into the stop.
func (t *Tx) holdSchoolKey(ctx context.Context, v *vault.Vault, keeper vault.Keeper, s Stop) error {
	var w vault.Wrapped
	err := t.QueryRow(ctx, "SELECT key, epoch FROM school_keys WHERE school = ?", s.School).Scan(&w.Key, &w.Epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		w, err = keeper.Hold(vault.Owner{School: s.School}, w)
	}
	if err == nil {
		_, err = t.Exec(ctx, "UPDATE stops SET key = ? WHERE school = ? AND generation = ?", w.Key, s.School, int64(s.Generation))
	}
	if err != nil {
		return err
	}
	return t.KeepOwn(ctx, v, s.School, func() error {
		for _, table := range []string{"roster", "roster_told", "school_keys"} {
			if _, err := t.Exec(ctx, "DELETE FROM "+table+" WHERE school = ?", s.School); err != nil {
				return err
			}
		}
		return nil
	})
}

const stopColumns = `SELECT school, generation, source, said_at, hidden_at, destroy_at, hold, records, children, key_destroyed_at, destroyed_at FROM stops `

func scanStop(r interface{ Scan(...any) error }) (s Stop, err error) {
	var hold []byte
	var said, hidden, destroy int64
	var key, gone sql.NullInt64
	err = r.Scan(&s.School, &s.Generation, (*string)(&s.Source), &said, &hidden, &destroy, &hold, &s.Records, &s.Children, &key, &gone)
	copy(s.Hold[:], hold)
	s.Said, s.Hidden, s.Destroy = database.FromMicros(said), database.FromMicros(hidden), database.FromMicros(destroy)
	s.KeyDestroyed, s.Destroyed = database.FromNullMicros(key), database.FromNullMicros(gone)
	return s, err
}

// Stops lists every stop, the newest first.
func (s *Store) Stops(ctx context.Context) (list []Stop, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list, err = tx.stops(ctx, "ORDER BY hidden_at DESC, school, generation DESC")
		return err
	})
	return list, err
}

// DueStops lists the stops whose data are to be destroyed at now or before.
func (s *Store) DueStops(ctx context.Context, now time.Time) (list []Stop, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list, err = tx.stops(ctx, "WHERE destroyed_at IS NULL AND destroy_at <= ? ORDER BY destroy_at, school, generation", database.Micros(now))
		return err
	})
	return list, err
}

// Stops is Store.Stops of one school, inside a transaction.
func (t *Tx) Stops(ctx context.Context, school string) ([]Stop, error) {
	return t.stops(ctx, "WHERE school = ? ORDER BY generation DESC", school)
}

func (t *Tx) stops(ctx context.Context, where string, args ...any) (list []Stop, err error) {
	err = t.Each(ctx, stopColumns+where, args, func(r *sql.Rows) error {
		s, err := scanStop(r)
		list = append(list, s)
		return err
	})
	return list, wrap(err, "list the schools that stopped")
}

// Newest is the highest generation that a school has had, 0 if it had no agent.
// It counts stops too: a database restored from before an agent enrolled knows
// of it only by them.
func (t *Tx) Newest(ctx context.Context, school string) (n uint32, err error) {
	err = t.QueryRow(ctx, `SELECT COALESCE(MAX(generation), 0) FROM (SELECT generation FROM agents WHERE school = ?
		UNION ALL SELECT generation FROM stops WHERE school = ?) g`, school, school).Scan(&n)
	return n, wrap(err, "count the agents of %s", school)
}

// StoppedWithoutHold lists schools that stopped before there were hold keys.
func (s *Store) StoppedWithoutHold(ctx context.Context) (ids []string, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		ids = nil
		return tx.Each(ctx, "SELECT school FROM schools s WHERE revoked_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM stops t WHERE t.school = s.school)", nil,
			func(r *sql.Rows) error {
				var id string
				err := r.Scan(&id)
				ids = append(ids, id)
				return err
			})
	})
	return ids, wrap(err, "list the schools that stopped")
}

// KeyDestroyed notes that the hold key of a stop is gone.
func (t *Tx) KeyDestroyed(ctx context.Context, s Stop, now time.Time) error {
	_, err := t.Exec(ctx, "UPDATE stops SET key_destroyed_at = COALESCE(key_destroyed_at, CAST(? AS BIGINT)), key = NULL, id_key = NULL WHERE school = ? AND generation = ?",
		database.Micros(now), s.School, int64(s.Generation))
	return wrap(err, "note the end of the hold key of %s", s.School)
}

// maxDestroyed bounds the rows that one transaction destroys.
const maxDestroyed = 200

// ofASchool are the tables that a school's data fill, with the key of each and
// which of its rows, if not all. The pupils come last: a record without its pupil
// would be a fault to fsck.
var ofASchool = []struct{ table, key, only string }{
	{"quarantine", "school, dataset, key", ""}, {"records", "school, dataset, key", ""}, {"record_history", "school, dataset, key, version", ""},
	{"holds", "school, code", ""}, {"roster_use", "school, authority", ""}, {"calls", "school, call", " AND hidden"},
	{"caseload", "school, pupil, user_id", ""}, {"pupils", "school, pupil", ""}, {"positions", "school", ""},
}

// DestroyPiece destroys a piece of what a stopped school had sent and says how
// many rows; 0 when nothing is left. It locks the school.
func (t *Tx) DestroyPiece(ctx context.Context, s Stop) (n int64, err error) {
	if err := t.LockSchool(ctx, s.School); err != nil {
		return 0, err
	}
	// A school that has begun anew destroyed it then; what it sent since is not
	// this stop's, even if it has stopped again.
	school, err := t.School(ctx, s.School)
	if err != nil || !school.Stopped.Equal(s.Hidden) {
		return 0, err
	}
	for _, of := range ofASchool {
		n, err = t.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE (%s) IN (SELECT %s FROM %s WHERE school = ?%s LIMIT %d)",
			of.table, of.key, of.key, of.table, of.only, maxDestroyed), s.School)
		if err != nil || n > 0 {
			break
		}
	}
	if err == nil && n == 0 {
		err = t.destroySaid(ctx, s)
	}
	return n, wrap(err, "destroy the data of %s", s.School)
}

// destroySaid takes away what the ended agents of a school said of themselves
// and were told of what they sent.
func (t *Tx) destroySaid(ctx context.Context, s Stop) error {
	const ended = " WHERE school = ? AND agent IN (SELECT agent FROM agents WHERE school = ? AND generation <= ?)"
	for _, q := range []string{"UPDATE attempts SET checkin = NULL, conflict = NULL" + ended, "DELETE FROM statements" + ended + " AND kind IN ('outcome', 'roster')"} {
		if _, err := t.Exec(ctx, q, s.School, s.School, int64(s.Generation)); err != nil {
			return err
		}
	}
	return nil
}

// EndStop notes that everything of a stop is destroyed.
func (t *Tx) EndStop(ctx context.Context, s Stop, now time.Time) error {
	_, err := t.Exec(ctx, "UPDATE stops SET destroyed_at = ?, key = NULL, id_key = NULL WHERE school = ? AND generation = ?",
		database.Micros(now), s.School, int64(s.Generation))
	return wrap(err, "note that the data of %s are destroyed", s.School)
}

// AddCertificate keeps the certificate that belongs to an agent's logbook.
func (t *Tx) AddCertificate(ctx context.Context, a Agent, f protocol.CertificateFile) error {
	text, err := json.Marshal(f)
	if err == nil {
		_, err = t.Exec(ctx, "INSERT INTO certificates (school, agent, signed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", a.School, a.ID[:], text)
	}
	return wrap(err, "keep the certificate of an agent of %s", a.School)
}

// Certificate is the certificate that belongs to an agent's logbook; ErrNotFound
// if there is none.
func (t *Tx) Certificate(ctx context.Context, a Agent) (f protocol.CertificateFile, err error) {
	var text []byte
	err = t.QueryRow(ctx, "SELECT signed FROM certificates WHERE school = ? AND agent = ?", a.School, a.ID[:]).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	return f, wrap(err, "read the certificate of an agent of %s", a.School)
}

// Keyring is Store.Keyring inside a transaction.
func (t *Tx) Keyring(ctx context.Context) (signed protocol.Signed, err error) {
	var text []byte
	err = t.QueryRow(ctx, "SELECT signed FROM keyrings ORDER BY epoch DESC LIMIT 1").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(text, &signed)
	}
	return signed, wrap(err, "read the keyring")
}
