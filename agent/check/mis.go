package check

import (
	"context"
	"errors"
	"slices"
	"strings"

	"rollbridge/agent/mis"
	"rollbridge/agent/mis/sqlserver"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/agent/trial"
	"rollbridge/shared/protocol"
)

// sources are the things of the MIS.
var sources = []ID{MIS, Right, Excess, Dataset}

// Source looks at the MIS; that of a school that has paused or revoked is not
// read.
func Source(ctx context.Context, set settings.Settings) []Line {
	if why := unread(set.DataDir); why != "" {
		return Skip(why, sources...)
	}
	t, err := prepare(set)
	if err != nil {
		const said = "the settings of the MIS cannot work"
		return append([]Line{say(MIS, "settings", "%s: %s", sentence(said), strings.TrimPrefix(oneLine(err.Error()), said+": "))},
			Skip(said, Right, Excess, Dataset)...)
	}
	ctx, cancel := school.UntilStopped(ctx, set.DataDir)
	defer cancel()
	err = t.Run(ctx)
	if why := unread(set.DataDir); why != "" {
		return Skip(why, sources...)
	}
	f := findings{trial: t}
	for _, found := range t.Findings {
		f.take(found)
	}
	if err != nil && !errors.As(err, new(*mis.Error)) {
		f.lines = append(f.lines, say(MIS, "down", "The MIS could not be tried to the end: %s", oneLine(err.Error())))
	}
	return f.whole()
}

// unread is why nothing is read at a school, "" if it may be.
func unread(dir string) string {
	if _, yes := school.Revoked(dir); yes {
		return "this school has stopped: nothing is read"
	}
	if _, yes := school.Paused(dir); yes {
		return "this school has paused: nothing is read"
	}
	return ""
}

// prepare makes ready what `profile test` tries.
func prepare(set settings.Settings) (*trial.Trial, error) {
	if set.MIS.Profile == "" {
		return nil, errors.New("mis.profile is not set: it names the profile of the school's MIS (`rollbridge-agent profile list` prints those that there are)")
	}
	profile, err := mis.LoadProfile(set.MIS.Profile)
	if err != nil {
		return nil, err
	}
	site, err := set.Site()
	if err != nil {
		return nil, err
	}
	return trial.New(profile, site, false)
}

// findings makes lines of what a trial found.
type findings struct {
	trial   *trial.Trial
	lines   []Line
	reached string // what says that the MIS was reached
}

func (f *findings) take(found sqlserver.Finding) {
	switch found.About {
	case trial.AboutMIS, sqlserver.AboutServer:
		f.ofMIS(found)
	case trial.AboutRight, sqlserver.AboutObject, sqlserver.AboutWithheld:
		f.ofRight(found)
	case sqlserver.AboutExcess:
		f.add(found, Excess, "too_much", "too_much")
	case trial.AboutDataset:
		f.ofDataset(found)
	}
}

// add makes a line of a finding, with the cause of its level.
func (f *findings) add(found sqlserver.Finding, id ID, warn, fail Cause) {
	cause := map[sqlserver.Level]Cause{sqlserver.LevelOK: Good, sqlserver.LevelWarn: warn, sqlserver.LevelFail: fail}[found.Level]
	l := say(id, cause, "%s", oneLine(found.What)).of(found.Object).do(found.Do)
	if found.Level != sqlserver.LevelOK && found.TSQL != "" {
		l.Do += " (`rollbridge-agent profile test` prints the T-SQL)"
	}
	if cause != Good && f.trial.Database() != "" {
		l.Whom = dba
	}
	f.lines = append(f.lines, l)
}

func (f *findings) ofMIS(found sqlserver.Finding) {
	switch {
	case found.Level == sqlserver.LevelOK && f.reached == "":
		f.reached = found.What
	case found.Level == sqlserver.LevelOK:
	case found.Problem == string(protocol.ProblemMISDown):
		f.add(found, MIS, "look", "down")
	default:
		f.add(found, MIS, "look", "data")
	}
}

func (f *findings) ofRight(found sqlserver.Finding) {
	switch {
	case found.About == trial.AboutRight && found.Object == "":
		found.Object = "sign_in"
	case found.About == sqlserver.AboutWithheld:
		found.Object = "rows"
	}
	f.add(found, Right, "unproven", Missing)
}

func (f *findings) ofDataset(found sqlserver.Finding) {
	warn, fail := Cause("look"), Cause("stopped")
	if found.Problem == trial.ProblemOld {
		warn = Old
	} else if found.Problem != "" {
		fail = "data"
	}
	f.add(found, Dataset, warn, fail)
}

// has says whether there is a line of which this is true.
func (f *findings) has(is func(Line) bool) bool { return slices.ContainsFunc(f.lines, is) }

// whole adds what nothing was found about.
func (f *findings) whole() []Line {
	bad := f.has(func(l Line) bool { return l.State == Bad })
	why := "something else of the MIS has to be put right first"
	if f.has(func(l Line) bool { return l.ID == MIS && l.State == Bad }) {
		why = "the MIS cannot be read"
	} else {
		if f.reached == "" {
			f.reached = "The MIS was reached"
		}
		f.lines = append(f.lines, say(MIS, Good, "%s", oneLine(f.reached)))
	}
	if !f.has(func(l Line) bool { return l.ID == Right }) {
		if bad {
			f.lines = append(f.lines, untried(Right, why))
		} else {
			f.lines = append(f.lines, say(Right, Good, "What was asked for was given"))
		}
	}
	if !f.has(func(l Line) bool { return l.ID == Excess }) {
		if f.trial.Database() == "" {
			f.lines = append(f.lines, untried(Excess, "this MIS does not say what else the account may do"))
		} else {
			f.lines = append(f.lines, untried(Excess, why))
		}
	}
	for _, d := range f.trial.Datasets() {
		switch {
		case f.has(func(l Line) bool { return l.ID == Dataset && l.Subject == string(d) }):
		case bad:
			f.lines = append(f.lines, untried(Dataset, why).of(string(d)))
		default:
			f.lines = append(f.lines, untried(Dataset, "a sync asks for it by pupil; the lines of the rights say whether it can be read").of(string(d)))
		}
	}
	return f.lines
}
