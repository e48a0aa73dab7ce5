package tsql

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/standin/sqltype"
)

// layout is the form in which moments of a type lie in SQLite: all of one
// length, so that the order of the texts is the order of the moments.
func layout(t sqltype.Type) string {
	fraction := func(base string) string {
		if t.Scale == 0 {
			return base
		}
		return base + "." + strings.Repeat("0", t.Scale)
	}
	switch t.Kind {
	case sqltype.Date:
		return "2006-01-02"
	case sqltype.Time:
		return fraction("15:04:05")
	case sqltype.DateTime:
		return "2006-01-02 15:04:05.000"
	case sqltype.DateTime2:
		return fraction("2006-01-02 15:04:05")
	case sqltype.DateTimeOffset:
		return fraction("2006-01-02 15:04:05") + " -07:00"
	}
	return "2006-01-02 15:04:05"
}

// Value gives the Go value (see sqltype) of what SQLite stores or answers for
// a type. It fails where the two do not fit, which a Query of this package
// never brings about.
func Value(t sqltype.Type, stored any) (any, error) {
	if b, ok := stored.([]byte); ok && familyOf(t) != famBinary {
		stored = string(b)
	}
	switch v := stored.(type) {
	case nil:
		return nil, nil
	case int64:
		switch familyOf(t) {
		case famWhole:
			return v, nil
		case famBit:
			return v != 0, nil
		case famFloat:
			return float64(v), nil
		}
	case float64:
		if familyOf(t) == famFloat {
			return v, nil
		}
	case []byte:
		return v, nil
	case string:
		switch familyOf(t) {
		case famText, famDecimal:
			return v, nil
		case famDate, famTime, famMoment, famOffset:
			return time.Parse(layout(t), v)
		case famGUID:
			return sqltype.ParseGUID(v)
		}
	}
	return nil, fmt.Errorf("read a value of %s from SQLite: it lies there as %T", t, stored)
}

// Store gives what SQLite stores for a Go value of a type; the inverse of
// Value. It pads char and nchar, and checks neither length nor range.
func Store(t sqltype.Type, value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case int64:
		switch familyOf(t) {
		case famWhole:
			return v, nil
		case famBit:
			return min(v*v, 1), nil
		case famFloat:
			return float64(v), nil
		}
	case bool:
		if familyOf(t) == famBit {
			if v {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case float64:
		if familyOf(t) == famFloat {
			return v, nil
		}
	case string:
		switch familyOf(t) {
		case famText:
			return pad(v, t), nil
		case famDecimal:
			return toDecimal(v, t)
		}
	case time.Time:
		switch familyOf(t) {
		case famDate, famTime, famMoment, famOffset:
			return v.Format(layout(t)), nil
		}
	case sqltype.GUID:
		return v.String(), nil
	case [16]byte:
		return sqltype.GUID(v).String(), nil
	case []byte:
		if familyOf(t) == famBinary {
			return v, nil
		}
	}
	return nil, fmt.Errorf("store a value of %s: it is a %T", t, value)
}

// pad gives a text of a padded type its full length.
func pad(s string, t sqltype.Type) string {
	if !isPadded(t) {
		return s
	}
	if n := units(s, isNational(t)); n < t.Length {
		return s + strings.Repeat(" ", t.Length-n)
	}
	return s
}

// render writes a stored value as a SQLite literal. A text with a NUL sign,
// which SQLite would cut there, has none.
func render(stored any) (string, error) {
	switch v := stored.(type) {
	case nil:
		return "NULL", nil
	case int64:
		if v == math.MinInt64 {
			return "(-9223372036854775807 - 1)", nil
		}
		return strconv.FormatInt(v, 10), nil
	case float64:
		s := strconv.FormatFloat(v, 'e', -1, 64)
		return s, nil
	case []byte:
		return "x'" + hex.EncodeToString(v) + "'", nil
	case string:
		if strings.IndexByte(v, 0) >= 0 {
			return "", refuse("text with a NUL character")
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'", nil
	}
	return "", fmt.Errorf("write a %T as a literal", stored)
}
