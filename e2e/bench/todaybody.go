package main

import (
	"encoding/json"
	"fmt"
	"time"

	"rollbridge/shared/codes"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// weeksOfToday is how many weeks of marks each child has; a morning looks at one.
const weeksOfToday = 12

// schoolsOfToday makes the batches of schools that have children of their own, all
// of one authority, with marks of the present week: those of the other benchmarks
// are the same four children, of a past year, everywhere.
type schoolsOfToday struct {
	fleet  *fleet
	bodies map[string]*bodies
}

func newSchoolsOfToday(f *fleet, idKey []byte, now time.Time) (*schoolsOfToday, error) {
	s := &schoolsOfToday{fleet: f, bodies: map[string]*bodies{}}
	for i, a := range f.agents {
		records, err := pupilsOfToday(i, idKey, now)
		if err == nil {
			s.bodies[a.school], err = bodiesOf(records, idKey, now.UTC().Truncate(time.Second))
		}
		if err != nil {
			return nil, fmt.Errorf("make the children of school %d: %w", i, err)
		}
	}
	return s, nil
}

func (s *schoolsOfToday) full(a *agent) (upload, error) {
	a.changed = false
	return s.fleet.next(a, envelope.TypeFull, s.bodies[a.school].full)
}

func (s *schoolsOfToday) delta(a *agent) (upload, error) {
	body := s.bodies[a.school].change
	if a.changed {
		body = s.bodies[a.school].back
	}
	a.changed = !a.changed
	return s.fleet.next(a, envelope.TypeDelta, body)
}

// monday is the first day of the present week at a school.
func monday(now time.Time) record.Date { return record.DateOf(now.In(status.London())).Monday() }

// pupilsOfToday are the records of the four children of one school: pupils first,
// then the weeks of each in order, none of before this academic year.
func pupilsOfToday(school int, idKey []byte, now time.Time) (list []record.Record, err error) {
	var weeks []record.Record
	marks := []string{"/", "/", "/", "/", "L", "I", "N", "M"}
	this := monday(now)
	for n := range batchPupils {
		number := school*batchPupils + n
		upn, err := codes.MakeUPN(fmt.Sprintf("%s%09d", authorities[0], number))
		if err != nil {
			return nil, err
		}
		id := record.NewPupilID(idKey, fmt.Sprint("child ", number))
		list = append(list, &record.Pupil{
			ID: id, UPN: upn.Reveal(), Surname: fmt.Sprintf("Surname%04d", number), Forename: fmt.Sprintf("Forename%04d", number),
			DOB: record.Date("2012-03-04").AddDays(number), Sex: "F", NCYearActual: "9", InCare: true, CareAuthority: authorities[0],
		})
		for back := weeksOfToday - 1; back >= 0; back-- {
			week := this.AddDays(-7 * back)
			if week < this.AcademicYearStart() && back > 0 {
				continue
			}
			mark := marks[(number+back)%len(marks)]
			day := []string{mark, mark, mark, mark, mark}
			weeks = append(weeks, &record.Attendance{PupilID: id, Week: week, AM: append(day, "/", "/"), PM: append(append([]string{}, day...), "/", "/")})
		}
	}
	return append(list, weeks...), nil
}

// checkin is what an agent says of itself, as intake keeps it.
func (a *agent) checkin(now time.Time) ([]byte, error) {
	signed, err := protocol.Sign(a.sign, protocol.DomainCheckin, protocol.Checkin{Agent: a.id, Time: now, Version: "bench"})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(protocol.Posted{Request: signed})
	if err != nil {
		return nil, err
	}
	a.counter++
	return protocol.Attempt{Message: protocol.MessageCheckin, Sender: protocol.Sender(a.id), Counter: a.counter, Time: now}.Encode(body, a.sign), nil
}
