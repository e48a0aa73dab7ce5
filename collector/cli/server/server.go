package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"rollbridge/collector/alert"
	"rollbridge/collector/apply"
	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/disclosure"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/hosted"
	"rollbridge/collector/inbox"
	"rollbridge/collector/intake"
	"rollbridge/collector/keys"
	"rollbridge/collector/portal"
	"rollbridge/collector/portal/schoolpage"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/release"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// Config is what one process runs with.
type Config struct {
	Settings settings.Settings
	Roles    []Role
	Log      *slog.Logger
}

// process is what the roles of one process are made of while it starts and
// runs.
type process struct {
	Config
	db      *database.DB
	store   *store.Store
	metrics *prometheus.Registry

	work      []func(context.Context) error
	listeners []*listener
	// closers run last, in the opposite order of their making.
	closers []func() error

	// control is opened once for apply and jobs together, vault for portal too.
	control *Control
	vault   *vault.Vault
	desk    *enrolment.Desk
	applier *apply.Applier
}

// Run runs the roles until ctx ends and then stops them in order; it returns
// nil after an orderly stop. An error before anything listens has changed
// nothing.
func Run(ctx context.Context, c Config) (err error) {
	p := &process{Config: c, metrics: newRegistry()}
	defer func() {
		for _, closeIt := range slices.Backward(p.closers) {
			err = errors.Join(err, closeIt())
		}
	}()
	if p.db, err = database.Open(ctx, c.Settings.DatabaseDSN()); err != nil {
		return err
	}
	p.closers = append(p.closers, p.db.Close)
	p.store = store.New(p.db)
	// Apply comes before intake, which nudges it.
	for _, start := range []struct {
		role Role
		do   func(context.Context) error
	}{{RoleApply, p.startApply}, {RoleJobs, p.startJobs}, {RolePortal, p.startPortal}, {RoleIntake, p.startIntake}} {
		if !slices.Contains(c.Roles, start.role) {
			continue
		}
		if err := start.do(ctx); err != nil {
			return errors.Join(err, p.unbind())
		}
	}
	if err := p.listen("private", c.Settings.Private.Listen, pages(private(p.db, p.metrics, p.console()), nil, c.Log)); err != nil {
		return errors.Join(err, p.unbind())
	}
	return p.run(ctx)
}

func (p *process) run(ctx context.Context) error {
	p.Log.Info("collector started", logkey.Version, version.Version, logkey.Role, p.Roles)
	g, ctx := errgroup.WithContext(ctx)
	for _, work := range p.work {
		g.Go(func() error { return work(ctx) })
	}
	for _, l := range p.listeners {
		g.Go(func() error { return l.serve(ctx, p.Log) })
	}
	err := g.Wait()
	p.Log.Info("collector stopped")
	return err
}

// unbind closes what was opened by a start that failed.
func (p *process) unbind() error {
	var errs []error
	for _, l := range p.listeners {
		errs = append(errs, l.socket.Close())
	}
	return errors.Join(errs...)
}

// openControl opens, once, what apply and jobs decide with.
func (p *process) openControl(ctx context.Context) error {
	if p.control != nil {
		return nil
	}
	c, err := OpenControl(ctx, p.Settings, p.store)
	if err != nil {
		return err
	}
	if err := p.openVault(); err != nil {
		return err
	}
	p.control = &c
	p.desk = newDesk(p.Settings, p.store, p.vault, c, p.Log)
	// A restored database may show a school that has stopped: not to anybody.
	return p.desk.Replay(ctx)
}

// openVault opens, once, what opens what is stored: for every role but intake.
func (p *process) openVault() error {
	if p.vault != nil {
		return nil
	}
	v, err := vault.Open(filepath.Join(p.Settings.Keys(), "vault"))
	if err != nil {
		return err
	}
	p.closers = append(p.closers, v.Close)
	p.vault = v
	return nil
}

func (p *process) startApply(ctx context.Context) error {
	if err := p.openControl(ctx); err != nil {
		return err
	}
	// Without sealing keys nothing that waits can be opened: say so now.
	if _, err := keys.OpenSealing(p.Settings.Keys()); err != nil {
		return err
	}
	p.applier = apply.New(apply.Config{
		Store: p.store, Vault: p.vault, Keys: p.Settings.Keys(), Control: p.control.Key, Log: p.Log, Every: lookEvery,
	})
	p.work = append(p.work, p.applier.Run, p.desk.Run)
	return nil
}

