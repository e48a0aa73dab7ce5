package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// lookEvery is how often the schools' times are looked at, which people change.
const lookEvery = 5 * time.Minute

// A Sender sends an e-mail: a Mailer. Its error is a *Failure.
type Sender interface {
	Send(ctx context.Context, l Letter) error
}

// A Config is what a Runner is made of.
type Config struct {
	DB     *database.DB
	Vault  *vault.Vault
	Sender Sender
	// Link is the address of the portal.
	Link    string
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// A Runner sends e-mails when they are due. Several may run on one database.
type Runner struct {
	store     *store.Store
	accounts  *account.Accounts
	audit     *audit.Log
	book      *call.Book
	registers *register.Registers
	ledger    ledger
	sender    Sender
	link      string
	log       *slog.Logger
	mails     *prometheus.CounterVec

	// down counts how often in a row the mail server could not be used, pause is
	// until when it is left alone.
	down  int
	pause time.Time
}

// New makes a Runner.
func New(c Config) *Runner {
	s := store.New(c.DB)
	return &Runner{
		store: s, accounts: account.Open(c.DB, c.Vault), audit: audit.New(c.DB, c.Vault), book: call.New(s, c.Vault), registers: register.New(s, c.Vault),
		ledger: ledger{s}, sender: c.Sender, link: c.Link, log: c.Log,
		mails: promauto.With(c.Metrics).NewCounterVec(prometheus.CounterOpts{
			Name: "rollbridge_alerts_total", Help: "E-mails to people of the authorities: sent, or tried in vain, by the reason.",
		}, []string{"result"}),
	}
}

// Run sends what is due until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	for {
		next, err := r.Once(ctx, clock.Now())
		if err != nil && ctx.Err() == nil {
			r.log.Error("e-mails about a session could not be prepared and will be tried again", logkey.Error, err.Error())
		}
		if clock.Sleep(ctx, next) != nil {
			return nil
		}
	}
}

// Once sends what is due at now, and says when to look again. One authority's
// error does not stop the others.
func (r *Runner) Once(ctx context.Context, now time.Time) (next time.Time, err error) {
	next = now.Add(lookEvery)
	if err := r.ledger.forget(ctx, dayOf(now)); err != nil {
		return next, err
	}
	people, err := r.people(ctx, now)
	if err != nil {
		return next, err
	}
	authorities, err := r.store.Authorities(ctx)
	if err != nil {
		return next, err
	}
	for _, a := range authorities {
		if len(people[a.Code]) == 0 {
			continue
		}
		at, failed := r.authority(ctx, a, people[a.Code], now)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("e-mails of authority %s: %w", a.Code, failed))
			continue
		}
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next, err
}

func dayOf(now time.Time) record.Date { return record.DateOf(now.In(status.London())) }

// people finds who wants e-mails, by authority.
func (r *Runner) people(ctx context.Context, now time.Time) (map[string][]account.User, error) {
	all, err := r.accounts.List(ctx)
	if err != nil {
		return nil, err
	}
	wanted := map[string][]account.User{}
	for _, u := range all {
		if !u.Alerts || u.Email == "" || u.MustChange || !u.MayHaveAlerts() || !u.Works(now) {
			continue
		}
		for _, code := range u.Authorities {
			wanted[code] = append(wanted[code], u)
		}
	}
	return wanted, nil
}

