package tsql

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"rollbridge/e2e/standin/sqltype"
)

// mode says by which rules a value changes its type.
type mode int64

const (
	modeCompare mode = iota // implicitly, to be compared
	modeCast                // CAST: too long a text is cut
	modeAssign              // into a column: too long a text is an error
)

// convertible says whether a conversion is translated at all.
func convertible(from, to sqltype.Type, m mode) bool {
	if from == to {
		return true
	}
	f, t := familyOf(from), familyOf(to)
	switch t {
	case famText:
		switch f {
		case famText:
			return true
		case famWhole, famBit:
			return to.Length == sqltype.Max || to.Length >= wholeWidth(from.Kind) || m == modeAssign
		case famDate, famGUID, famTime:
			return fits(from, to)
		case famMoment:
			return from.Kind == sqltype.DateTime2 && fits(from, to)
		}
		return false
	case famWhole, famBit:
		return f == famWhole || f == famBit || f == famText
	case famDecimal:
		return f == famWhole || f == famBit || f == famText || f == famDecimal
	case famFloat:
		return f == famWhole || f == famFloat && to.Kind == sqltype.Float || f == famDecimal
	case famDate:
		return f == famText || f == famMoment
	case famMoment:
		return f == famText || f == famDate || widerMoment(from, to)
	case famTime:
		return f == famText || f == famTime && to.Scale >= from.Scale
	case famGUID:
		return f == famText
	case famBinary:
		return f == famBinary
	}
	return false
}

func fits(from, to sqltype.Type) bool {
	length := len(layout(from))
	if from.Kind == sqltype.UniqueIdentifier {
		length = 36
	}
	return to.Length == sqltype.Max || to.Length >= length
}

// widerMoment says whether every value of one type of moment is one of the
// other. datetime as datetime2 is not: its thousandths stand for 1/300 s.
func widerMoment(from, to sqltype.Type) bool {
	switch {
	case from.Kind == sqltype.SmallDateTime:
		return true
	case from.Kind == sqltype.DateTime2 && to.Kind == sqltype.DateTime2:
		return to.Scale >= from.Scale
	}
	return from == to
}

// convertStored converts a stored value. The pair must be convertible.
func convertStored(v any, from, to sqltype.Type, m mode) (any, error) {
	if v == nil || from == to {
		return v, nil
	}
	switch t := familyOf(to); t {
	case famText:
		return storedToText(v, from, to, m)
	case famWhole, famBit:
		return toWhole(v, from, to)
	case famDecimal:
		return storedToDecimal(v, from, to)
	case famFloat:
		return toFloat(v)
	case famDate, famMoment, famTime:
		return toMoment(v.(string), from, to)
	case famGUID:
		return toGUID(v.(string))
	default:
		return toBinary(v.([]byte), to, m)
	}
}

func storedToText(v any, from, to sqltype.Type, m mode) (any, error) {
	s, ok := v.(string)
	if !ok {
		n, _ := v.(int64)
		s = strconv.FormatInt(n, 10)
		if to.Length != sqltype.Max && len(s) > to.Length {
			return nil, fail(8115, "Arithmetic overflow error converting expression to data type %s.", to.Kind)
		}
	}
	if !isNational(to) && isNational(from) {
		if err := inCodePage(s); err != nil {
			return nil, err
		}
	}
	return fitText(s, to, m)
}

// inCodePage refuses text that code page 1252 cannot hold: SQL Server would
// put a similar letter or a question mark in its place.
func inCodePage(s string) error {
	for _, r := range s {
		if r < 0x80 {
			continue
		}
		if _, ok := charmap.Windows1252.EncodeRune(r); !ok {
			return refuse("a character outside code page 1252 (U+%04X) in varchar or char", r)
		}
	}
	return nil
}

// fitText brings a text to the length of its type. Blanks at the end may be
// lost even where nothing else may.
func fitText(s string, to sqltype.Type, m mode) (any, error) {
	if to.Length == sqltype.Max || len(s) <= to.Length {
		return pad(s, to), nil
	}
	n := 0
	for i, r := range s {
		width := 1
		if isNational(to) && r > 0xFFFF {
			width = 2
		}
		if n+width <= to.Length {
			n += width
			continue
		}
		if m == modeAssign && strings.Trim(s[i:], " ") != "" {
			return nil, fail(2628, "String or binary data would be truncated.")
		}
		if n < to.Length && m == modeCast {
			return nil, refuse("cutting a surrogate pair in two")
		}
		s = s[:i]
		break
	}
	return pad(s, to), nil
}

func toWhole(v any, from, to sqltype.Type) (any, error) {
	n, ok := v.(int64)
	if !ok {
		s, _ := v.(string)
		return textToWhole(s, from, to)
	}
	if to.Kind == sqltype.Bit {
		return bit(n), nil
	}
	if low, high := wholeBounds(to.Kind); n < low || n > high {
		if to.Kind == sqltype.Int {
			return nil, fail(8115, "Arithmetic overflow error converting expression to data type int.")
		}
		return nil, fail(220, "Arithmetic overflow error for data type %s, value = %d.", to.Kind, n)
	}
	return n, nil
}

func bit(n int64) int64 {
	if n != 0 {
		return 1
	}
	return 0
}

