package language

import "rollbridge/shared/codes"

// Code says what a code of a list in shared/codes means, without the code itself. A list
// that has no texts here is said in English; a code that no list has is "".
func (p *Printer) Code(codeset, value string) string {
	// Only what a list has is looked for, since a value may be anything that a school wrote.
	e, known := codes.Lookup(codeset, value)
	if !known {
		return ""
	}
	key := "code.of." + codeset + "." + value
	if text := p.T(key); text != key {
		return text
	}
	return e.Label
}
