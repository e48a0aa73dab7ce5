package language

import (
	"strings"
	"unicode"
)

// Mark says what an attendance code means; label is that of the list in shared/codes.
func (p *Printer) Mark(label string) string {
	key := "mark.of." + slug(label)
	if text := p.T(key); text != key {
		return text
	}
	return label
}

// slug is a text as a part of a key has it: "leave-exceptional-circumstances".
func slug(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "-")
}
