package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollbridge/collector/database"
	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// An Authority is a local authority that asks schools for data.
type Authority struct {
	Code string // a current code of shared/codes
	Name string
	// Why is shown to schools: purpose and lawful basis, in a sentence.
	Why     string
	Created time.Time
	// Label is the classification that stands on everything exported.
	Label string
}

// A School is one school that data come from.
type School struct {
	ID    string // a slug: lower-case letters, digits and hyphens
	Name  string
	Phone string
	// Signatory speaks for the school when it stops.
	Signatory Signatory
	// Created is when it was added, Stopped when it revoked; zero if it has not.
	Created, Stopped time.Time
}

// A Signatory is the person who may speak for a school, the head teacher mostly.
type Signatory struct{ Name, Role, Phone, Email string }

func (c School) check() error {
	return errors.Join(checkText("name", c.Name, true), checkText("phone number", c.Phone, false),
		checkText("signatory's name", c.Signatory.Name, false), checkText("signatory's role", c.Signatory.Role, false),
		checkText("signatory's phone number", c.Signatory.Phone, false), checkText("signatory's e-mail address", c.Signatory.Email, false))
}

var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

const maxText = 500

func checkText(what, s string, required bool) error {
	switch {
	case required && strings.TrimSpace(s) == "":
		return fmt.Errorf("%w: the %s is empty", ErrInvalid, what)
	case len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%w: the %s must be one line of at most %d bytes", ErrInvalid, what, maxText)
	}
	return nil
}

// PutAuthority adds an authority or changes its name and reason. A code that
// is not that of a present authority is refused with what to use instead.
func (s *Store) PutAuthority(ctx context.Context, a Authority) error {
	now := clock.Now()
	known, err := codes.ResolveAuthority(a.Code, now)
	if err != nil {
		return fmt.Errorf("store authority: %w: %w", ErrInvalid, err)
	}
	if known.Code != a.Code {
		return fmt.Errorf("store authority: %w: %s is now %s (%s); use that code", ErrInvalid, a.Code, known.Code, known.Name)
	}
	if a.Name == "" {
		a.Name = known.Name
	}
	if err := errors.Join(checkText("name", a.Name, true), checkText("reason", a.Why, true)); err != nil {
		return fmt.Errorf("store authority %s: %w", a.Code, err)
	}
	return s.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO authorities (code, name, why, created_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (code) DO UPDATE SET name = excluded.name, why = excluded.why`,
			a.Code, a.Name, a.Why, database.Micros(now))
		return wrap(err, "store authority %s", a.Code)
	})
}

// Authorities lists the authorities in the order of their codes.
func (s *Store) Authorities(ctx context.Context) (list []Authority, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		return tx.Each(ctx, "SELECT code, name, why, created_at, label FROM authorities ORDER BY code", nil, func(r *sql.Rows) error {
			var a Authority
			var created int64
			err := r.Scan(&a.Code, &a.Name, &a.Why, &created, &a.Label)
			a.Created = database.FromMicros(created)
			list = append(list, a)
			return err
		})
	})
	return list, wrap(err, "list authorities")
}

// SetLabel changes the classification that stands on everything an authority exports.
func (t *Tx) SetLabel(ctx context.Context, authority, label string) error {
	if err := checkText("classification", label, true); err != nil {
		return fmt.Errorf("change the classification of authority %s: %w", authority, err)
	}
	n, err := t.Exec(ctx, "UPDATE authorities SET label = ? WHERE code = ?", label, authority)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return wrap(err, "change the classification of authority %s", authority)
}

// AddSchool adds a school; ErrExists if its id is taken.
func (s *Store) AddSchool(ctx context.Context, c School) error {
	if !slug.MatchString(c.ID) {
		return fmt.Errorf("add school: %w: its id must be lower-case letters, digits and hyphens, at most 63 characters", ErrInvalid)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("add school %s: %w", c.ID, err)
	}
	err := s.Write(ctx, func(tx *Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO schools (school, name, phone, signatory_name, signatory_role, signatory_phone, signatory_email, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			c.ID, c.Name, c.Phone, c.Signatory.Name, c.Signatory.Role, c.Signatory.Phone, c.Signatory.Email, database.Micros(clock.Now()))
		if err == nil && n == 0 {
			err = ErrExists
		}
		return err
	})
	return wrap(err, "add school %s", c.ID)
}

// ChangeSchool sets a school's name, telephone number and signatory.
func (s *Store) ChangeSchool(ctx context.Context, c School) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("change school %s: %w", c.ID, err)
	}
	err := s.Write(ctx, func(tx *Tx) error {
		n, err := tx.Exec(ctx, "UPDATE schools SET name = ?, phone = ?, signatory_name = ?, signatory_role = ?, signatory_phone = ?, signatory_email = ? WHERE school = ?",
			c.Name, c.Phone, c.Signatory.Name, c.Signatory.Role, c.Signatory.Phone, c.Signatory.Email, c.ID)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
	return wrap(err, "change school %s", c.ID)
}

// School finds a school; ErrNotFound if there is none of that id.
func (s *Store) School(ctx context.Context, id string) (c School, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		c, err = tx.School(ctx, id)
		return err
	})
	return c, err
}

// School is Store.School inside a transaction.
func (t *Tx) School(ctx context.Context, id string) (School, error) {
	c := School{ID: id}
	var created int64
	var stopped sql.NullInt64
	err := t.QueryRow(ctx, `SELECT name, phone, signatory_name, signatory_role, signatory_phone, signatory_email, created_at, revoked_at
		FROM schools WHERE school = ?`, id).
		Scan(&c.Name, &c.Phone, &c.Signatory.Name, &c.Signatory.Role, &c.Signatory.Phone, &c.Signatory.Email, &created, &stopped)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	c.Created, c.Stopped = database.FromMicros(created), database.FromNullMicros(stopped)
	return c, wrap(err, "find school %q", id)
}

// LockSchool keeps others who lock the school waiting until the transaction
// ends: who decides about its agents must see what the other has decided. A
// school that does not exist cannot be locked, which is no error.
func (t *Tx) LockSchool(ctx context.Context, id string) error {
	_, err := t.Exec(ctx, "UPDATE schools SET school = school WHERE school = ?", id)
	return wrap(err, "lock school %q", id)
}

// SchoolIDs lists the ids of all schools.
func (s *Store) SchoolIDs(ctx context.Context) (ids []string, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		ids, err = tx.SchoolIDs(ctx)
		return err
	})
	return ids, err
}

// SchoolIDs is Store.SchoolIDs inside a transaction.
func (t *Tx) SchoolIDs(ctx context.Context) (ids []string, err error) {
	err = t.Each(ctx, "SELECT school FROM schools ORDER BY school", nil, func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, wrap(err, "list schools")
}

// A Provision is what one authority asks of one school: dataset to fields
// (names of record.Fields; fields marked Always need not be listed).
type Provision struct {
	School, Authority string
	Datasets          map[record.Dataset][]string
}

// SetProvision replaces what an authority asks of a school. Unknown datasets
// and fields are refused by name. Agents learn of it by
// enrolment.Desk.Provision.
func (s *Store) SetProvision(ctx context.Context, p Provision) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("set provision of %s: %w", p.School, err)
	}
	text, err := json.Marshal(p.Datasets)
	if err != nil {
		return fmt.Errorf("set provision of %s: %w", p.School, err)
	}
	return s.Write(ctx, func(tx *Tx) error {
		if _, err := tx.School(ctx, p.School); err != nil {
			return err
		}
		var name string
		err := tx.QueryRow(ctx, "SELECT name FROM authorities WHERE code = ?", p.Authority).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find authority %q: %w; add it first", p.Authority, ErrNotFound)
		}
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO provisions (school, authority, datasets) VALUES (?, ?, ?)
				ON CONFLICT (school, authority) DO UPDATE SET datasets = excluded.datasets`, p.School, p.Authority, string(text))
		}
		return wrap(err, "set provision of %s", p.School)
	})
}