func (p *process) startJobs(ctx context.Context) error {
	if err := p.openControl(ctx); err != nil {
		return err
	}
	again, err := newReleases(p.Settings)
	if err != nil {
		return err
	}
	j := newJobs(jobs{releases: again, db: p.db, store: p.store, vault: p.vault, desk: p.desk, root: p.control.Root, log: p.Log, periods: p.Settings.Retention,
		audited: audited{settings: p.Settings, log: audit.New(p.db, p.vault), key: p.control.Key}}, p.metrics)
	p.work = append(p.work, j.run)
	if p.Settings.Alerts.On() {
		r := alert.New(alert.Config{
			DB: p.db, Vault: p.vault, Sender: alert.NewMailer(p.Settings.Alerts), Link: p.Settings.Portal.URL, Log: p.Log, Metrics: p.metrics,
		})
		p.work = append(p.work, r.Run)
	}
	return nil
}

func (p *process) startPortal(ctx context.Context) error {
	if err := p.openVault(); err != nil {
		return err
	}
	if n, err := enrolment.Unknown(ctx, p.store, p.vault); err != nil || n > 0 {
		return errors.Join(err, unknownStops(n))
	}
	t := p.Settings.PortalTLS()
	c, err := certificates(p.Settings, t)
	if err != nil {
		return err
	}
	if _, built := web.Stylesheet(); !built {
		p.Log.Warn("the portal's stylesheet is not built, so pages are plain: run `make style` and build again")
	}
	service, err := signInService(p.Settings)
	if err != nil {
		return err
	}
	h := portal.New(p.db, p.Log, portal.Options{
		HSTS: t.Mode != settings.TLSTrial, Vault: p.vault, LeftDays: p.Settings.Retention.LeftDays, Service: service,
		School: schoolpage.Parts{
			Agents:   hosted.New(p.Settings.Hosted.Program, p.Settings.Hosted.Schools),
			Operator: p.Settings.OperatorName(), Handling: p.Settings.HandlingOf(), PublicURL: p.Settings.PublicURL, Notice: p.notice(),
		},
	}).Handler()
	return p.listen("portal", p.Settings.Portal.Listen, pages(h, c, p.Log))
}

// unknownStops keeps a portal of its own from showing schools that have stopped.
func unknownStops(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("the database does not know that %d schools have stopped, so it was restored from a backup of before: start the process with role apply first, which stops them again", n)
}

func (p *process) startIntake(ctx context.Context) error {
	held, err := keys.OpenIntake(p.Settings.Keys())
	if err != nil {
		return err
	}
	c, err := certificates(p.Settings, p.Settings.Intake.TLS)
	if err != nil {
		return err
	}
	box := inbox.New(p.db, p.metrics)
	// Closed after the listener has given its last answer.
	p.closers = append(p.closers, func() error { box.Close(); return nil })
	h, err := intake.New(ctx, intake.Config{
		DB: p.db, Inbox: box, Keys: held, Log: p.Log, Registerer: p.metrics, Kept: p.kept(),
		Operator: p.Settings.OperatorName(), Contact: p.Settings.HandlingOf().Contact, Security: p.notice(),
		Updates: release.At(p.Settings.ReleasesDir()).Public(),
	})
	if err != nil {
		return err
	}
	return p.listen("intake", p.Settings.Intake.Listen, intake.Server(h, c))
}

// notice is where weaknesses are reported to.
func (p *process) notice() disclosure.Notice {
	return disclosure.Notice{Contact: p.Settings.Security.Contact, Policy: p.Settings.Security.Policy}
}

// kept tells apply in the same process that something has arrived; nil where
// apply is another process, which looks by itself.
func (p *process) kept() func(protocol.Message) {
	if p.applier == nil {
		return nil
	}
	return func(m protocol.Message) {
		switch m {
		case protocol.MessageEnrol, protocol.MessageRevoke:
			p.desk.Nudge()
		default:
			p.applier.Nudge()
		}
	}
}

func (p *process) listen(name, address string, s *http.Server) error {
	l, err := open(name, address, s)
	if err == nil {
		p.listeners = append(p.listeners, l)
	}
	return err
}