// authority sends what is due of one authority, and says when something is next;
// zero for nothing more today.
func (r *Runner) authority(ctx context.Context, a store.Authority, people []account.User, now time.Time) (next time.Time, err error) {
	o, err := overview.ReadUncounted(ctx, r.store, a.Code, now)
	if err != nil {
		return next, err
	}
	for _, session := range []status.Session{status.AM, status.PM} {
		w, in := windowOf(o, session)
		if in && now.Before(w.from) && (next.IsZero() || w.from.Before(next)) {
			next = w.from
		}
		if !in || !w.has(now) {
			continue
		}
		at, err := r.session(ctx, a, o, session, people, now)
		if err != nil {
			return next, err
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}

// session sends what is due of one session.
func (r *Runner) session(ctx context.Context, a store.Authority, o overview.Overview, session status.Session, people []account.User, now time.Time) (next time.Time, err error) {
	p := parcel{a.Code, dayOf(now), session}
	ids := make([]string, len(people))
	for i, u := range people {
		ids[i] = u.ID
	}
	if err := r.ledger.open(ctx, p, ids, now); err != nil {
		return next, err
	}
	tasks, err := r.ledger.unsent(ctx, p)
	if err != nil || len(tasks) == 0 {
		return next, err
	}
	var counts *Counts
	for _, t := range tasks {
		at := slices.IndexFunc(people, func(u account.User) bool { return u.ID == t.user })
		if at < 0 {
			continue // does not want it any more
		}
		due := t.next
		if due.Before(r.pause) {
			due = r.pause
		}
		if !due.After(now) {
			if counts == nil {
				if counts, err = r.count(ctx, a, o, session); err != nil {
					return next, err
				}
			}
			if due, err = r.send(ctx, t, people[at], *counts, now); err != nil {
				return next, err
			}
		}
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next, nil
}

func (r *Runner) count(ctx context.Context, a store.Authority, o overview.Overview, session status.Session) (*Counts, error) {
	d, err := r.book.Day(ctx, r.registers, store.Sight{Authority: a.Code}, a, o, session)
	if err != nil {
		return nil, err
	}
	c := countsOf(d)
	return &c, nil
}

// send tries one e-mail, and says when it is next tried; zero if it was sent, or
// another process has it.
func (r *Runner) send(ctx context.Context, t task, u account.User, c Counts, now time.Time) (next time.Time, err error) {
	taken, err := r.ledger.take(ctx, t, now)
	if err != nil || !taken {
		return next, err
	}
	subject, body := c.text(language.In(language.Language(u.Language)), r.link)
	id := fmt.Sprintf("%s.%s.%s.%s", t.day, t.session, t.authority, u.ID)
	err = r.sender.Send(ctx, Letter{To: u.Email, Subject: subject, Body: body, ID: id})
	var failed *Failure
	switch {
	case err == nil:
		r.down, r.pause = 0, time.Time{}
		r.mails.WithLabelValues("sent").Inc()
		entry := audit.Entry{Authority: t.authority, User: audit.ByProgram, Action: audit.AlertSent, Subject: audit.Subject{About: string(t.session) + " " + u.ID}}
		return next, r.ledger.sent(ctx, t, now, func(tx *database.Tx) error { return r.audit.AddIn(ctx, tx, entry) })
	case ctx.Err() != nil:
		return next, ctx.Err()
	case !errors.As(err, &failed):
		return next, err
	}
	return r.failed(ctx, t, failed, now)
}

// failed puts an e-mail off, and all others too if it is the mail server that
// cannot be used. What is refused for good is not tried again.
func (r *Runner) failed(ctx context.Context, t task, f *Failure, now time.Time) (next time.Time, err error) {
	r.mails.WithLabelValues(f.Reason).Inc()
	attempts := t.attempts + 1
	if f.Everybody() {
		r.down++
		attempts = r.down
	}
	next = now.Add(retry(attempts))
	if f.Everybody() {
		r.pause = next
	}
	until := endOf(now, t.session)
	if f.Reason == ReasonRefused || !next.Before(until) {
		r.log.Error("an e-mail about a session was given up", logkey.Authority, t.authority, logkey.User, t.user, logkey.Reason, f.Reason,
			logkey.Status, f.Code, logkey.Attempt, t.attempts+1)
		return time.Time{}, r.ledger.again(ctx, t, until)
	}
	r.log.Warn("an e-mail about a session was not sent and will be tried again", logkey.Authority, t.authority, logkey.User, t.user,
		logkey.Reason, f.Reason, logkey.Status, f.Code, logkey.Attempt, t.attempts+1, logkey.Next, next)
	return next, r.ledger.again(ctx, t, next)
}
