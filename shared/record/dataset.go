package record

import (
	"errors"
	"fmt"
	"reflect"
)

// A Dataset names one kind of record; the names are the same in profiles,
// provisions, manifests, the store and on screens.
type Dataset string

// The datasets carried.
const (
	DatasetPupil            Dataset = "pupil"
	DatasetSchoolHistory    Dataset = "school_history"
	DatasetSEN              Dataset = "sen"
	DatasetWelfare          Dataset = "welfare"
	DatasetPEP              Dataset = "pep"
	DatasetContact          Dataset = "contact"
	DatasetAgencyContact    Dataset = "agency_contact"
	DatasetAttendance       Dataset = "attendance"
	DatasetBehaviour        Dataset = "behaviour"
	DatasetAchievement      Dataset = "achievement"
	DatasetDetention        Dataset = "detention"
	DatasetExclusion        Dataset = "exclusion"
	DatasetExamResult       Dataset = "exam_result"
	DatasetAssessmentResult Dataset = "assessment_result"
	DatasetKPI              Dataset = "kpi"
	DatasetStaff            Dataset = "staff"
)

// A kind is all that the package must know of a dataset beside its type.
type kind struct {
	name   Dataset
	typ    reflect.Type // of the struct, not of the pointer that is the Record
	fields []Field      // in the order of the struct
	// pupil is the index of the field that holds the pupil's id, -1 where the
	// records are of nobody's.
	pupil int
}

// kinds is the one list of datasets. Its order is that of every read and every
// batch: pupils come first, because the other datasets hang on them.
var kinds = []kind{
	kindOf[Pupil](DatasetPupil),
	kindOf[SchoolHistory](DatasetSchoolHistory),
	kindOf[SEN](DatasetSEN),
	kindOf[Welfare](DatasetWelfare),
	kindOf[PEP](DatasetPEP),
	kindOf[Contact](DatasetContact),
	kindOf[AgencyContact](DatasetAgencyContact),
	kindOf[Attendance](DatasetAttendance),
	kindOf[Behaviour](DatasetBehaviour),
	kindOf[Achievement](DatasetAchievement),
	kindOf[Detention](DatasetDetention),
	kindOf[Exclusion](DatasetExclusion),
	kindOf[ExamResult](DatasetExamResult),
	kindOf[AssessmentResult](DatasetAssessmentResult),
	kindOf[KPI](DatasetKPI),
	kindOf[Staff](DatasetStaff),
}

var byName = func() map[Dataset]*kind {
	m := make(map[Dataset]*kind, len(kinds))
	for i := range kinds {
		m[kinds[i].name] = &kinds[i]
	}
	return m
}()

func kindOf[T any](name Dataset) kind {
	k := kind{name: name, typ: reflect.TypeFor[T](), pupil: -1}
	for i := range k.typ.NumField() {
		f := newField(name, k.typ.Field(i))
		if f.Name == pupilField {
			k.pupil = i
		}
		k.fields = append(k.fields, f)
	}
	return k
}

// Datasets lists every dataset, pupils first.
func Datasets() []Dataset {
	names := make([]Dataset, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// OfPupils says whether the dataset's records are each about a pupil: true of
// all but staff, whose records belong to the school and whose keys hold no
// pupil's id. False of an unknown dataset.
func (d Dataset) OfPupils() bool {
	k := byName[d]
	return k != nil && k.pupil >= 0
}

// ErrUnknownDataset is returned where a dataset's name is not one of Datasets.
var ErrUnknownDataset = errors.New("unknown dataset")

// New returns an empty record of the dataset to decode into.
func New(d Dataset) (Record, error) {
	k := byName[d]
	if k == nil {
		return nil, fmt.Errorf("%w %q", ErrUnknownDataset, string(d))
	}
	return reflect.New(k.typ).Interface().(Record), nil
}

// SetPupil makes r a record of another pupil id; it changes r. A record of
// staff is nobody's and stays as it is.
func SetPupil(r Record, id PupilID) {
	if k := byName[r.Dataset()]; k.pupil >= 0 {
		reflect.ValueOf(r).Elem().Field(k.pupil).SetString(string(id))
	}
}

// subKey is the key of a record that is one of several of its pupil.
func subKey(id PupilID, sub string) Key { return Key(string(id) + "/" + sub) }
