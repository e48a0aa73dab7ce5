package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/agent/check"
	"rollbridge/agent/control"
	"rollbridge/agent/event"
	"rollbridge/agent/mis"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/agent/supervise"
	"rollbridge/shared/logkey"
	"rollbridge/shared/version"
)

func (p *program) run() *cobra.Command {
	var schools string
	var untilInputEnds bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the service in the foreground",
		Long: `Runs until it is told to stop: syncs at the expected times, delivers what is queued for as
long as it takes, checks in every half hour, and answers the other commands. Before the
school is enrolled it waits; after a revoke it delivers the revoke and then keeps silent. It
looks for newer versions of itself and hands them to the service (see update).

With --schools it does so for every school that has a data directory in DIR, each by itself:
its own agent.yaml, keys, queue, logbook, pause and revoke. How the program is kept current
stands in an agent.yaml in DIR itself. The other commands work on one of them with --data-dir. A directory that is added or taken away is noticed within seconds.`,
		Example: `  rollbridge-agent run
  rollbridge-agent run --schools /var/lib/rollbridge/schools`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, said, felt := c.Context(), &voice{}, &pulse{}
			if untilInputEnds {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
				go func() {
					_, _ = io.Copy(io.Discard, p.in)
					cancel()
				}()
				said.out = p.Out
			}
			ready := func() {
				said.say(supervise.Ready)
				go felt.beat(ctx, said)
			}
			if schools != "" {
				return p.runSchools(ctx, schools, said, felt, ready)
			}
			set, err := p.settings()
			if err != nil {
				said.say(supervise.SelfTest + " " + school.TestSettings)
				return err
			}
			log := p.serviceLog(set.Log)
			// First of all: an agent that cannot do its work must still be mended.
			current, err := newCurrency(set, oneSchool(set.DataDir), said, log)
			if err != nil {
				return err
			}
			defer current.start(ctx)()
			selfTest(said, log, set.DataDir)
			err = serve(ctx, set, log, nil, felt, current, func() {
				log.Info("the agent runs", logkey.Event, event.Started, logkey.Version, version.Version)
				ready()
			})
			if err == nil {
				log.Info("the agent has stopped", logkey.Event, event.Stopped)
			}
			return err
		},
	}
	c.Flags().StringVar(&schools, "schools", "", "run every school that has a data directory in this `directory`")
	c.Flags().BoolVar(&untilInputEnds, "until-stdin-closes", false, "for supervise: end when the standard input does, and say \"ready\"")
	if err := c.Flags().MarkHidden("until-stdin-closes"); err != nil {
		panic(err) // the flag is not there
	}
	return c
}

// serviceLog is the log of a service: its events go to where the system keeps
// them.
func (p *program) serviceLog(l settings.Log) *slog.Logger {
	return slog.New(event.Handler(p.logger(l).Handler()))
}

// A worker is the running agent of one data directory.
type worker struct {
	set settings.Settings
	log *slog.Logger
	// recent is what a bundle of check may hold of log.
	recent *check.Recent
	poke   chan struct{}
	turns  *school.Turns
	// current keeps the program current; nil where the settings of that cannot be
	// used.
	current *currency

	mu     sync.Mutex
	school *school.School // nil while none is open
	letGo  func()         // ends it, so that a command can have it
}

// serve runs the service of one data directory; turns, felt and current are shared
// by those of one process. It calls ready when commands are answered.
func serve(ctx context.Context, set settings.Settings, log *slog.Logger, turns *school.Turns, felt *pulse, current *currency, ready func()) error {
	if err := school.MakeDir(set.DataDir); err != nil {
		return err
	}
	lock, err := school.LockService(set.DataDir)
	if errors.Is(err, school.ErrInUse) {
		return &school.Fault{Kind: school.Refused, Text: "the service is already running for this data directory: use its commands, or stop it first"}
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	listener, err := control.Listen(set.DataDir)
	if err != nil {
		return err
	}
	recent := check.Remember(log.Handler())
	s := &worker{set: set, log: slog.New(recent), recent: recent, poke: make(chan struct{}, 1), turns: turns, current: current}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- control.Serve(ctx, listener, s.handlers())
		cancel()
	}()
	defer felt.feel(s.answers)()
	ready()
	s.live(ctx)
	cancel()
	return <-served
}

