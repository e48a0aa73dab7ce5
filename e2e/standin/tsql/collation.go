package tsql

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// weights orders ASCII as SQL Server's usual collations do as far as they
// agree: blank, underscore, other signs, digits, letters without case.
var weights = func() (w [128]uint8) {
	next := uint8(0)
	give := func(signs string) {
		for _, r := range signs {
			if w[r] == 0 {
				next++
				w[r] = next
			}
		}
	}
	give(" _")
	for r := rune(0); r < 128; r++ {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			give(string(r))
		}
	}
	give("0123456789abcdefghijklmnopqrstuvwxyz")
	for r := 'A'; r <= 'Z'; r++ {
		w[r] = w[r+'a'-'A']
	}
	return w
}()

// collate is the collation mssql: without regard to case and to blanks at the
// end, with regard to accents.
func collate(a, b string) int {
	a, b = strings.TrimRight(a, " "), strings.TrimRight(b, " ")
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x >= 0x80 || y >= 0x80 {
			return collateSlowly(a, b)
		}
		if weights[x] == weights[y] {
			continue
		}
		if follows(a, i) || follows(b, i) {
			return collateSlowly(a, b)
		}
		return int(weights[x]) - int(weights[y])
	}
	switch {
	case n < len(a) && a[n] >= 0x80, n < len(b) && b[n] >= 0x80:
		return collateSlowly(a, b)
	}
	return len(a) - len(b)
}

// follows says whether what follows may be an accent of the character at i.
func follows(s string, i int) bool { return i+1 < len(s) && s[i+1] >= 0x80 }

// collateSlowly compares text beyond ASCII: composed, character by character.
func collateSlowly(a, b string) int {
	x, y := []rune(norm.NFC.String(a)), []rune(norm.NFC.String(b))
	for i := range min(len(x), len(y)) {
		if d := weight(x[i]) - weight(y[i]); d != 0 {
			return d
		}
	}
	return len(x) - len(y)
}

func weight(r rune) int {
	if r < 0x80 {
		return int(weights[r])
	}
	// İ, K (Kelvin) and their like have an ASCII letter below them but are
	// not equal to it.
	if l := unicode.ToLower(r); l >= 0x80 {
		r = l
	}
	return 0x80 + int(r)
}