func (p Provision) check() error {
	if len(p.Datasets) == 0 {
		return fmt.Errorf("%w: it asks for nothing; use remove to take a provision away", ErrInvalid)
	}
	for d, asked := range p.Datasets {
		if !slices.Contains(record.Datasets(), d) {
			return fmt.Errorf("%w: dataset %q is not one of %v", ErrInvalid, string(d), record.Datasets())
		}
		known := record.Fields(d)
		for _, name := range asked {
			if !slices.ContainsFunc(known, func(f record.Field) bool { return f.Name == name }) {
				return fmt.Errorf("%w: dataset %s has no field %q", ErrInvalid, d, name)
			}
		}
	}
	if _, pupil := p.Datasets[record.DatasetPupil]; !pupil {
		return fmt.Errorf("%w: every provision needs the dataset pupil, because the others hang on it", ErrInvalid)
	}
	return nil
}

// DropProvision takes away what an authority asks of a school; ErrNotFound if
// it asked for nothing.
func (s *Store) DropProvision(ctx context.Context, school, authority string) error {
	err := s.Write(ctx, func(tx *Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM provisions WHERE school = ? AND authority = ?", school, authority)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
	return wrap(err, "drop provision of %s", school)
}

// Ask is what all authorities ask of a school, in the order of their codes:
// the body of offers and provisions. operator is who runs the collector.
func (s *Store) Ask(ctx context.Context, school, operator string) (ask protocol.Ask, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		ask, err = tx.Ask(ctx, school, operator)
		return err
	})
	return ask, err
}

// Ask is Store.Ask inside a transaction.
func (t *Tx) Ask(ctx context.Context, school, operator string) (protocol.Ask, error) {
	c, err := t.School(ctx, school)
	if err != nil {
		return protocol.Ask{}, err
	}
	ask := protocol.Ask{School: c.ID, SchoolName: c.Name, Operator: operator}
	err = t.Each(ctx, `SELECT a.code, a.name, a.why, p.datasets FROM provisions p JOIN authorities a ON a.code = p.authority
		WHERE p.school = ? ORDER BY a.code`, []any{school}, func(r *sql.Rows) error {
		var q protocol.AuthorityAsk
		var text string
		if err := r.Scan(&q.Code, &q.Name, &q.Why, &text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &q.Datasets); err != nil {
			return fmt.Errorf("the provision of authority %s is damaged: %w", q.Code, err)
		}
		ask.Requests = append(ask.Requests, q)
		return nil
	})
	return ask, wrap(err, "read what is asked of %s", school)
}
