package mis

import (
	"fmt"
	"strings"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// An admission is the gate's yes to one pupil; the zero value is a no.
type admission struct {
	authority string // in force
	inCare    bool   // the MIS says so
	byRoster  bool   // the authority's roster was the reason
}

func (a admission) ok() bool { return a.authority != "" }

// gate decides about one pupil from the marker and the authority alone, and
// from the authorities' rosters where the MIS says less than that.
//
// A pupil who is neither marked as looked after nor accepted at the school never
// gets as far as the caller's admit: promise 1 does not hang on one comparison
// in another package.
func (r *reading) gate(raw rawRow, at place) (admission, error) {
	own := r.plan.datasets[record.DatasetPupil]
	if marker := readMarker(raw[pInCare], r.plan.nullMeans); marker != MarkerInCare {
		return r.unmarked(raw, at, marker)
	}
	code := own.code(pAuthority, raw[pAuthority])
	if strings.TrimSpace(code) == "" {
		return r.unclaimed(raw, at)
	}
	found, bad := codes.ResolveAuthority(code, r.ask.Today.Time())
	if bad != nil {
		r.unclear(pAuthority)
		return admission{}, nil
	}
	if _, err := r.onRoster(raw, at); err != nil {
		return admission{}, err
	}
	return r.offer(Candidate{Care: MarkerInCare, Authority: strings.Clone(code), Place: at.String()}, admission{authority: found.Code, inCare: true})
}

// offer asks the caller, whose no turns the admission into one.
func (r *reading) offer(c Candidate, yes admission) (admission, error) {
	ok, err := r.admit(c)
	if err != nil {
		return admission{}, fmt.Errorf("decide about a pupil: %w", err)
	}
	if !ok {
		return admission{}, nil
	}
	return yes, nil
}

// unclear counts a pupil about whom the MIS does not say enough. Such a pupil
// may be one whose records were sent before, so from here on nothing that is
// missing may be taken for gone.
func (r *reading) unclear(field int) {
	r.report.Unknown++
	r.warn(record.DatasetPupil, pupilFields.names[field], WarnUnclear)
}

// readMarker knows the forms that MISs use (mis.md §14); anything else is
// unknown, never "no".
func readMarker(text, nullMeans string) Marker {
	yes, known := readBool(text)
	switch {
	case known && yes:
		return MarkerInCare
	case known, strings.TrimSpace(text) == "" && nullMeans == nullNotInCare:
		return MarkerNotInCare
	}
	return MarkerUnknown
}

func readBool(text string) (yes, known bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "t", "y", "yes", "true":
		return true, true
	case "0", "f", "n", "no", "false":
		return false, true
	}
	return false, false
}