// look is how often a service without a school looks for one.
const look = time.Second

// live goes through the lives of a school on this machine: none, enrolled,
// superseded or revoked, perhaps enrolled again.
func (s *worker) live(ctx context.Context) {
	said, fault, over, ended := "", "", "", false
	for ctx.Err() == nil {
		agent, there := school.Enrolled(s.set.DataDir)
		stop, revoked := school.Revoked(s.set.DataDir)
		switch {
		case !revoked || ended:
		case stop.Reason == school.ReasonMoved:
			s.log.Warn("this agent was moved to another computer", logkey.Event, event.Replaced)
		default:
			s.log.Warn("the school has revoked, or was told that it is ended", logkey.Event, event.Revoked)
		}
		ended = revoked
		state := "not enrolled"
		switch {
		case revoked && (school.Unfinished(s.set.DataDir) || school.RevokeWaits(s.set.DataDir)):
			school.DeliverRemains(ctx, s.set, s.log)
			continue
		case revoked:
			state = cmp.Or(stop.Reason, "revoked")
		case there && agent == over:
			state = "superseded"
		case there:
			if err := s.open(ctx); errors.Is(err, school.ErrSuperseded) {
				over = agent
				if s.current != nil {
					s.current.superseded(s.set.DataDir, agent)
				}
				s.log.Warn("another copy of this agent has gone on sending", logkey.Event, event.Replaced)
			} else if err != nil && ctx.Err() == nil && err.Error() != fault {
				fault = err.Error()
				s.log.Error("the school cannot be opened", logkey.Event, event.NotOpened, logkey.Error, fault)
			} else if err == nil {
				fault = ""
			}
			state = said
		}
		if state != said {
			s.log.Info("nothing to do until the school is enrolled", logkey.Status, state)
			said = state
		}
		wait(ctx, look)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// open runs the school until it is over or ctx ends.
func (s *worker) open(ctx context.Context) error {
	running, letGo := context.WithCancel(ctx)
	defer letGo()
	sch, err := s.take(ctx, letGo)
	if err != nil {
		return err
	}
	if s.current != nil {
		defer s.current.opened(s.set.DataDir, sch)()
	}
	err = sch.Run(running, s.poke)
	s.hold(nil, nil)
	if errors.Is(err, school.ErrOver) {
		err = nil
	}
	return errors.Join(err, sch.Close())
}

// answers says whether what commands need answers and the school's loop goes on;
// where something is locked for good it never returns.
func (s *worker) answers() bool {
	s.mu.Lock()
	sch := s.school
	s.mu.Unlock()
	return sch == nil || sch.Answers()
}

// take opens the school. Commands wait for it: one that found no school open
// would wait in vain for the lock that the service is about to have.
func (s *worker) take(ctx context.Context, letGo func()) (*school.School, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sch, err := school.Open(ctx, s.set, s.options())
	if err != nil {
		return nil, err
	}
	s.school, s.letGo = sch, letGo
	return sch, nil
}

func (s *worker) options() school.Options {
	o := school.Options{Log: s.log, Patience: patience, Turns: s.turns}
	if s.current != nil {
		o.Program = s.current.Report
	}
	return o
}

func (s *worker) hold(sch *school.School, letGo func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.school, s.letGo = sch, letGo
}

// release has the school closed, which the service opens again as soon as it can
// have the state lock.
func (s *worker) release(context.Context, json.RawMessage) (any, error) {
	return s.on(func(*school.School) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.letGo != nil {
			s.letGo()
		}
		return true, nil
	})
}

// on hands a command to the open school and sorts its error for the wire.
func (s *worker) on(act func(*school.School) (any, error)) (any, error) {
	s.mu.Lock()
	sch := s.school
	s.mu.Unlock()
	if sch == nil {
		return nil, &control.Refusal{Code: idle, Text: "the service has no school open"}
	}
	out, err := act(sch)
	if err != nil {
		return nil, &control.Refusal{Code: string(school.KindOf(err)), Text: err.Error()}
	}
	return out, nil
}

// saying hands on what a person says about one child.
func (s *worker) saying(w word) control.Handler {
	return func(ctx context.Context, in json.RawMessage) (any, error) {
		return s.on(func(sch *school.School) (any, error) {
			c, err := decode[school.RosterChoice](in)
			if err != nil {
				return nil, err
			}
			return w.say(ctx, sch, c)
		})
	}
}

func (s *worker) handlers() map[string]control.Handler {
	plain := func(act func(context.Context, *school.School) (any, error)) control.Handler {
		return func(ctx context.Context, _ json.RawMessage) (any, error) {
			return s.on(func(sch *school.School) (any, error) { return act(ctx, sch) })
		}
	}
	return map[string]control.Handler{
		askLetGo:  s.release,
		askStatus: plain(func(_ context.Context, sch *school.School) (any, error) { return sch.Status() }),
		askScope:  plain(func(_ context.Context, sch *school.School) (any, error) { return sch.Scope() }),
		askScopeDecide: func(ctx context.Context, in json.RawMessage) (any, error) {
			return s.on(func(sch *school.School) (any, error) {
				choice, err := decode[school.ScopeChoice](in)
				if err != nil {
					return nil, err
				}
				return sch.Decide(ctx, choice)
			})
		},
		askFsck: plain(func(ctx context.Context, sch *school.School) (any, error) {
			found, err := sch.Fsck(ctx)
			return append([]string{}, found...), err
		}),
		askTrace: func(ctx context.Context, in json.RawMessage) (any, error) {
			return s.on(func(sch *school.School) (any, error) {
				upnOrID, err := decode[string](in)
				if err != nil {
					return nil, err
				}
				return sch.Trace(ctx, upnOrID)
			})
		},
		askRoster: plain(func(ctx context.Context, sch *school.School) (any, error) { return sch.Roster(ctx) }),
		askRosterList: plain(func(ctx context.Context, sch *school.School) (any, error) {
			waiting, err := sch.RosterWaiting(ctx)
			return append([]mis.Waiting{}, waiting...), err
		}),
		askRosterAccept:   s.saying(accepting),
		askRosterWithdraw: s.saying(withdrawing),
		askPreview: func(ctx context.Context, in json.RawMessage) (any, error) {
			return s.on(func(sch *school.School) (any, error) {
				q, err := decode[school.SyncRequest](in)
				if err != nil {
					return nil, err
				}
				return sch.Preview(ctx, q)
			})
		},
		askSync: func(ctx context.Context, in json.RawMessage) (any, error) {
			return s.on(func(sch *school.School) (any, error) {
				q, err := decode[school.SyncRequest](in)
				if err != nil {
					return nil, err
				}
				return syncedBy(ctx, sch, q)
			})
		},
		askPaused: func(_ context.Context, in json.RawMessage) (any, error) {
			return s.on(func(sch *school.School) (any, error) {
				paused, err := decode[bool](in)
				if err != nil {
					return nil, err
				}
				err = sch.NotePause(paused)
				select {
				case s.poke <- struct{}{}:
				default:
				}
				return true, err
			})
		},
		askCheck:  s.answerCheck,
		askUpdate: s.answerUpdate,
		askRevoke: func(ctx context.Context, in json.RawMessage) (any, error) {
			return s.on(func(sch *school.School) (any, error) {
				deleteLogbook, err := decode[bool](in)
				if err != nil {
					return nil, err
				}
				// The command may give up waiting; the revoke goes on.
				return true, sch.Revoke(context.WithoutCancel(ctx), deleteLogbook)
			})
		},
	}
}

func decode[T any](in json.RawMessage) (T, error) {
	var v T
	if err := json.Unmarshal(in, &v); err != nil {
		return v, errors.New("the request is not understood: the command may be of another version than the service")
	}
	return v, nil
}
