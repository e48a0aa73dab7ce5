package mis

import (
	"strings"

	"rollbridge/shared/record"
)

// A ctfPupil is the one pupil that is being read; the next one overwrites it.
type ctfPupil struct {
	raw  rawRow
	line int
	// out is set as soon as the marker says that the pupil is not in care, unless
	// the school has accepted the pupil: from then on only what tells pupils apart
	// is read.
	out       bool
	sexFrom   string
	phone     string
	phoneType string
	phoneNo   string
	address   ctfAddress
	fsm       [][2]string // start, end
	// things are the rows that hang on the pupil, and rows how many there are of
	// each dataset, read or passed over.
	things []ctfThing
	rows   map[record.Dataset]int
	need   [2]string // rank and type
	// stage is the key stage being read, stageFrom its first result among things.
	stage     string
	stageFrom int

	yearSchool [2]string
	current    ctfSessions
	sessions   []ctfSessions
}

// set keeps a value that an element may have once.
func (w *ctfWalk) set(raw rawRow, field int, name, text string) error {
	if raw[field] != "" {
		return w.x.fault("element " + name + " stands twice where it can stand once: run the export again")
	}
	raw[field] = clean(text)
	return nil
}

func pupilField(name string, field int) func(*ctfWalk, string) error {
	return func(w *ctfWalk, text string) error {
		if field == pSex && w.pupil.sexFrom == "Gender" {
			w.pupil.raw[field] = "" // Sex is the newer element; where both stand it says what Gender used to
		}
		return w.set(w.pupil.raw, field, name, text)
	}
}

func (w *ctfWalk) gender(text string) error {
	if w.pupil.raw[pSex] == "" {
		w.pupil.raw[pSex], w.pupil.sexFrom = clean(text), "Gender"
	}
	return nil
}

func (w *ctfWalk) pupilPhone(text string) error {
	if w.pupil.phone == "" {
		w.pupil.phone = clean(text)
	}
	return nil
}

func (w *ctfWalk) beginFSM()       { w.pupil.fsm = append(w.pupil.fsm, [2]string{}) }
func (w *ctfWalk) fsm() *[2]string { return &w.pupil.fsm[len(w.pupil.fsm)-1] }

func (w *ctfWalk) beginPupil() {
	w.pupil = ctfPupil{raw: newRow(record.DatasetPupil), rows: map[record.Dataset]int{}, line: w.x.line()}
}

// endLookedAfter drops what was read so far of a pupil who is not in care, nor
// accepted at the school, and has the rest passed over.
func (w *ctfWalk) endLookedAfter(string) error {
	p := &w.pupil
	if readMarker(p.raw[pInCare], w.r.plan.nullMeans) == MarkerNotInCare && !w.r.accepts(p.raw) {
		p.out = true
		p.things, p.fsm, p.address, p.phone = nil, nil, ctfAddress{}, ""
	}
	return nil
}

// endPupil decides about the pupil, and keeps the records of one who is admitted.
func (w *ctfWalk) endPupil(string) error {
	p, at := &w.pupil, place{file: w.file.shown, line: w.pupil.line}
	defer func() { w.pupil = ctfPupil{} }()
	older, err := w.seenInNewer(at)
	if err != nil || older {
		return err
	}
	c := w.r.counts[record.DatasetPupil]
	if c.rows++; c.rows > w.r.limit.rows[record.DatasetPupil] {
		return fault(record.DatasetPupil, "the files hold more than %d pupils: check that they are the right files", w.r.limit.rows[record.DatasetPupil])
	}
	for d, n := range p.rows {
		w.r.counts[d].rows += n
	}
	yes, err := w.r.gate(p.raw, at)
	if err != nil || !yes.ok() {
		return err
	}
	if p.out {
		return fault(record.DatasetPupil, "%s: LookedAfter stands before the pupil's UPN and date of birth, so the rest was passed over before it was known who this is: have the export keep the order of the DfE's schema", at)
	}
	if err := w.complete(at); err != nil {
		return err
	}
	who, err := w.r.admitted(p.raw, at, yes)
	if err != nil {
		return err
	}
	if err := w.giveThings(who); err != nil {
		return err
	}
	return w.sessionsOf(who, at)
}

