package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/agent/uplink"
	"rollbridge/agent/uplink/exit"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
	"rollbridge/shared/version"
)

// Options are what an Updater goes by.
type Options struct {
	// Running is the version that runs; "" is this program's own.
	Running string
	// Dir is the versions directory, Root the built-in root.
	Dir  slot.Dir
	Root []byte
	// URL is the school's setting (settings.Updates.URL), BuiltIn the address that
	// is stamped in.
	URL     string
	BuiltIn string
	// Off says that the school wants no updates.
	Off  bool
	Ring release.Ring
	// Window and HoldDays are the school's.
	Window   Window
	HoldDays int
	// Exit is how connections leave the school.
	Exit exit.Settings
	// Collector says where the collector is, and the pin of its key; "" while no
	// school is enrolled. It is asked where nothing else says where to look.
	Collector func() (address string, pin []byte)
	// Silent says that not a byte may be sent: every school of the computer is
	// paused or has stopped. nil is never.
	Silent func() bool
	Log    *slog.Logger
	Limits Limits // zero is DefaultLimits
}

// An Updater looks for releases and stages them. It is safe for concurrent use:
// one thing is done at a time.
type Updater struct {
	o     Options
	stage stage
	// running, build and data say what runs; tests change them.
	running string
	build   int
	now     func() time.Time

	one sync.Mutex

	reporting sync.Mutex
	report    *protocol.Update
	reported  time.Time
}

// New makes an Updater; it opens nothing.
func New(o Options) *Updater {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	o.Ring = cmp.Or(o.Ring, release.General)
	return &Updater{o: o, stage: stage{dir: o.Dir, room: room}, running: cmp.Or(o.Running, version.Version), build: osBuild(), now: clock.Now}
}

// Default is the versions directory of this program and what is stamped into it.
func Default() Options {
	o := Options{Root: release.Root(), BuiltIn: release.Address()}
	if program, err := os.Executable(); err == nil {
		o.Dir = slot.Beside(program)
	}
	return o
}

// Served is the version that the service runs, as a command has it that is itself
// of the package's own: what the supervisor started last, or this one where a
// package has brought it since.
func (o Options) Served() string {
	state, err := o.Dir.State()
	if err != nil || state.Running == "" {
		return version.Version
	}
	if _, skipped := state.Skips(version.Version, clock.Now()); !skipped && release.Compare(version.Version, state.Running) > 0 {
		return version.Version
	}
	return state.Running
}

// Off says why no updates are looked for, "" if they are.
func (u *Updater) Off() protocol.UpdateOff {
	_, _, ok := u.where()
	switch {
	case u.o.Root == nil:
		return protocol.UpdateOffBuild
	case !u.o.Dir.There():
		return protocol.UpdateOffPlace
	case u.o.Off:
		return protocol.UpdateOffSetting
	case !ok:
		return protocol.UpdateOffAddress
	}
	return ""
}

// where is where to look: what the school set, what is stamped in, or the
// collector.
func (u *Updater) where() (address string, pin []byte, ok bool) {
	if a := cmp.Or(u.o.URL, u.o.BuiltIn); a != "" {
		return a, nil, true
	}
	if a, pin := u.collector(); a != "" {
		return OfCollector(a), pin, true
	}
	if m, _ := recall(u.o.Dir); m.Collector != nil && CheckAddress(m.Collector.Address) == nil {
		return OfCollector(m.Collector.Address), m.Collector.Pin, true
	}
	return "", nil, false
}

func (u *Updater) collector() (address string, pin []byte) {
	if u.o.Collector == nil {
		return "", nil
	}
	return u.o.Collector()
}

var (
	// ErrOff is returned where no updates are looked for; Off says why.
	ErrOff = errors.New("no updates are looked for")
	// ErrSilent is returned while every school of the computer is paused or has
	// stopped, and where one paused in the middle.
	ErrSilent = errors.New("the school has paused or stopped, so that nothing is sent and no update can be looked for")
)

// Check looks into the repository and decides; it stages nothing. asked is the
// version for which a person asks now, AskedNewest, or "". An error is a *Fault,
// ErrOff or that of the context; how things stand is told even so.
func (u *Updater) Check(ctx context.Context, asked string) (Status, error) {
	u.one.Lock()
	defer u.one.Unlock()
	ctx, done := u.heedful(ctx)
	f, _, err := u.check(ctx)
	if f != nil {
		f.site.Close()
	}
	return u.status(asked), done(err)
}

