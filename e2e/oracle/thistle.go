package oracle

import "rollbridge/shared/record"

// leaveOutOfThistle keeps what the invented MIS of docs/tutorial-profile.md has.
func leaveOutOfThistle(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		*r = record.Pupil{
			UPN: r.UPN, Surname: r.Surname, Forename: r.Forename, PreferredSurname: r.PreferredSurname, PreferredForename: r.PreferredForename,
			DOB: r.DOB, Sex: r.Sex, NCYearActual: r.NCYearActual, RegGroup: r.RegGroup, House: r.House, InCare: r.InCare, CareAuthority: r.CareAuthority,
		}
	case *record.Contact:
		r.Addresses = nil
	case *record.Attendance, *record.Behaviour, *record.Achievement:
	default:
		return false
	}
	return true
}
