package demoschool

import (
	"errors"
	"iter"
	"slices"
	"strconv"
)

// idsPerPupil is how many entries one pupil may have had in one book.
const idsPerPupil = 200

// entry is a pointer to one of the types of entries.go.
type entry interface {
	ref() *Ref
	personal() (texts, phones []*string)
}

// A Book is what the school's office keeps of one dataset, an entry for each
// thing that happened to a pupil. Entries are drawn from the seed whenever
// somebody looks, and kept in memory only for pupils of whom one has been
// changed, so that a large school costs no more than a small one.
//
// Draws depend on how the school began and on nothing that a mutation changes,
// except the leaving date of the stay at this school.
type Book[T any] struct {
	s      *School
	number int // of the book, which the ids begin with
	single bool
	draw   func(i int) []T
	kept   map[int]*page[T]
}

// page is one pupil's entries, and how many there have ever been.
type page[T any] struct {
	entries []T
	issued  int
}

func newBook[T any](s *School, number int, draw func(i int) []T) *Book[T] {
	return &Book[T]{s: s, number: number, draw: draw, kept: map[int]*page[T]{}}
}

func asEntry[T any](e *T) entry { return any(e).(entry) }

// Of yields a pupil's entries in a fixed order; none for an unknown id. A slice
// in an entry is not to be changed.
func (b *Book[T]) Of(pupilID string) iter.Seq[T] {
	return func(yield func(T) bool) {
		i, ok := b.s.byID[pupilID]
		if !ok {
			return
		}
		verdict := b.s.verdict(b.s.pupils[i])
		for _, e := range b.page(i).entries {
			b.s.mark(asEntry(&e), verdict)
			if !yield(e) {
				return
			}
		}
	}
}

// page is what is kept of a pupil, or drawn.
func (b *Book[T]) page(i int) *page[T] {
	if p := b.kept[i]; p != nil {
		return p
	}
	p := &page[T]{entries: b.draw(i)}
	for n := range p.entries {
		ref := asEntry(&p.entries[n]).ref()
		ref.PupilID = b.s.pupils[i].ID
		if ref.ID == "" && !b.single {
			ref.ID = b.id(i, n)
		}
	}
	p.issued = len(p.entries)
	return p
}

// id fits into a T-SQL int for the largest school.
func (b *Book[T]) id(i, n int) string {
	return strconv.Itoa(b.number*MaxPupils*idsPerPupil + i*idsPerPupil + n + 1)
}

// Add enters e for the pupil of e.PupilID and returns it with its new ID; a
// given ID (a person known from another pupil) stays. The canary is added where
// the school has one.
func (b *Book[T]) Add(e T) (T, error) {
	ref := asEntry(&e).ref()
	i, err := b.s.index(ref.PupilID)
	if err != nil {
		return e, err
	}
	p := b.page(i)
	if p.issued >= idsPerPupil {
		return e, errors.New("add an entry: the pupil has had as many as a pupil can have: choose another pupil")
	}
	if ref.ID == "" && !b.single {
		ref.ID = b.id(i, p.issued)
	}
	if p.find(ref.ID) >= 0 {
		return e, errors.New("add an entry: the pupil has one with that id: change that one, or leave the id empty for a new one")
	}
	p.issued++
	p.entries = append(p.entries, e)
	b.kept[i] = p
	return e, nil
}

// Change puts e in place of the entry with the same PupilID and ID.
func (b *Book[T]) Change(e T) error {
	return b.at(e, func(p *page[T], n int) { p.entries[n] = e })
}

// Remove takes the entry with e's PupilID and ID out of the book.
func (b *Book[T]) Remove(e T) error {
	return b.at(e, func(p *page[T], n int) { p.entries = slices.Delete(p.entries, n, n+1) })
}

func (b *Book[T]) at(e T, do func(p *page[T], n int)) error {
	ref := asEntry(&e).ref()
	i, err := b.s.index(ref.PupilID)
	if err != nil {
		return err
	}
	p := b.page(i)
	n := p.find(ref.ID)
	if n < 0 {
		return errors.New("the pupil has no entry with that id: take one from Of")
	}
	do(p, n)
	b.kept[i] = p
	return nil
}

func (p *page[T]) find(id string) int {
	return slices.IndexFunc(p.entries, func(e T) bool { return asEntry(&e).ref().ID == id })
}

// all yields the entries of every pupil on roll.
func (b *Book[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for p := range b.s.Pupils() {
			for e := range b.Of(p.ID) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Books are the datasets that hang on pupils, beside contacts and marks.
type Books struct {
	SchoolHistory *Book[SchoolHistory]
	SEN           *Book[SEN]
	Welfare       *Book[Welfare]
	PEP           *Book[PEP]
	AgencyContact *Book[AgencyContact]
	Behaviour     *Book[Conduct]
	Achievement   *Book[Conduct]
	Detention     *Book[Detention]
	Exclusion     *Book[Exclusion]
	ExamResult    *Book[ExamResult]
	Assessment    *Book[AssessmentResult]
	KPI           *Book[KPI]
}

func (s *School) openBooks() {
	s.Books = Books{
		SchoolHistory: newBook(s, 1, s.drawHistory),
		SEN:           newBook(s, 2, s.drawSEN),
		Welfare:       newBook(s, 3, s.drawWelfare),
		PEP:           newBook(s, 4, s.drawPEPs),
		AgencyContact: newBook(s, 5, s.drawAgencyContacts),
		Behaviour:     newBook(s, 6, s.drawBehaviour),
		Achievement:   newBook(s, 7, s.drawAchievements),
		Detention:     newBook(s, 8, s.drawDetentions),
		Exclusion:     newBook(s, 9, s.drawExclusions),
		ExamResult:    newBook(s, 10, s.drawExamResults),
		Assessment:    newBook(s, 11, s.drawAssessments),
		KPI:           newBook(s, 12, s.drawKPIs),
	}
	s.Welfare.single = true
}