// check makes one check and remembers what came of it.
func (u *Updater) check(ctx context.Context) (*fetcher, view, error) {
	if u.Off() != "" {
		return nil, view{}, ErrOff
	}
	if err := ctx.Err(); err != nil {
		return nil, view{}, err
	}
	m := u.recall()
	if a, pin := u.collector(); a != "" {
		m.Collector = &collector{a, pin}
	}
	now := u.now()
	f, err := u.fetcher(ctx)
	if err != nil {
		return nil, view{}, u.note(&m, err, now)
	}
	v, err := look(f, u.o.Dir, u.o.Root, u.seen(m), now)
	if err == nil {
		err = u.keep(f, v)
	}
	return f, v, u.conclude(ctx, &m, v, err, now)
}

// conclude remembers how a check went.
func (u *Updater) conclude(ctx context.Context, m *memory, v view, err error, now time.Time) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.Tried = now
	if m.First.IsZero() || m.First.After(now) {
		m.First = now
	}
	switch {
	case errors.Is(err, errOlder):
		// A copy of the repository may lag for hours, and a school must not be told
		// of that; one that lags for a day is broken, or holds updates back.
		if m.Older.IsZero() || m.Older.After(now) {
			m.Older = now
		}
		m.Failed++
		if now.Sub(m.Older) < oldFor {
			return errors.Join(nil, m.save(u.o.Dir))
		}
		return u.note(m, fault(protocol.UpdateOld, err, tellOperator, "%s has shown for more than a day what it showed earlier", u.host()), now)
	case err != nil:
		m.Failed++
		return u.note(m, err, now)
	}
	m.took(v, now)
	m.forget(v.proof.Files())
	u.warn(m, now)
	return u.noted(m.save(u.o.Dir))
}

// oldFor is how long a repository may show what it showed earlier.
const oldFor = 24 * time.Hour

// note remembers a Fault; that it cannot be remembered must not hide it.
func (u *Updater) note(m *memory, err error, now time.Time) error {
	f := asFault(err)
	m.Problem = problem(f, m.Problem, now)
	u.quiet(m, now)
	u.remember(m)
	return f
}

