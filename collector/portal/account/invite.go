package account

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/store"
)

// A Person is what is decided about somebody who may sign in.
type Person struct {
	Name  string
	Email string // may be empty
	Role  Role
	// Authorities are the codes of one or more; none for an operator and for a
	// school's own person.
	Authorities []string
	School      string    // of a school's own person
	Until       time.Time // when the access ends by itself; zero for never
	// Only names the children of a caseload; it means nothing to other roles.
	Only []store.Child
}

// Invite adds a person and returns the one-time password, which cannot be shown
// again: with it the person chooses an own one and sets up a second factor. by is
// who invites; the zero User is the operator's command.
func (a *Accounts) Invite(ctx context.Context, by User, p Person) (oneTime string, err error) {
	p.Name = normalName(p.Name)
	if !namePattern.MatchString(p.Name) {
		return "", ErrName
	}
	if err := p.check(a.now()); err != nil {
		return "", err
	}
	oneTime = newOneTime()
	hash, err := hashPassword(ctx, oneTime)
	if err != nil {
		return "", err
	}
	err = a.db.Write(ctx, func(tx *database.Tx) error {
		_, taken, err := findIn(ctx, tx, "name", p.Name)
		if err != nil {
			return fmt.Errorf("invite a person: %w", err)
		}
		if taken {
			return ErrExists
		}
		if err := mayGive(by, p); err != nil {
			return err
		}
		now, id := a.now(), newID()
		_, err = tx.Exec(ctx, `INSERT INTO users (id, name, password, must_change, one_time_until, role, created_at, invited_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, id, p.Name, hash, true, database.Micros(now.Add(OneTimeLife)), string(p.Role), database.Micros(now), by.ID)
		if err != nil {
			return fmt.Errorf("invite a person: %w", err)
		}
		if err := put(ctx, tx, id, p, a.now()); err != nil {
			return err
		}
		if err := a.tell(ctx, tx, by, audit.PersonInvited, User{ID: id}, &p); err != nil {
			return err
		}
		return a.tellCaseload(ctx, tx, by, User{ID: id}, p)
	})
	if err != nil {
		return "", err
	}
	return oneTime, nil
}

// Change changes what a person may do, for whom and until when. The name stays.
// Errors are those of the checks; ErrSelf for one's own access, ErrLast for the
// last who could let others in, ErrNoUser for whoever by may not manage.
func (a *Accounts) Change(ctx context.Context, by User, id string, p Person) error {
	if err := p.check(a.now()); err != nil {
		return err
	}
	return a.manage(ctx, by, "id", id, func(tx *database.Tx, u User) error {
		if err := mayGive(by, p); err != nil {
			return err
		}
		if err := put(ctx, tx, u.ID, p, a.now()); err != nil {
			return err
		}
		if err := a.tell(ctx, tx, by, audit.PersonChanged, u, &p); err != nil {
			return err
		}
		return a.tellCaseload(ctx, tx, by, u, p)
	})
}

// Disable ends a person's access, and every session at its next page.
func (a *Accounts) Disable(ctx context.Context, by User, name string) error {
	return a.manage(ctx, by, "name", normalName(name), func(tx *database.Tx, u User) error {
		_, err := tx.Exec(ctx, "UPDATE users SET disabled_at = ?, ended = ended + 1 WHERE id = ?", database.Micros(a.now()), u.ID)
		if err != nil {
			return err
		}
		return a.tell(ctx, tx, by, audit.PersonRemoved, u, nil)
	})
}

// Leave takes a person out of the authorities of by, and ends the access of one
// who has no other. It is what an administrator may do to somebody who works for
// other authorities too.
func (a *Accounts) Leave(ctx context.Context, by User, name string) error {
	return a.keepLast(ctx, func(tx *database.Tx) error {
		u, found, err := findIn(ctx, tx, "name", normalName(name))
		switch {
		case err != nil:
			return err
		case !found || !by.May(ManagePeople) || !u.Role.OfAuthority() || !overlap(by.Authorities, u.Authorities):
			return ErrNoUser
		case u.ID == by.ID:
			return ErrSelf
		}
		for _, code := range by.Authorities {
			if _, err := tx.Exec(ctx, "DELETE FROM user_authorities WHERE user_id = ? AND authority = ?", u.ID, code); err != nil {
				return err
			}
			if err := dropCaseload(ctx, tx, u.ID, code); err != nil {
				return err
			}
		}
		if slices.ContainsFunc(u.Authorities, func(code string) bool { return !by.Of(code) }) {
			_, err = tx.Exec(ctx, "UPDATE users SET ended = ended + 1 WHERE id = ?", u.ID)
		} else {
			_, err = tx.Exec(ctx, "UPDATE users SET disabled_at = ?, ended = ended + 1 WHERE id = ?", database.Micros(a.now()), u.ID)
		}
		if err != nil {
			return err
		}
		return a.tell(ctx, tx, by, audit.PersonRemoved, u, nil)
	})
}

func dropCaseload(ctx context.Context, tx *database.Tx, id, authority string) error {
	_, err := tx.Exec(ctx, `DELETE FROM caseload WHERE user_id = ? AND EXISTS (SELECT 1 FROM pupils p
		WHERE p.school = caseload.school AND p.pupil = caseload.pupil AND p.authority = ?)`, id, authority)
	return err
}

// Reset gives a person a new one-time password, forgets the second factor, and
// lets a disabled one in again. Every session of the person ends. The last
// administrator may be reset: whoever hands over the new password lets one in.
func (a *Accounts) Reset(ctx context.Context, by User, name string) (oneTime string, err error) {
	oneTime = newOneTime()
	hash, err := hashPassword(ctx, oneTime)
	if err != nil {
		return "", err
	}
	name = normalName(name)
	err = a.db.Write(ctx, func(tx *database.Tx) error {
		u, err := managed(ctx, tx, by, "name", name)
		if err != nil {
			return err
		}
		if len(u.Authorities) == 0 && u.Role.OfAuthority() {
			return ErrPlace
		}
		until := database.Micros(a.now().Add(OneTimeLife))
		_, err = tx.Exec(ctx, `UPDATE users SET password = ?, must_change = ?, one_time_until = ?, disabled_at = NULL, password_new = '',
			totp = NULL, totp_new = NULL, subject = NULL, ended = ended + 1 WHERE id = ?`, hash, true, until, u.ID)
		if err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM user_recovery WHERE user_id = ?", u.ID)
		}
		if err != nil {
			return err
		}
		return a.tell(ctx, tx, by, audit.PersonReset, u, nil)
	})
	if err != nil {
		return "", fmt.Errorf("reset a person: %w", err)
	}
	a.names.succeeded(name)
	return oneTime, nil
}

// check says what is wrong with a person by itself.
func (p *Person) check(now time.Time) error {
	slices.Sort(p.Authorities)
	p.Authorities = slices.Compact(p.Authorities)
	p.Email = strings.ToLower(strings.TrimSpace(p.Email))
	switch {
	case !p.Role.valid():
		return ErrRole
	case p.Role.OfAuthority() != (len(p.Authorities) > 0), (p.Role == SchoolRole) != (p.School != ""):
		return ErrPlace
	case !p.Until.IsZero() && !p.Until.After(now):
		return ErrUntil
	case p.Email == "":
		return nil
	}
	address, err := mail.ParseAddress(p.Email)
	if err != nil || address.Address != p.Email || len(p.Email) > 254 {
		return ErrEmail
	}
	return nil
}

// put writes what is decided about a person.
func put(ctx context.Context, tx *database.Tx, id string, p Person, now time.Time) error {
	if p.School != "" {
		if err := mustBe(ctx, tx, ErrSchool, "SELECT COUNT(*) FROM schools WHERE school = ?", p.School); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, "UPDATE users SET role = ?, school = ?, email = ?, until_at = ? WHERE id = ?",
		string(p.Role), sql.NullString{String: p.School, Valid: p.School != ""}, p.Email, database.NullMicros(p.Until), id)
	for _, table := range []string{"user_authorities", "caseload"} {
		if err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM "+table+" WHERE user_id = ?", id)
		}
	}
	if err != nil {
		return fmt.Errorf("keep a person: %w", err)
	}
	for _, code := range p.Authorities {
		if err := mustBe(ctx, tx, ErrAuthority, "SELECT COUNT(*) FROM authorities WHERE code = ?", code); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO user_authorities (user_id, authority) VALUES (?, ?)", id, code); err != nil {
			return fmt.Errorf("keep a person: %w", err)
		}
	}
	if p.Role != Caseload {
		return nil
	}
	return putCaseload(ctx, tx, id, p, now)
}

// putCaseload keeps the children of a caseload, each of an authority of the
// person's.
func putCaseload(ctx context.Context, tx *database.Tx, id string, p Person, now time.Time) error {
	for _, c := range p.Only {
		var authority string
		err := tx.QueryRow(ctx, "SELECT COALESCE(MAX(authority), '') FROM pupils WHERE school = ? AND pupil = ?", c.School, string(c.Pupil)).Scan(&authority)
		if err != nil {
			return fmt.Errorf("keep a caseload: %w", err)
		}
		if authority == "" || !slices.Contains(p.Authorities, authority) {
			return ErrChild
		}
		_, err = tx.Exec(ctx, "INSERT INTO caseload (school, pupil, user_id, added_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", c.School, string(c.Pupil), id, database.Micros(now))
		if err != nil {
			return fmt.Errorf("keep a caseload: %w", err)
		}
	}
	return nil
}

func mustBe(ctx context.Context, tx *database.Tx, missing error, query, value string) error {
	var n int
	if err := tx.QueryRow(ctx, query, value).Scan(&n); err != nil {
		return fmt.Errorf("keep a person: %w", err)
	}
	if n == 0 {
		return missing
	}
	return nil
}

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24: the program ends instead
	return hex.EncodeToString(b[:])
}