// textToWhole reads a whole number as SQL Server does: blanks around it do
// not matter and nothing but blanks is 0.
func textToWhole(s string, from, to sqltype.Type) (any, error) {
	trimmed := strings.Trim(s, " ")
	if to.Kind == sqltype.Bit {
		switch strings.ToLower(trimmed) {
		case "true":
			return int64(1), nil
		case "false":
			return int64(0), nil
		}
	}
	if trimmed == "" {
		return int64(0), nil
	}
	body := strings.TrimLeft(trimmed, "+-")
	if signs := len(trimmed) - len(body); signs > 0 && (body == "" || body[0] == ' ' || signs > 1) ||
		strings.ContainsAny(trimmed, "\t\r\n\v\f\u00a0") {
		return nil, refuse("a number in text with signs or blanks of another kind around it")
	}
	if digits(body) != len(body) {
		if to.Kind == sqltype.BigInt {
			return nil, fail(8114, "Error converting data type %s to bigint.", from.Kind)
		}
		return nil, fail(245, "Conversion failed when converting the %s value '%s' to data type %s.", from.Kind, s, to.Kind)
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(trimmed, "+"), 10, 64)
	if to.Kind == sqltype.Bit && err == nil {
		return bit(n), nil
	}
	low, high := wholeBounds(to.Kind)
	if err == nil && n >= low && n <= high {
		return n, nil
	}
	switch to.Kind {
	case sqltype.BigInt:
		return nil, fail(8115, "Arithmetic overflow error converting expression to data type bigint.")
	case sqltype.Int:
		return nil, fail(248, "The conversion of the %s value '%s' overflowed an int column.", from.Kind, s)
	case sqltype.Bit:
		return nil, refuse("so long a number as bit")
	}
	size := map[sqltype.Kind]string{sqltype.TinyInt: "INT1", sqltype.SmallInt: "INT2"}[to.Kind]
	return nil, fail(244, "The conversion of the %s value '%s' overflowed an %s column. Use a larger integer column.", from.Kind, s, size)
}

func storedToDecimal(v any, from, to sqltype.Type) (any, error) {
	switch x := v.(type) {
	case int64:
		return toDecimal(strconv.FormatInt(x, 10), to)
	case string:
		if isText(from) {
			x = strings.Trim(x, " ")
			body := strings.TrimLeft(x, "+-")
			if n := digits(body); n == 0 || len(x)-len(body) > 1 || n < len(body) && (body[n] != '.' || digits(body[n+1:]) != len(body)-n-1) {
				if to.Kind == sqltype.Money || strings.ContainsAny(body, " \t\r\n\v\f.") || body == "" {
					return nil, refuse("text in this form as %s", to.Kind)
				}
				return nil, fail(8114, "Error converting data type %s to numeric.", from.Kind)
			}
		}
		return toDecimal(x, to)
	}
	return nil, refuse("a value of %s as %s", from, to)
}

// toDecimal writes a plain decimal number with the digits of its type,
// rounded half away from zero.
func toDecimal(s string, t sqltype.Type) (any, error) {
	precision, scale := t.Precision, t.Scale
	if t.Kind == sqltype.Money {
		precision, scale = 19, 4
	}
	minus := strings.HasPrefix(s, "-")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(s, "+-"), ".")
	up := len(fraction) > scale && fraction[scale] >= '5'
	fraction = (fraction + strings.Repeat("0", scale))[:scale]
	all := []byte(strings.TrimLeft(whole, "0") + fraction)
	if up {
		all = increment(all)
	}
	for len(all) <= scale {
		all = append([]byte{'0'}, all...)
	}
	out := string(all[:len(all)-scale])
	if out = strings.TrimLeft(out, "0"); len(out) > precision-scale || t.Kind == sqltype.Money && tooMuchMoney(all, minus) {
		if t.Kind == sqltype.Money {
			return nil, fail(8115, "Arithmetic overflow error converting expression to data type money.")
		}
		return nil, fail(8115, "Arithmetic overflow error converting numeric to data type numeric.")
	}
	if out == "" {
		out = "0"
	}
	if scale > 0 {
		out += "." + string(all[len(all)-scale:])
	}
	if minus && strings.Trim(out, "0.") != "" {
		out = "-" + out
	}
	return out, nil
}

// tooMuchMoney: money is a 64-bit number of ten thousandths.
func tooMuchMoney(tenThousandths []byte, minus bool) bool {
	n, err := strconv.ParseUint(string(tenThousandths), 10, 64)
	limit := uint64(math.MaxInt64)
	if minus {
		limit++
	}
	return err != nil || n > limit
}

func increment(digits []byte) []byte {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] < '9' {
			digits[i]++
			return digits
		}
		digits[i] = '0'
	}
	return append([]byte{'1'}, digits...)
}

func toFloat(v any) (any, error) {
	switch x := v.(type) {
	case int64:
		return float64(x), nil
	case float64:
		return x, nil
	case string:
		f, err := strconv.ParseFloat(x, 64)
		if err != nil {
			return nil, refuse("so great a number as float")
		}
		return f, nil
	}
	return nil, refuse("a value as float")
}

func toGUID(s string) (any, error) {
	trimmed := strings.TrimRight(s, " ")
	if g, err := sqltype.ParseGUID(trimmed); err == nil {
		return g.String(), nil
	}
	if len(trimmed) > 36 {
		return nil, refuse("a text longer than a GUID as uniqueidentifier, of which SQL Server may cut the rest")
	}
	return nil, fail(8169, "Conversion failed when converting from a character string to uniqueidentifier.")
}

func toBinary(b []byte, to sqltype.Type, m mode) (any, error) {
	if to.Length != sqltype.Max && len(b) > to.Length {
		if m == modeAssign {
			return nil, fail(2628, "String or binary data would be truncated.")
		}
		b = b[:to.Length]
	}
	if to.Kind == sqltype.Binary && len(b) < to.Length {
		b = append(bytes.Clone(b), make([]byte, to.Length-len(b))...)
	}
	return b, nil
}