// seenInNewer notes the pupil, and says whether a newer file has spoken of the
// pupil already, be it before the pupil had a UPN.
func (w *ctfWalk) seenInNewer(at place) (bool, error) {
	raw, here := w.pupil.raw, origin{int32(w.number), int32(at.line)}
	upn := permanentUPN(raw[pUPN])
	person := ""
	if raw[pSurname] != "" && raw[pDOB] != "" {
		person = strings.Join([]string{"person", raw[pSurname], raw[pForename], raw[pDOB], raw[pSex]}, "\x00")
	}
	identity := person
	if upn != "" {
		identity = "upn\x00" + upn
	}
	if identity == "" {
		return false, fault(record.DatasetPupil, "%s: a pupil with neither a permanent UPN nor surname and date of birth cannot be told from others: correct it in the MIS", at)
	}
	before, twice := w.r.pupils.add(identity, here)
	if twice && before.file == here.file {
		return false, fault(record.DatasetPupil, "%s: the pupil of line %d again: a file must have each pupil once; run the export again", at, before.line)
	}
	if upn != "" && person != "" {
		if before, known := w.r.pupils.add(person, here); known && before.file != here.file {
			return true, nil
		}
	}
	return twice, nil
}

// complete fills in what a CTF says in several elements.
func (w *ctfWalk) complete(at place) error {
	p := &w.pupil
	p.raw[pPhone] = p.phone
	if own := w.ownStay(); own != nil {
		p.raw[pEntry], p.raw[pLeaving] = own[hEntry], own[hLeaving]
	}
	if len(p.fsm) == 0 {
		return nil
	}
	p.raw[pFSM] = "no"
	for _, period := range p.fsm {
		for i, text := range period {
			if _, ok := readDate(text, w.r.plan.layout); !ok && (i == 0 || text != "") {
				return fault(record.DatasetPupil, "%s, element FSMhistory: %s", at, "it is not a date of the form yyyy-mm-dd: correct it in the MIS")
			}
		}
		// Dates of this form compare as texts.
		if today := string(w.r.ask.Today); period[0] <= today && (period[1] == "" || period[1] >= today) {
			p.raw[pFSM] = "yes"
		}
	}
	return nil
}

// A ctfAddress is one address by its elements.
type ctfAddress [len(addressParts)]string

// addressParts are the elements of an address in the order in which they are
// written on a letter; the post code is the last.
var addressParts = [...]string{
	"AddressLines/AddressLine1", "AddressLines/AddressLine2", "AddressLines/AddressLine3", "AddressLines/AddressLine4",
	"AddressLines/AddressLine5", "BS7666Address/SAON", "BS7666Address/PAON", "BS7666Address/Street",
	"BS7666Address/Locality", "BS7666Address/Town", "BS7666Address/PostTown", "BS7666Address/AdministrativeArea",
	"County", "PostCode",
}

const (
	paon     = 6
	street   = 7
	postCode = len(addressParts) - 1
)

func addressRules(add ruleBook, base string, of func(*ctfWalk) *ctfAddress) {
	for i, part := range addressParts {
		do := func(w *ctfWalk, s string) error { of(w)[i] = clean(s); return nil }
		add(base+"/"+part, rule{leaf: true, do: do})
		if group, name, found := strings.Cut(part, "/"); found && group == "BS7666Address" {
			add(base+"/"+name, rule{leaf: true, do: do})
		}
	}
}

// lines are the address without the post code, a house number before its street.
func (a ctfAddress) lines() string {
	if a[paon] != "" && a[street] != "" {
		a[paon], a[street] = "", a[paon]+" "+a[street]
	}
	var lines []string
	for _, part := range a[:postCode] {
		if part != "" {
			lines = append(lines, part)
		}
	}
	return strings.Join(lines, "\n")
}
