package mis

import (
	"fmt"
	"strings"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// gate decides about one pupil from the marker and the authority alone. It
// returns the authority in force for a pupil who is admitted, "" for any other.
//
// A pupil who is not marked as looked after never gets as far as the caller's
// admit: promise 1 does not hang on one comparison in another package.
func (r *reading) gate(raw rawRow, at place) (authority string, err error) {
	own := r.plan.datasets[record.DatasetPupil]
	switch readMarker(raw[pInCare], r.plan.nullMeans) {
	case MarkerNotInCare:
		return "", nil
	case MarkerUnknown:
		r.unclear(pInCare)
		return "", nil
	}
	code := own.code(pAuthority, raw[pAuthority])
	found, bad := codes.ResolveAuthority(code, r.ask.Today.Time())
	if bad != nil {
		r.unclear(pAuthority)
		return "", nil
	}
	ok, err := r.admit(Candidate{Care: MarkerInCare, Authority: strings.Clone(code), Place: at.String()})
	if err != nil {
		return "", fmt.Errorf("decide about a pupil: %w", err)
	}
	if !ok {
		return "", nil
	}
	return found.Code, nil
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
