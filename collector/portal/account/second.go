package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
)

// ErrCode is the one answer to a code that is wrong, late, early or spent.
var ErrCode = errors.New("the code is not right: wait for the next one and enter that")

const (
	issuer = "Rollbridge"
	// step is how long a code counts; the one before and the one after are taken
	// too, for clocks that are off.
	step = 30 * time.Second
	// recoveryCodes is how many a person gets.
	recoveryCodes = 10
)

// A Setup is what an authenticator app needs.
type Setup struct {
	Key string // base32, in groups of four
	URL string // otpauth://…
	QR  []byte // the URL as a PNG
}

// sealTOTP binds a key to its person.
func (a *Accounts) sealTOTP(u User, secret string) ([]byte, error) {
	key, err := a.vault.Own("totp")
	if err != nil {
		return nil, err
	}
	return key.Seal(vault.Name{Dataset: "totp", Key: u.ID}, []byte(secret))
}

func (a *Accounts) openTOTP(u User, sealed []byte) (string, error) {
	key, err := a.vault.Own("totp")
	if err != nil {
		return "", err
	}
	secret, err := key.Open(vault.Name{Dataset: "totp", Key: u.ID}, sealed)
	return string(secret), err
}

// BeginSecond makes the key of a new second factor, which counts once Confirm
// has seen a code of it; what is in force stays until then.
func (a *Accounts) BeginSecond(ctx context.Context, u User) error {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: u.Name})
	if err != nil {
		return fmt.Errorf("make a second factor: %w", err)
	}
	sealed, err := a.sealTOTP(u, key.Secret())
	if err != nil {
		return fmt.Errorf("make a second factor: %w", err)
	}
	return a.update(ctx, u, "UPDATE users SET totp_new = ? WHERE id = ?", sealed, u.ID)
}

// Setup is the second factor that BeginSecond made; ErrChanged if there is none.
func (a *Accounts) Setup(u User) (Setup, error) {
	if u.totpNew == nil {
		return Setup{}, ErrChanged
	}
	secret, err := a.openTOTP(u, u.totpNew)
	if err != nil {
		return Setup{}, fmt.Errorf("show a second factor: %w", err)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		return Setup{}, fmt.Errorf("show a second factor: %w", err)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: u.Name, Secret: raw})
	if err != nil {
		return Setup{}, fmt.Errorf("show a second factor: %w", err)
	}
	const side = 220
	image, err := key.Image(side, side)
	if err != nil {
		return Setup{}, fmt.Errorf("show a second factor: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image); err != nil {
		return Setup{}, fmt.Errorf("show a second factor: %w", err)
	}
	return Setup{Key: grouped(secret, " "), URL: key.URL(), QR: b.Bytes()}, nil
}

// FinishSecond takes a code of the new second factor: from now on it is the one
// in force, and a password that was chosen with a one-time password is too. It
// returns the person as that is then, and the recovery codes, which cannot be
// shown again. Every other session of the person ends.
func (a *Accounts) FinishSecond(ctx context.Context, u User, code string) (User, []string, error) {
	if u.totpNew == nil || u.MustChange && u.newOne == "" {
		return User{}, nil, ErrChanged
	}
	var at int64
	err := a.guess(u, func() (err error) {
		at, err = a.match(u, u.totpNew, code, 0)
		return err
	})
	if err != nil {
		return User{}, nil, err
	}
	codes := newRecovery()
	err = a.db.Write(ctx, func(tx *database.Tx) error {
		password := u.password
		if u.MustChange {
			password = u.newOne
		}
		n, err := tx.Exec(ctx, `UPDATE users SET totp = totp_new, totp_new = NULL, totp_step = ?, password = ?, password_new = '', must_change = ?,
			one_time_until = NULL, ended = ended + 1, signed_in_at = ? WHERE id = ? AND ended = ? AND totp_new = ?`,
			at, password, false, database.Micros(a.now()), u.ID, u.ended, u.totpNew)
		if err == nil && n == 0 {
			err = ErrChanged
		}
		if err != nil {
			return err
		}
		return putRecovery(ctx, tx, u.ID, codes)
	})
	if err != nil {
		return User{}, nil, fmt.Errorf("set up a second factor: %w", err)
	}
	u, _, err = a.find(ctx, "id", u.ID)
	return u, codes, err
}

// Code takes a code of the person's second factor, each once. The person has
// given the password just before.
func (a *Accounts) Code(ctx context.Context, u User, code string) error {
	return a.guess(u, func() error {
		if u.totp == nil {
			return ErrCode
		}
		at, err := a.match(u, u.totp, code, u.totpStep)
		if err != nil {
			return err
		}
		err = a.update(ctx, u, "UPDATE users SET totp_step = ?, signed_in_at = ? WHERE id = ? AND totp_step < ?",
			at, database.Micros(a.now()), u.ID, at)
		if errors.Is(err, ErrChanged) { // somebody else was faster with this code
			return ErrCode
		}
		return err
	})
}

