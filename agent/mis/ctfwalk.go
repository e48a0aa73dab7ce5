package mis

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"rollbridge/shared/record"
)

// maxElements bounds the different elements of one file.
const maxElements = 5000

// A ctfWalk goes through the pupils of one file. Elements are told apart by
// where they stand; unknown ones are passed over.
type ctfWalk struct {
	r      *reading
	file   *ctfFile
	number int // of the file in the snapshot, 0 the newest

	x     *xmlFile
	path  []*element
	made  int
	text  strings.Builder
	pupil ctfPupil
}

// An element is one place in the tree of a CTF.
type element struct {
	below map[string]*element
	path  string // from the pupil on
	rule  rule
}

// A rule says what is done with an element's text, or at its end.
type rule struct {
	do func(w *ctfWalk, text string) error
	// identity rules are followed for every pupil, the others only until the
	// marker says that the pupil is not in care.
	identity bool
	// leaf rules want the text.
	leaf bool
	// begin is called at the start of the element.
	begin func(w *ctfWalk)
}

// pupils reads a file whole.
func (w *ctfWalk) pupils(ctx context.Context) error {
	source, err := w.r.open(ctx, record.DatasetPupil, w.file.name, w.file.shown)
	if err != nil {
		return err
	}
	defer source.close()
	if !same(source.before, w.file.info) {
		return fault(source.d, "%s was written to while the folder was read: the sync is tried again later; have the export finish before the sync", w.file.shown)
	}
	w.x = w.r.xmlFile(source)
	for {
		t, err := w.x.token()
		if errors.Is(err, io.EOF) {
			return source.unchanged()
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			err = w.start(t.Name.Local)
		case xml.CharData:
			err = w.chars(t)
		case xml.EndElement:
			err = w.end(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (w *ctfWalk) start(name string) error {
	parent := &element{}
	if len(w.path) > 0 {
		parent = w.path[len(w.path)-1]
	}
	e := parent.below[name]
	if e == nil {
		var err error
		if e, err = w.newElement(parent, name); err != nil {
			return err
		}
	}
	w.path = append(w.path, e)
	w.text.Reset()
	if e.rule.begin != nil {
		e.rule.begin(w)
	}
	return nil
}

func (w *ctfWalk) newElement(parent *element, name string) (*element, error) {
	if w.made++; w.made > maxElements {
		return nil, w.x.fault("it has more kinds of elements than a common transfer file: check that it is the right file")
	}
	e := &element{path: strings.TrimPrefix(parent.path+"/"+name, "/")}
	e.rule = ctfRules[e.path]
	w.r.schema["ctf "+e.path] = true
	if parent.below == nil {
		parent.below = map[string]*element{}
	}
	parent.below[name] = e
	return e, nil
}

// chars gathers the text of elements that are wanted, and of no other.
func (w *ctfWalk) chars(t xml.CharData) error {
	if len(w.path) == 0 {
		return nil
	}
	if e := w.path[len(w.path)-1]; !e.rule.leaf || w.pupil.out && !e.rule.identity {
		return nil
	}
	if w.text.Len()+len(t) > w.r.limit.textBytes {
		return w.x.fault("a value is longer than any can be: run the export again")
	}
	w.text.Write(t)
	return nil
}

func (w *ctfWalk) end(ctx context.Context) error {
	e := w.path[len(w.path)-1]
	w.path = w.path[:len(w.path)-1]
	text := w.text.String()
	w.text.Reset()
	if e.rule.do != nil && (!w.pupil.out || e.rule.identity) {
		if err := e.rule.do(w, text); err != nil {
			return err
		}
	}
	if e.path == pupilPath && ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", w.file.shown, ctx.Err())
	}
	return nil
}

const pupilPath = "CTfile/CTFpupilData/Pupil"

// ctfRules are the elements that are read, by their place. What a CTF of later
// years has more is read only under names that the DfE published.
var ctfRules = func() map[string]rule {
	rules := map[string]rule{
		pupilPath: {identity: true, begin: (*ctfWalk).beginPupil, do: (*ctfWalk).endPupil},
	}
	add := ruleBook(func(path string, r rule) { rules[pupilPath+"/"+path] = r })
	for path, field := range map[string]int{
		"UPN": pUPN, "Surname": pSurname, "Forename": pForename, "DOB": pDOB, "Sex": pSex,
	} {
		add(path, rule{leaf: true, identity: true, do: pupilField(path, field)})
	}
	add("Gender", rule{leaf: true, identity: true, do: (*ctfWalk).gender})
	for path, field := range map[string]int{
		"UniqueLearnerNumber": pULN, "Email": pEmail, "BasicDetails/FormerUPN": pFormerUPN,
		"BasicDetails/PreferredSurname": pPreferredSurname, "BasicDetails/PreferredForename": pPreferredForename,
		"BasicDetails/FormerSurname": pFormerSurname, "BasicDetails/FormerForename": pupilFields.number("FormerForename"),
		"BasicDetails/MiddleNames": pMiddle, "BasicDetails/NCyearActual": pYear, "BasicDetails/EnrolStatus": pEnrolStatus,
		"LookedAfter/InCare": pInCare, "LookedAfter/CareAuthority": pAuthority,
	} {
		add.leaf(path, pupilField(path, field))
	}
	add("LookedAfter", rule{do: (*ctfWalk).endLookedAfter})
	add.leaf("Phones/Phone/PhoneNo", (*ctfWalk).pupilPhone)
	addressRules(add, "Address", func(w *ctfWalk) *ctfAddress { return &w.pupil.address })
	add("FSMhistory/FSMinstance", rule{begin: (*ctfWalk).beginFSM})
	add.leaf("FSMhistory/FSMinstance/FSMstartDate", func(w *ctfWalk, s string) error { w.fsm()[0] = clean(s); return nil })
	add.leaf("FSMhistory/FSMinstance/FSMendDate", func(w *ctfWalk, s string) error { w.fsm()[1] = clean(s); return nil })
	supportRules(add)
	contactRules(add)
	attendanceRules(add)
	assessmentRules(add)
	return rules
}()

func attendanceRules(add ruleBook) {
	const base = "Attendance/YearData"
	// Dates and lengths are read of every pupil: they say which days the file covers.
	every := func(do func(*ctfWalk, string) error) rule { return rule{leaf: true, identity: true, do: do} }
	add(base, rule{identity: true, begin: func(w *ctfWalk) { w.pupil.yearSchool = [2]string{} }})
	add(base+"/LEA", every(func(w *ctfWalk, s string) error { w.pupil.yearSchool[0] = clean(s); return nil }))
	add(base+"/Estab", every(func(w *ctfWalk, s string) error { w.pupil.yearSchool[1] = clean(s); return nil }))
	add(base+"/AttendSessions", rule{identity: true, begin: (*ctfWalk).beginSessions, do: (*ctfWalk).endSessions})
	add(base+"/AttendSessions/AttendanceStartDate", every(func(w *ctfWalk, s string) error { w.pupil.current.start = clean(s); return nil }))
	add(base+"/AttendSessions/AttendanceMarks", every(func(w *ctfWalk, s string) error {
		w.pupil.current.marks = strings.Trim(s, "\r\n\t")
		return nil
	}))
}

func clean(s string) string { return strings.TrimSpace(s) }
