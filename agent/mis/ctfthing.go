package mis

import (
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// A ctfThing is one row of what hangs on the pupil that is being read.
type ctfThing struct {
	d    record.Dataset
	raw  rawRow
	line int
	// A contact has an address of its own or the pupil's.
	asPupil bool
	address ctfAddress
}

// Fields that more than one element says something about.
var (
	historyFields = descriptions[record.DatasetSchoolHistory]
	hLEA          = historyFields.number("LEA")
	hEstab        = historyFields.number("Estab")
	hEntry        = historyFields.number("EntryDate")
	hLeaving      = historyFields.number("LeavingDate")

	nNeeds       = descriptions[record.DatasetSEN].number("SENneeds")
	wDisability  = descriptions[record.DatasetWelfare].number("Disabilities")
	rAssessStage = descriptions[record.DatasetAssessmentResult].number("Stage")
)

// begin starts a row of d. It is counted whoever the pupil is.
func (w *ctfWalk) begin(d record.Dataset) {
	if w.pupil.rows[d]++; !w.pupil.out {
		w.pupil.things = append(w.pupil.things, ctfThing{d: d, raw: newRow(d), line: w.x.line()})
	}
}

// beginWelfare starts the one row that a pupil has.
func (w *ctfWalk) beginWelfare() {
	if w.pupil.rows[record.DatasetWelfare] == 0 {
		w.begin(record.DatasetWelfare)
	}
}

// thing is the row of d that was begun last. There is one wherever it is asked
// for: rules that do so stand at or below the element that begins one.
func (w *ctfWalk) thing(d record.Dataset) *ctfThing {
	i := len(w.pupil.things) - 1
	for w.pupil.things[i].d != d {
		i--
	}
	return &w.pupil.things[i]
}

// giveThings turns the rows of an admitted pupil into records.
func (w *ctfWalk) giveThings(who *child) error {
	for _, one := range w.pupil.things {
		c := w.r.counts[one.d]
		c.matched++
		if !w.r.wants(one.d) {
			continue
		}
		if limit := w.r.limit.rows[one.d]; c.rows > limit {
			return fault(one.d, "the files hold more than %d rows of %s: check that they are the right files", limit, one.d)
		}
		if one.d == record.DatasetContact {
			address := one.address
			if one.asPupil {
				address = w.pupil.address
			}
			one.raw[cAddress], one.raw[cPostCode] = address.lines(), address[postCode]
		}
		if err := w.r.thing(one.d, one.raw, place{file: w.file.shown, line: one.line}, who); err != nil {
			return err
		}
	}
	return nil
}

// A ruleBook takes down what is done at which element below a pupil.
type ruleBook func(path string, r rule)

// leaf reads the text of an element.
func (add ruleBook) leaf(path string, do func(w *ctfWalk, text string) error) {
	add(path, rule{leaf: true, do: do})
}

// leaves reads elements below base into the fields of their own names.
func (add ruleBook) leaves(d record.Dataset, base string, names ...string) {
	for _, name := range names {
		field := descriptions[d].number(name)
		add.leaf(base+"/"+name, func(w *ctfWalk, s string) error { return w.set(w.thing(d).raw, field, name, s) })
	}
}

func supportRules(add ruleBook) {
	const school, period, details = "SchoolHistory/School", "SENhistory/SEN", "BasicDetails"
	add(school, rule{begin: func(w *ctfWalk) { w.begin(record.DatasetSchoolHistory) }})
	add.leaves(record.DatasetSchoolHistory, school, "LEA", "Estab", "SchoolName", "EntryDate", "LeavingDate", "LeavingReason", "LastSchool")

	add(period, rule{begin: func(w *ctfWalk) { w.begin(record.DatasetSEN) }})
	add.leaves(record.DatasetSEN, period, "StartDate", "SENprovision")
	add(period+"/SENneeds/SENneed", rule{begin: func(w *ctfWalk) { w.pupil.need = [2]string{} }, do: (*ctfWalk).endNeed})
	for i, name := range []string{"SENtypeRank", "SENtype"} {
		add.leaf(period+"/SENneeds/SENneed/"+name, func(w *ctfWalk, s string) error { w.pupil.need[i] = clean(s); return nil })
	}

	add(details+"/MedicalFlag", rule{
		leaf: true, begin: (*ctfWalk).beginWelfare,
		do: func(w *ctfWalk, s string) error {
			t := w.thing(record.DatasetWelfare)
			return w.set(t.raw, descriptions[t.d].number("MedicalFlag"), "MedicalFlag", s)
		},
	})
	add(details+"/Disabilities/Disability", rule{
		leaf: true, begin: (*ctfWalk).beginWelfare,
		do: func(w *ctfWalk, s string) error {
			addPart(w.thing(record.DatasetWelfare).raw, wDisability, clean(s))
			return nil
		},
	})
}

// endNeed adds a need to those of its period, as one cell has them.
func (w *ctfWalk) endNeed(string) error {
	rank, kind := w.pupil.need[0], w.pupil.need[1]
	if rank != "" && kind != "" {
		kind = rank + ":" + kind
	}
	addPart(w.thing(record.DatasetSEN).raw, nNeeds, kind)
	return nil
}

// addPart adds to a list in one cell.
func addPart(raw rawRow, field int, part string) {
	if part != "" {
		raw[field] = strings.TrimPrefix(raw[field]+";"+part, ";")
	}
}

func assessmentRules(add ruleBook) {
	const d, stage = record.DatasetAssessmentResult, "StageAssessments/KeyStage"
	// A key stage says once what all its results are of.
	add(stage, rule{
		begin: func(w *ctfWalk) { w.pupil.stage, w.pupil.stageFrom = "", len(w.pupil.things) },
		do: func(w *ctfWalk, _ string) error {
			for _, t := range w.pupil.things[w.pupil.stageFrom:] {
				t.raw[rAssessStage] = w.pupil.stage
			}
			return nil
		},
	})
	add.leaf(stage+"/Stage", func(w *ctfWalk, s string) error { w.pupil.stage = clean(s); return nil })
	add(stage+"/StageAssessment", rule{begin: func(w *ctfWalk) { w.begin(d) }})
	add.leaves(d, stage+"/StageAssessment",
		"Locale", "Year", "Subject", "Method", "Component", "ResultStatus", "ResultQualifier", "Result", "ResultDate")
}

func contactRules(add ruleBook) {
	const d, base = record.DatasetContact, "Contacts/Contact"
	add(base, rule{begin: func(w *ctfWalk) { w.begin(d) }})
	add.leaves(d, base, "Title", "Forename", "Surname", "Relationship", "Order", "Responsibility")
	email := descriptions[d].number("Emails")
	add.leaf(base+"/Email", func(w *ctfWalk, s string) error { return w.set(w.thing(d).raw, email, "Email", s) })
	add(base+"/Phones/Phone", rule{begin: func(w *ctfWalk) { w.pupil.phoneType = "" }, do: (*ctfWalk).endContactPhone})
	add.leaf(base+"/Phones/Phone/TelephoneType", func(w *ctfWalk, s string) error { w.pupil.phoneType = clean(s); return nil })
	add.leaf(base+"/Phones/Phone/PhoneNo", func(w *ctfWalk, s string) error { w.pupil.phoneNo = clean(s); return nil })
	addressRules(add, base+"/Address", func(w *ctfWalk) *ctfAddress { return &w.thing(d).address })
	for _, path := range []string{"/AddressAsPupil", "/Address/AddressAsPupil"} {
		add.leaf(base+path, func(w *ctfWalk, s string) error {
			w.thing(d).asPupil, _ = readBool(s)
			return nil
		})
	}
}

// endContactPhone files a number under its CBDS type.
func (w *ctfWalk) endContactPhone(string) error {
	field := cOther
	switch strings.ToUpper(w.pupil.phoneType) {
	case "H":
		field = cHome
	case "M":
		field = cMobile
	case "W":
		field = cWork
	}
	raw := w.thing(record.DatasetContact).raw
	raw[field] = strings.TrimPrefix(raw[field]+"\n"+w.pupil.phoneNo, "\n")
	w.pupil.phoneNo = ""
	return nil
}

// ownStay is the pupil's latest stay at the school that the file is of; nil for
// none.
func (w *ctfWalk) ownStay() rawRow {
	var own rawRow
	for _, t := range w.pupil.things {
		here := t.d == record.DatasetSchoolHistory && slices.Equal([]string{t.raw[hLEA], t.raw[hEstab]}, w.file.head.school[:])
		if here && (own == nil || t.raw[hEntry] >= own[hEntry]) {
			own = t.raw
		}
	}
	return own
}
