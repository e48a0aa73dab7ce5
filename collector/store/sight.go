package store

import "rollbridge/shared/record"

// A Child is one child at one school, as the school's agent names it. The same
// child at another school is another Child.
type Child struct {
	School string
	Pupil  record.PupilID
}

// A Sight is whose children may be read: those of one authority, or of these
// only some. Everything that reads children takes one. The zero Sight sees no
// child.
type Sight struct {
	Authority string
	// Only names the children of a caseload; nil is all of the authority. An empty
	// list that is not nil is nobody.
	Only []Child
}
