package cli

import (
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"rollbridge/agent/host"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/agent/supervise"
	"rollbridge/shared/logkey"
)

// selfTest tries the data directory of one school and tells the supervisor what
// cannot be used. The worker goes on with what can.
func selfTest(said *voice, log *slog.Logger, dir string) {
	if failed, err := school.SelfTest(dir); failed != "" {
		failing(said, log, failed, "", err)
	}
}

func failing(said *voice, log *slog.Logger, what, where string, err error) {
	line := supervise.SelfTest + " " + what
	if where != "" {
		line += " " + strconv.Quote(where)
		log = log.With(logkey.School, where)
	}
	said.say(line)
	log.Warn("the self-test failed", logkey.Reason, what, logkey.Error, err.Error())
}

// How many schools are tried at once, and how long all may take together: what
// is not done by then is not judged, so that a thousand schools do not look like
// a version that hangs.
const (
	testsAtOnce = 8
	testsWithin = 45 * time.Second
)

// selfTestSchools is selfTest for each school of a directory.
func (p *program) selfTestSchools(said *voice, log *slog.Logger, dir string) {
	names, err := host.Schools(dir)
	if err != nil {
		failing(said, log, school.TestSettings, "", err)
		return
	}
	todo, over := make(chan string), time.After(testsWithin)
	var all sync.WaitGroup
	for range testsAtOnce {
		all.Go(func() {
			for name := range todo {
				what := school.TestSettings
				set, _, err := settings.Load(settings.Given{DataDir: filepath.Join(dir, name)}, p.Environ)
				if err == nil {
					what, err = school.SelfTest(set.DataDir)
				}
				if err != nil {
					failing(said, log, what, name, err)
				}
			}
		})
	}
	defer func() {
		close(todo)
		all.Wait()
	}()
	for _, name := range names {
		select {
		case todo <- name:
		case <-over:
			return
		}
	}
}