// asFault words an error that has no words yet.
func asFault(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return fault(protocol.UpdateOther, err, again, "no update could be looked for: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
}

// remember saves what can also be found out again: that it cannot be saved must
// hide nothing.
func (u *Updater) remember(m *memory) {
	if err := m.save(u.o.Dir); err != nil {
		u.o.Log.Warn("what came of looking for updates could not be noted", logkey.Error, err.Error())
	}
}

// noted words that nothing could be noted.
func (u *Updater) noted(err error) error {
	if err == nil {
		return nil
	}
	return u.stage.fault(err)
}

func (u *Updater) recall() memory {
	m, lost := recall(u.o.Dir)
	if lost != nil {
		u.o.Log.Warn("what was remembered of updates is lost, and begun anew", logkey.Error, lost.Error())
	}
	return m
}

func (u *Updater) host() string {
	address, _, _ := u.where()
	if at, err := url.Parse(address); err == nil {
		return at.Hostname()
	}
	return "the repository"
}

func (u *Updater) fetcher(ctx context.Context) (*fetcher, error) {
	address, pin, _ := u.where()
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	base, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	site, err := uplink.NewSite(uplink.Route{URL: address, Pin: pin, Exit: u.o.Exit})
	if err != nil {
		return nil, fault(protocol.UpdateOther, err, "", "no update can be looked for: %s", err)
	}
	return &fetcher{ctx: ctx, site: site, base: base, limits: u.o.Limits}, nil
}

// Advance looks for a version and brings it, as far as the decision allows. asked
// is the version for which a person asks now, AskedNewest, or "": for a person
// neither hold nor time of day counts. What it returns says whether the supervisor
// is now to be asked (Ask).
func (u *Updater) Advance(ctx context.Context, asked string) (Advanced, error) {
	u.one.Lock()
	defer u.one.Unlock()
	ctx, done := u.heedful(ctx)
	a, err := u.advance(ctx, asked)
	return a, done(err)
}

// heedful is a context that ends when not a byte may be sent any more; done ends
// it, and says so in place of what came of that.
func (u *Updater) heedful(ctx context.Context) (heeding context.Context, done func(error) error) {
	silent := u.o.Silent
	if silent == nil {
		silent = func() bool { return false }
	}
	heeding, cancel := context.WithCancelCause(ctx)
	watching := make(chan struct{})
	if silent() {
		cancel(ErrSilent)
	}
	go func() {
		defer close(watching)
		ticks := time.NewTicker(tick)
		defer ticks.Stop()
		for heeding.Err() == nil {
			select {
			case <-heeding.Done():
			case <-ticks.C:
				if silent() {
					cancel(ErrSilent)
				}
			}
		}
	}()
	return heeding, func(err error) error {
		cancel(nil)
		<-watching
		if cause := context.Cause(heeding); errors.Is(cause, ErrSilent) {
			return ErrSilent
		}
		return err
	}
}

func (u *Updater) advance(ctx context.Context, asked string) (Advanced, error) {
	f, v, err := u.check(ctx)
	if f != nil {
		defer f.site.Close()
	}
	if err != nil || v.proof == nil {
		return Advanced{Status: u.status(asked)}, err
	}
	d := Decide(u.facts(u.recall(), v.proof, asked))
	if d.Offered == nil || !d.Fetch {
		u.settle()
		return Advanced{Status: u.status(asked)}, nil
	}
	if err := u.bring(ctx, f, v, *d.Offered, asked); err != nil {
		return Advanced{Status: u.status(asked)}, err
	}
	a := Advanced{Version: d.Offered.Version, Status: u.status(asked)}
	if d.Apply {
		a.Wish = &slot.Wish{ID: slot.NewID(), Version: a.Version, Insist: asked == a.Version}
	}
	return a, nil
}

// Ask asks the supervisor for what Advance brought.
func (u *Updater) Ask(wish slot.Wish) error {
	if err := u.o.Dir.Wish(wish); err != nil {
		return u.stage.fault(err)
	}
	u.o.Log.Info("the supervisor is asked to start another version", logkey.Version, wish.Version)
	return nil
}

// bring puts a version into its slot, unless it is there.
func (u *Updater) bring(ctx context.Context, f *fetcher, v view, file release.File, asked string) error {
	if slot.Same(u.o.Dir.Program(file.Version), file) == nil {
		u.settle()
		return nil
	}
	m, now := u.recall(), u.now()
	// What can be found out without the network is found out first.
	if err := u.stage.ready(file); err != nil {
		return u.unbrought(&m, err, now)
	}
	if err := m.mayFetch(file, now); err != nil && asked == "" {
		return u.unbrought(&m, err, now)
	}
	u.o.Log.Info("a newer version is fetched", logkey.Version, file.Version, logkey.Bytes, file.Length)
	err := f.fetch(ctx, u.stage, file, v.targets)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.fetched(file, err, u.now())
	if err != nil {
		return u.unbrought(&m, err, now)
	}
	m.Fetch = nil
	return u.noted(m.save(u.o.Dir))
}

// unbrought remembers why a version could not be brought.
func (u *Updater) unbrought(m *memory, err error, now time.Time) error {
	f := asFault(err)
	m.Fetch = problem(f, m.Fetch, now)
	u.remember(m)
	return f
}

// settle notes that nothing has to be brought.
func (u *Updater) settle() {
	if m := u.recall(); m.Fetch != nil {
		m.Fetch = nil
		u.remember(&m)
	}
}

// facts are what is known now.
func (u *Updater) facts(m memory, proof *release.Proof, asked string) Facts {
	f := Facts{Now: u.now(), Running: u.running, OS: runtime.GOOS, Arch: runtime.GOARCH, Build: u.build, Reads: StateReads,
		Data: release.DataScope(), Rollout: m.Rollout, Ring: u.o.Ring, Installation: m.Installation,
		Window: u.o.Window, HoldDays: u.o.HoldDays, Floor: m.Floor, Skipped: map[string]string{}, Asked: asked}
	if proof != nil {
		f.Files = proof.Files()
		// A command may be of another version than the service that it speaks of.
		if own, listed := proof.Of(u.running, f.OS, f.Arch); listed && u.running != version.Version {
			f.Data, f.Reads = own.Data, max(f.Reads, own.State)
		}
	}
	// A state that cannot be read is the supervisor's to mend.
	state, err := u.o.Dir.State()
	if err != nil {
		return f
	}
	f.Trial = state.Candidate != nil
	for _, s := range state.Skipped {
		if s.Holds(f.Now) {
			f.Skipped[s.Version] = string(s.Reason)
		}
	}
	return f
}

// Back asks the supervisor for the version before, and says which that is. The
// answer to the id is slot.State.Heard.
func (u *Updater) Back() (id, to string, err error) {
	u.one.Lock()
	defer u.one.Unlock()
	if !u.o.Dir.There() {
		return "", "", ErrOff
	}
	state, err := u.o.Dir.State()
	if err != nil {
		return "", "", fmt.Errorf("find the version before: %w", err)
	}
	if to = state.Back(); to == "" {
		return "", "", ErrNoPrevious
	}
	id = slot.NewID()
	if err := u.o.Dir.Wish(slot.Wish{ID: id, Back: true}); err != nil {
		return "", "", u.stage.fault(err)
	}
	return id, to, nil
}

// ErrNoPrevious is returned by Back where there is nothing to go back to.
var ErrNoPrevious = errors.New("there is no version before this one to go back to")