// Recover takes a recovery code in place of the second factor, each once, and
// says how many are left.
func (a *Accounts) Recover(ctx context.Context, u User, code string) (left int, err error) {
	err = a.guess(u, func() error {
		return a.db.Write(ctx, func(tx *database.Tx) error {
			now := database.Micros(a.now())
			n, err := tx.Exec(ctx, "UPDATE user_recovery SET used_at = ? WHERE user_id = ? AND code = ? AND used_at IS NULL", now, u.ID, recoveryHash(code))
			if err != nil {
				return fmt.Errorf("take a recovery code: %w", err)
			}
			if n == 0 {
				return ErrCode
			}
			if _, err := tx.Exec(ctx, "UPDATE users SET signed_in_at = ? WHERE id = ?", now, u.ID); err != nil {
				return fmt.Errorf("take a recovery code: %w", err)
			}
			return tx.QueryRow(ctx, "SELECT COUNT(*) FROM user_recovery WHERE user_id = ? AND used_at IS NULL", u.ID).Scan(&left)
		})
	})
	return left, err
}

// RecoveryLeft says how many recovery codes a person still has.
func (a *Accounts) RecoveryLeft(ctx context.Context, u User) (left int, err error) {
	err = a.db.Read(ctx, func(tx *database.Tx) error {
		return tx.QueryRow(ctx, "SELECT COUNT(*) FROM user_recovery WHERE user_id = ? AND used_at IS NULL", u.ID).Scan(&left)
	})
	if err != nil {
		return 0, fmt.Errorf("count recovery codes: %w", err)
	}
	return left, nil
}

// NewRecovery replaces the recovery codes of a person.
func (a *Accounts) NewRecovery(ctx context.Context, u User) ([]string, error) {
	codes := newRecovery()
	err := a.db.Write(ctx, func(tx *database.Tx) error { return putRecovery(ctx, tx, u.ID, codes) })
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// guess lets f try a code unless there were too many wrong ones.
func (a *Accounts) guess(u User, f func() error) error {
	if wait := a.codes.try(u.ID, time.Now()); wait > 0 {
		return &WaitError{wait}
	}
	err := f()
	switch {
	case err == nil:
		a.codes.succeeded(u.ID)
	case !errors.Is(err, ErrCode):
		a.codes.takeBack(u.ID) // a fault of ours is no guess of theirs
	}
	return err
}

// match finds the half-minute whose code this is: the present one, the one
// before or the one after, and none up to after, whose code was taken already.
func (a *Accounts) match(u User, sealed []byte, code string, after int64) (int64, error) {
	secret, err := a.openTOTP(u, sealed)
	if err != nil {
		return 0, fmt.Errorf("check a code: %w", err)
	}
	code = strings.Join(strings.Fields(code), "")
	now, found := a.now().Unix()/int64(step/time.Second), int64(0)
	for at := now - 1; at <= now+1; at++ {
		// A code of another length is an error of the library's, and wrong here.
		ok, _ := hotp.ValidateCustom(code, uint64(at), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if ok && at > after {
			found = at
		}
	}
	if found == 0 {
		return 0, ErrCode
	}
	return found, nil
}

// newRecovery draws recovery codes of 16 letters, 80 bits each.
func newRecovery() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		var b [10]byte
		_, _ = rand.Read(b[:]) // never fails since Go 1.24: the program ends instead
		codes[i] = grouped(strings.ToLower(base32.StdEncoding.EncodeToString(b[:])), "-")
	}
	return codes
}

// recoveryHash is how a recovery code is kept, whatever its groups and capitals.
// The codes are random, so a plain hash gives nothing away.
func recoveryHash(code string) []byte {
	code = strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToLower(strings.TrimSpace(code)))
	sum := sha256.Sum256([]byte("rollbridge/recovery/v1\x00" + code))
	return sum[:]
}

func putRecovery(ctx context.Context, tx *database.Tx, id string, codes []string) error {
	_, err := tx.Exec(ctx, "DELETE FROM user_recovery WHERE user_id = ?", id)
	for _, code := range codes {
		if err == nil {
			_, err = tx.Exec(ctx, "INSERT INTO user_recovery (user_id, code) VALUES (?, ?)", id, recoveryHash(code))
		}
	}
	if err != nil {
		return fmt.Errorf("keep recovery codes: %w", err)
	}
	return nil
}

// grouped is a text in groups of four.
func grouped(text, gap string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteString(gap)
		}
		b.WriteRune(r)
	}
	return b.String()
}
