package cli

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/event"
	"rollbridge/agent/host"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/shared/logkey"
	"rollbridge/shared/version"
)

// How many schools of one process read at once, and for how long one may keep
// the others waiting. A read of a cloud MIS is mostly waiting, and keeps a few MB.
const (
	readsAtOnce = 32
	readShare   = 20 * time.Second
)

// runSchools is the service of many schools; it calls ready when it has begun.
func (p *program) runSchools(ctx context.Context, dir string, said *voice, felt *pulse, ready func()) error {
	if err := p.noSchoolGiven(); err != nil {
		return err
	}
	if _, err := host.Schools(dir); errors.Is(err, fs.ErrNotExist) {
		return usageError{errors.New("there is no such directory of schools: make it, with one directory in it for each school")}
	} else if err != nil {
		return err
	}
	turns := school.NewTurns(readsAtOnce, readShare)
	log := p.serviceLog(settings.Defaults().Log)
	// What keeps the program current must not keep the schools from their work.
	current, err := p.currencyOfSchools(dir, said, log)
	if err != nil {
		log.Error("no updates are looked for: the settings cannot be used", logkey.Event, event.NoUpdates, logkey.Error, err.Error())
	} else {
		defer current.start(ctx)()
	}
	p.selfTestSchools(said, log, dir)
	h := &host.Host{Dir: dir, Log: log, Serve: func(ctx context.Context, dir string, log *slog.Logger) error {
		set, _, err := settings.Load(settings.Given{DataDir: dir}, p.Environ)
		if err != nil {
			return err
		}
		return serve(ctx, set, log, turns, felt, current, func() {})
	}}
	log.Info("the agents of many schools run", logkey.Event, event.Started, logkey.File, dir, logkey.Version, version.Version)
	ready()
	if err := h.Run(ctx); err != nil {
		return err
	}
	log.Info("the agents have stopped", logkey.Event, event.Stopped)
	return nil
}

// noSchoolGiven refuses what would name one school where many are meant.
func (p *program) noSchoolGiven() error {
	oneFile := slices.ContainsFunc(p.Environ, func(pair string) bool { return strings.HasPrefix(pair, settings.EnvPrefix+"_CONFIG=") })
	if p.given.File != "" || p.given.DataDir != "" || oneFile {
		return usageError{errors.New("--schools names many data directories, each with its own agent.yaml: leave out --config (also " + settings.EnvPrefix + "_CONFIG) and --data-dir")}
	}
	return nil
}

// A schoolLine is one school of `status --schools`. Its JSON is a contract with
// scripts.
type schoolLine struct {
	Directory string         `json:"directory"`
	Status    *school.Status `json:"status,omitempty"`
	// Error says why the status cannot be told.
	Error string `json:"error,omitempty"`
}

// statusOfSchools lists how many schools stand. It goes on past those of which
// it cannot be told, and fails then at the end.
func (p *program) statusOfSchools(ctx context.Context, dir string, asJSON bool) error {
	if err := p.noSchoolGiven(); err != nil {
		return err
	}
	names, err := host.Schools(dir)
	if err != nil {
		return err
	}
	lines, unknown := make([]schoolLine, 0, len(names)), 0
	for _, name := range names {
		line := schoolLine{Directory: name}
		set, _, err := settings.Load(settings.Given{DataDir: filepath.Join(dir, name)}, p.Environ)
		if err == nil {
			var st school.Status
			if st, err = statusOf(ctx, set); err == nil {
				line.Status = &st
			}
		}
		if err != nil {
			line.Error = oneText(err)
			unknown++
		}
		lines = append(lines, line)
	}
	if asJSON {
		if err := p.printJSON(lines); err != nil {
			return err
		}
	} else {
		for _, l := range lines {
			p.showSchoolLine(l)
		}
	}
	if unknown > 0 {
		return errors.New("the state of some schools cannot be told: see their lines")
	}
	return nil
}

func (p *program) showSchoolLine(l schoolLine) {
	if l.Status == nil {
		p.printf("%-24s cannot be told: %s\n", l.Directory, l.Error)
		return
	}
	p.printf("%-24s %s", l.Directory, stateWords[l.Status.State])
	if r := l.Status.LastReceipt; r != nil {
		p.printf(", last receipt %s", when(r.Received))
	}
	if l.Status.Next != "" {
		p.printf(": %s", l.Status.Next)
	}
	p.printf("\n")
}
