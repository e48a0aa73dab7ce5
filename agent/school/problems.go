package school

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// london is the place whose calendar school life follows.
var london = func() *time.Location {
	l, err := time.LoadLocation(clock.Location)
	if err != nil {
		panic("school: the time zone of England is not built in: " + err.Error())
	}
	return l
}()

// noteRead records why a read is void and returns the error as it is.
func (s *School) noteRead(err error) error {
	var data *mis.Error
	problem := outbox.ReadResult{Started: clock.Now(), Ended: clock.Now()}
	switch {
	case errors.As(err, &data):
		problem.Problem, problem.Text = data.Problem, data.Text
	case KindOf(err) == MIS:
		problem.Problem, problem.Text = protocol.ProblemMISData, err.Error()
	default:
		return err
	}
	noteErr := s.box.Update(func(f *outbox.Facts) error {
		last := problem
		if f.LastRead != nil {
			last.Sealed = f.LastRead.Sealed
		}
		f.LastRead = &last
		clearReadProblems(f)
		var dataset record.Dataset
		if data != nil {
			dataset = data.Dataset
		}
		setProblem(f, protocol.Problem{Code: problem.Problem, Dataset: dataset}, true)
		s.setNoAccess(f, data)
		return nil
	})
	if noteErr != nil {
		return errors.Join(err, fmt.Errorf("record the problem: %w", noteErr))
	}
	return err
}

func clearReadProblems(f *outbox.Facts) {
	for _, code := range []protocol.ProblemCode{protocol.ProblemMISDown, protocol.ProblemMISData, protocol.ProblemRightMissing,
		protocol.ProblemIdentifier, protocol.ProblemWarnings} {
		setProblem(f, protocol.Problem{Code: code}, false)
	}
}

// setNoAccess counts the reads in a row to which the MIS refuses everything. Only
// where the operator hosts the agent does it stand for the school's own word: in
// a school it may as well be a password that has expired. A MIS that does not
// answer neither adds to it nor ends it.
func (s *School) setNoAccess(f *outbox.Facts, data *mis.Error) {
	switch {
	case data != nil && data.Problem == protocol.ProblemMISDown:
	case data == nil || !data.NoAccess || s.turns == nil:
		setProblem(f, protocol.Problem{Code: protocol.ProblemNoAccess}, false)
	default:
		n := 1
		for _, p := range f.Problems {
			if p.Code == protocol.ProblemNoAccess {
				n += p.Count
			}
		}
		setProblem(f, protocol.Problem{Code: protocol.ProblemNoAccess, Count: n}, true)
	}
}

// noteGood records the problems that a good read leaves.
func noteGood(f *outbox.Facts, m protocol.Manifest, report mis.Report) {
	clearReadProblems(f)
	setProblem(f, protocol.Problem{Code: protocol.ProblemNoAccess}, false)
	// A pupil about whom the MIS is unclear is a fault of the data, although the
	// rest went.
	setProblem(f, protocol.Problem{Code: protocol.ProblemMISData, Dataset: record.DatasetPupil, Count: report.Unknown}, report.Unknown > 0)
	warnings := 0
	for _, w := range m.Warnings {
		warnings += w.Count
	}
	setProblem(f, protocol.Problem{Code: protocol.ProblemWarnings, Count: warnings}, warnings > 0)
	noteStanding(f)
}

// noteStanding brings the problems that follow from the facts up to date.
func noteStanding(f *outbox.Facts) {
	setHeld(f)
	gaps := len(scope.Gaps(f.Ask, f.Decision))
	setProblem(f, protocol.Problem{Code: protocol.ProblemScopeNotGiven, Count: gaps}, gaps > 0)
}

// allHolds are the holds of both sides, each code once.
func allHolds(f outbox.Facts) []protocol.Hold {
	holds := slices.Clone(f.Holds)
	for _, h := range f.CollectorHolds {
		if !slices.ContainsFunc(holds, func(o protocol.Hold) bool { return o.Code == h.Code }) {
			holds = append(holds, h)
		}
	}
	return holds
}

// setProblem puts a problem in or takes it out; one that goes on keeps the
// time since when.
func setProblem(f *outbox.Facts, p protocol.Problem, on bool) {
	at := slices.IndexFunc(f.Problems, func(o protocol.Problem) bool { return o.Code == p.Code })
	switch {
	case !on && at >= 0:
		f.Problems = slices.Delete(slices.Clone(f.Problems), at, at+1)
	case on && at >= 0:
		p.Since = f.Problems[at].Since
		f.Problems = slices.Clone(f.Problems)
		f.Problems[at] = p
	case on:
		p.Since = clock.Now().UTC().Truncate(time.Second)
		f.Problems = append(slices.Clone(f.Problems), p)
	}
}
