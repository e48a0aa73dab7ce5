package mis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// A upnPupil is a pupil of this school who has a UPN of a roster.
type upnPupil struct {
	id, exact, upn, dob string
	marked              bool // who has the pupil too
	at                  place
}

// upnPupils are those whom by_upn found.
type upnPupils struct {
	all []*upnPupil
	ids[*upnPupil]
}

func newUPNPupils() upnPupils { return upnPupils{ids: newIDs[*upnPupil]()} }

// readByUPN looks up the UPNs of the rosters, so that the gate knows them of
// whoever has one. Where the profile cannot ask, pupils who are not in who
// cannot be seen, and nothing is said about the roster.
func (q *sqlReading) readByUPN(ctx context.Context) error {
	const d = record.DatasetPupil
	if q.blind = q.plan.sql.byUPN == nil; q.blind || q.ask.Roster == nil || len(q.ask.Roster.entries) == 0 {
		return nil
	}
	one := q.query(d, "pupil.by_upn", *q.plan.sql.byUPN)
	return q.run(ctx, one, q.ask.Roster.upns(), func(raw rawRow, at place) error {
		if raw[pID] == "" {
			return q.fieldFault(d, at, pID, "the identifier is empty: every pupil must have one; correct "+q.plan.words.maker)
		}
		if q.ask.Roster.byUPN[rosterUPN(raw[pUPN])] == nil {
			return q.fieldFault(d, at, pUPN, "it is not a UPN that was asked for: the query must filter this column by IN (@upns)")
		}
		if before := q.byUPN.find(raw[pID]); before != nil {
			return q.fieldFault(d, at, pID, fmt.Sprintf("the pupil of row %d again: there must be one row for each pupil; remove joins that repeat a pupil", before.at.line))
		}
		p := &upnPupil{id: strings.Clone(raw[pID]), exact: strings.Clone(one.exact), upn: strings.Clone(raw[pUPN]), dob: strings.Clone(raw[pDOB]), at: at}
		q.byUPN.all = append(q.byUPN.all, p)
		q.byUPN.add(p.id, p)
		return nil
	})
}

// unmarkedPupils decides about the pupils whom by_upn found and who does not
// have: who gives everybody who is not clearly out of care.
func (q *sqlReading) unmarkedPupils() error {
	raw := newRow(record.DatasetPupil)
	for _, p := range q.byUPN.all {
		if p.marked {
			continue
		}
		q.counts[record.DatasetPupil].rows++
		q.pupils.add(p.id, origin{line: int32(p.at.line)})
		raw[pID], raw[pUPN], raw[pDOB] = p.id, p.upn, p.dob
		yes, err := q.unmarked(raw, p.at, MarkerNotInCare)
		if err != nil {
			return err
		}
		if yes.ok() {
			q.asked.add(&askedPupil{id: p.id, exact: p.exact, yes: yes, at: p.at})
		}
	}
	return nil
}

// sameChild refuses a pupil who was admitted by a roster and is another child
// in the pupil's own row.
func (q *sqlReading) sameChild(p *askedPupil, raw rawRow, at place) error {
	if !p.yes.byRoster {
		return nil
	}
	found := q.byUPN.find(p.id)
	own := q.plan.datasets[record.DatasetPupil].query.Columns()
	upn := !slices.Contains(own, "UPN") || rosterUPN(raw[pUPN]) == rosterUPN(found.upn)
	dob := !slices.Contains(own, "DOB") || q.date(raw[pDOB]) == q.date(found.dob)
	if upn && dob {
		return nil
	}
	return fault(record.DatasetPupil, "%s and %s: the UPN or the date of birth of one pupil is not the same in both, so it is not known who this is: correct the view or the queries", p.at, at)
}

// nameWaiting asks for the names of the pupils who wait, which by_upn leaves
// out: a person who is to accept them must know who they are.
func (q *sqlReading) nameWaiting(ctx context.Context) error {
	const d = record.DatasetPupil
	var asked []string
	for _, w := range q.waiting {
		if p := q.byUPN.find(w.id); p != nil {
			asked = append(asked, p.exact)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return q.run(ctx, q.query(d, string(d), q.plan.datasets[d].query), slices.Compact(asked), func(raw rawRow, at place) error {
		p := q.byUPN.find(raw[pID])
		if p == nil {
			return q.fieldFault(d, at, pID, "it is not the id of one pupil who was asked for: the query must filter this column by IN (@pupils), and ids must be written in one way in all tables")
		}
		for i := range q.waiting {
			if q.waiting[i].id == p.id {
				q.waiting[i].Surname, q.waiting[i].Forename = strings.Clone(raw[pSurname]), strings.Clone(raw[pForename])
			}
		}
		return nil
	})
}
