package language

import "rollbridge/shared/record"

// Refused says what is wrong with a record that was not taken over; field is empty where
// it is the whole record.
func (p *Printer) Refused(code record.FaultCode, field string) string {
	if !explained[code] {
		code = "other"
	}
	if field == "" {
		field = p.T("schools.refused.record")
	}
	return p.T("schools.refused."+string(code), "Field", field)
}

// Unexplained says whether what is wrong has no sentence of its own.
func Unexplained(code record.FaultCode) bool { return !explained[code] }

// explained are the faults that have a sentence.
var explained = map[record.FaultCode]bool{
	record.FaultMalformed: true, record.FaultCheck: true, record.FaultNotADate: true, record.FaultFuture: true, record.FaultOrder: true,
	record.FaultNotMonday: true, record.FaultLength: true, record.FaultTooLong: true, record.FaultControl: true, record.FaultRange: true,
	record.FaultUnknown: true, record.FaultHistoric: true, record.FaultConflict: true, record.FaultPermanent: true, record.FaultKey: true,
	record.FaultDecode: true,
}
