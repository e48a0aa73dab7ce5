package oracle

import (
	"slices"

	"rollbridge/e2e/demoschool"
	"rollbridge/shared/record"
)

// A Route is the way that records come: each carries some of them.
type Route int

// The routes.
const (
	// Views and exported files carry every field of every dataset.
	Views Route = iota
	// CTF is the shipped profile ctf: without what a common transfer file has no
	// place for (standards.md §4.2).
	CTF
	// SIMS is the shipped profile sims-sql: without what no known table of SIMS
	// has, nor the lists of care in demoschool.TablesSIMS.
	SIMS
	// Xporter is the shipped profile xporter, with the school's own names of
	// detentions.
	Xporter
	// Progresso is the shipped profile progresso, with the school's own names of
	// detentions, examinations and indicators.
	Progresso
	// BromcomOData and BromcomPartner are the shipped profiles of those names, with
	// the school's own columns.
	BromcomOData
	BromcomPartner
	// Arbor is the shipped profile arbor.
	Arbor
	// Wonde is the shipped profile wonde, with the school's own names of the caring
	// authority, needs, exclusions and results.
	Wonde
	// Thistle is the invented MIS of docs/tutorial-profile.md.
	Thistle
)

// whole changes what a route says otherwise of a pupil than record by record.
func (w Route) whole(all []record.Record) []record.Record {
	switch w {
	case Progresso:
		return needsOfThePupil(all)
	case BromcomOData:
		return oneSEN(all)
	case BromcomPartner:
		return threeContacts(all)
	case Arbor:
		return welfareOfAll(all)
	case Wonde:
		return provisionOfToday(all)
	default:
		return all
	}
}

// carries empties what the route does not carry, and says whether it carries
// such a record at all.
func (w Route) carries(r record.Record) bool {
	switch w {
	case CTF:
		return leaveOutOfCTF(r)
	case SIMS:
		return leaveOutOfSIMS(r)
	case Xporter:
		return leaveOutOfXporter(r)
	case Progresso:
		return leaveOutOfProgresso(r)
	case BromcomOData:
		return leaveOutOfOData(r)
	case BromcomPartner:
		return leaveOutOfPartner(r)
	case Arbor:
		return leaveOutOfArbor(r)
	case Wonde:
		return leaveOutOfWonde(r)
	case Thistle:
		return leaveOutOfThistle(r)
	default:
		return true
	}
}

// A Question is what authorities ask of a school, and the way its answer comes.
type Question struct {
	Route Route
	// Datasets that were asked for and allowed; pupils always among them. Empty
	// means pupils, contacts and attendance.
	Datasets []record.Dataset
	// Sensitive asks for addresses and comments too.
	Sensitive bool
	// Authorities who ask; empty means all that are provisioned.
	Authorities []string
}

// Answer is what the authorities must hold of the school. Staff are there
// whoever asks and whether or not anybody is looked after, each once.
func (q Question) Answer(s *demoschool.School) (Lines, error) {
	lines := Lines{}
	for _, p := range s.LookedAfter(q.Authorities...) {
		of := pupil(p)
		who := whoIs(of)
		for _, r := range q.Route.whole(append([]record.Record{of}, dependents(s, p)...)) {
			if err := q.add(lines, who, r); err != nil {
				return nil, err
			}
		}
	}
	for person := range s.Staff() {
		if err := q.add(lines, "", staff(person)); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func (q Question) add(lines Lines, who string, r record.Record) error {
	if !q.asks(r.Dataset()) || !q.Route.carries(r) {
		return nil
	}
	if !q.Sensitive {
		var sensitive []string
		for _, f := range record.Fields(r.Dataset()) {
			if f.Sensitive {
				sensitive = append(sensitive, f.Name)
			}
		}
		record.Keep(r, func(field string) bool { return !slices.Contains(sensitive, field) })
	}
	return lines.add(who, r)
}

func (q Question) asks(d record.Dataset) bool {
	asked := q.Datasets
	if len(asked) == 0 {
		asked = []record.Dataset{record.DatasetPupil, record.DatasetContact, record.DatasetAttendance}
	}
	return slices.Contains(asked, d)
}

// Expected is what the authorities must hold of the school when it is read
// with the default fields through the shipped profile sql-views, or csv.
func Expected(s *demoschool.School, authorities ...string) (Lines, error) {
	return Question{Authorities: authorities}.Answer(s)
}

// ExpectedCTF is Expected through the shipped profile ctf.
func ExpectedCTF(s *demoschool.School, authorities ...string) (Lines, error) {
	return Question{Route: CTF, Authorities: authorities}.Answer(s)
}

// ExpectedSIMS is Expected through the shipped profile sims-sql.
func ExpectedSIMS(s *demoschool.School, authorities ...string) (Lines, error) {
	return Question{Route: SIMS, Authorities: authorities}.Answer(s)
}
