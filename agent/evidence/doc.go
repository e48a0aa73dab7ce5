// Package evidence puts into words what leaves and what has left a school: the
// preview of a sync as a table or a workbook, the logbook as sentences, what
// was sent about one child, and the signed statement of a term.
//
// It guarantees: what it says of the past it takes from the logbook alone (of
// one child: from the outbox's marks and counts), so that anybody with a copy
// can say it again; a preview's values are masked by one rule (Mask) unless a
// person asks to see them; a workbook holds texts only, so that nothing a MIS
// holds can become a formula.
//
// It never writes into a logbook, sends anything, or keeps anything of a pupil.
//
// Start reading at ReadStory, Event.Text, Preview.Table, Answer and Draw.
package evidence
