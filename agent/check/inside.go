package check

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"rollbridge/agent/enrol"
	"rollbridge/agent/school"
	"rollbridge/agent/service"
	"rollbridge/agent/settings"
	"rollbridge/agent/uplink"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// A Question is what the command asks the running service: to look at what only
// the service can, with its own account, network and settings.
type Question struct {
	// Settings is the Fingerprint of those that the command found.
	Settings []byte `json:"settings"`
}

// An Answer is the service's.
type Answer struct {
	Lines []Line `json:"lines"`
	// Log is what a bundle may hold of the service's log.
	Log []Logged `json:"log"`
}

// Fingerprint tells whether two processes work with the same settings.
func Fingerprint(set settings.Settings) []byte {
	text, err := json.Marshal(set)
	if err != nil {
		panic("check: settings are not JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// Inside looks at the way to the collector, the MIS and the school where the
// school is open: in the running service, or in the command where none runs.
func Inside(ctx context.Context, set settings.Settings, s *school.School) []Line {
	var way, source []Line
	var both sync.WaitGroup
	both.Go(func() { way = fromSchool(ctx, s) })
	both.Go(func() { source = Source(ctx, set) })
	both.Wait()
	lines := append(way, source...)
	st, err := s.Status()
	if err != nil {
		return append(append(lines, say(Standing, "damaged", "The school's state cannot be read: %s", oneLine(err.Error()))),
			Skip("the school's state cannot be read", Queue, LastSync, Holds, Scope)...)
	}
	return append(lines, Stands(st)...)
}

// AnswerTo is what a service answers that runs with these settings.
func AnswerTo(ctx context.Context, q Question, set settings.Settings, s *school.School, log *Recent) Answer {
	lines := Inside(ctx, set, s)
	if string(q.Settings) != string(Fingerprint(set)) {
		lines = append(lines, say(Settings, "service_differs", "The running service works with other settings than this command finds; what follows was tried with the service's"))
	}
	return Answer{Lines: lines, Log: log.Last()}
}

func fromSchool(ctx context.Context, s *school.School) []Line {
	st, err := s.Status()
	if err == nil && st.State == school.Stopped {
		return Skip("this agent was told to stop", network...)
	}
	way, err := s.Way()
	if err != nil {
		return Skip("the school's state cannot be read", network...)
	}
	return toCollector(ctx, way, s.Try)
}

// Offered looks at the way that an enrolment code names, and asks for its offer,
// which does not use it up.
func Offered(ctx context.Context, set settings.Settings, code protocol.Code) []Line {
	way := school.Way{Route: uplink.Route{URL: code.URL, Pin: code.Pin, Exit: set.Uplink.Exit()}, Trust: uplink.Trust{Root: code.Root}}
	return toCollector(ctx, way, func(ctx context.Context) (uplink.Heard, error) { return enrol.Try(ctx, set, code) })
}

// WrongCode says that a code is none; err holds nothing of it.
func WrongCode(err error) []Line {
	return append(Skip("the code says where the collector is, and cannot be read", Proxy, Name, Route, TLS, Clock),
		say(Collector, "code_wrong", "%s", sentence(err.Error())))
}

// BadSettings is the whole check where there are no settings to go by.
func BadSettings(err error) []Line {
	first, why := say(Settings, Wrong, "The settings cannot be used: %s", oneLine(err.Error())), "the settings cannot be used"
	if errors.Is(err, fs.ErrPermission) {
		first, why = untried(Settings, NotAllowed), NotAllowed
	}
	lines := []Line{first, say(Version, Good, "rollbridge-agent %s", version.Version)}
	for _, a := range about {
		if a.ID != Settings && a.ID != Version {
			lines = append(lines, untried(a.ID, why))
		}
	}
	return lines
}

// GoodSettings says where the settings come from; file may be "".
func GoodSettings(file string) Line {
	if file == "" {
		return say(Settings, Good, "The settings are the defaults and those of the environment: there is no settings file")
	}
	return say(Settings, Good, "The settings of %s can be used", file)
}

// ServiceLine says how the service stands, by a cause of the list. installed is
// what the system's service manager knows of it.
func ServiceLine(cause Cause, installed service.State) Line {
	what := "The service is not running"
	switch cause {
	case Good:
		what = "The service runs and answers"
	case "silent":
		what = "The service is there and does not answer"
	}
	switch {
	case installed.Installed && installed.Account != "":
		what += ", and is installed to run as " + installed.Account
	case !installed.Installed && cause != Good:
		what += ", and is not installed on this computer"
	}
	l := say(Service, cause, "%s", what)
	if cause == "not_running" && !installed.Installed {
		l = l.do("install and start it: `rollbridge-agent service install`, `rollbridge-agent service start`")
	}
	return l
}

// OtherVersion says that the running service is of another version.
func OtherVersion(theirs string) Line {
	return say(Version, "service_differs", "The running service is of version %s, and this program of version %s", theirs, version.Version)
}

// Away says that the school's state could not be had, and of all that needs it
// why it was not tried.
func Away(why string) []Line {
	return append(Skip(why, network...), Skip(why, Standing, Queue, LastSync, Holds, Scope)...)
}

// Damaged is Away for a state that is there and cannot be opened.
func Damaged(err error) []Line {
	return Replace(Away("the school's state cannot be opened"), say(Standing, "damaged", "%s", sentence(oneLine(err.Error()))))
}

// NoWay says why the way to the collector was not tried.
func NoWay(why string) []Line { return Skip(why, network...) }

// Replace leaves out the lines of those things that the others have a line of,
// and adds the others.
func Replace(lines []Line, others ...Line) []Line {
	var kept []Line
	for _, l := range lines {
		if !slices.ContainsFunc(others, func(o Line) bool { return o.ID == l.ID }) {
			kept = append(kept, l)
		}
	}
	return append(kept, others...)
}
