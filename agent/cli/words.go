package cli

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineWidth fits a terminal of 80 columns.
const lineWidth = 79

// wrap breaks a text into lines; the first begins with head, the others with as
// many blanks. It ends in a line break. A word that is too long stays whole.
func wrap(head, text string) string {
	var b strings.Builder
	line, words := head, 0
	blank := strings.Repeat(" ", len([]rune(head)))
	for word := range strings.FieldsSeq(text) {
		if words > 0 && len([]rune(line))+1+len([]rune(word)) > lineWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, words = blank, 0
		}
		if words > 0 {
			line += " "
		}
		line += word
		words++
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}

// sentence begins with a capital letter.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
