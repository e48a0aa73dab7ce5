package tds

import (
	"encoding/binary"
	"fmt"
	"math"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"rollbridge/e2e/standin/sqltype"
)

// appendColumns appends COLMETADATA.
func appendColumns(b []byte, columns []Column) ([]byte, error) {
	if len(columns) == 0 || len(columns) > maxColumns {
		return nil, fmt.Errorf("a result of %d columns; there can be 1 to %d", len(columns), maxColumns)
	}
	b = append(b, tokenColumns)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(columns)))
	for _, c := range columns {
		if err := c.Type.Valid(); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		if units(c.Name) > maxIdentifierName {
			return nil, fmt.Errorf("a column's name has at most %d characters", maxIdentifierName)
		}
		b = binary.LittleEndian.AppendUint32(b, 0) // user type
		var flags uint16
		if c.Nullable {
			flags = 1
		}
		b = binary.LittleEndian.AppendUint16(b, flags)
		b = appendShortText(appendType(b, c.Type, c.Nullable), c.Name)
	}
	return b, nil
}

// appendRow appends ROW, or NBCROW when a value is NULL.
func appendRow(b []byte, columns []Column, values []any) ([]byte, error) {
	if len(values) != len(columns) {
		return nil, fmt.Errorf("a row of %d values in a result of %d columns", len(values), len(columns))
	}
	nulls := make([]byte, (len(columns)+7)/8)
	some := false
	for i, v := range values {
		if v != nil {
			continue
		}
		if !columns[i].Nullable {
			return nil, fmt.Errorf("column %s: NULL, though it is declared to have none", columns[i].Name)
		}
		some = true
		nulls[i/8] |= 1 << (i % 8)
	}
	if some {
		b = append(append(b, tokenRowWithNulls), nulls...)
	} else {
		b = append(b, tokenRow)
	}
	var err error
	for i, v := range values {
		if v == nil {
			continue
		}
		if b, err = appendValue(b, columns[i], v); err != nil {
			return nil, fmt.Errorf("column %s: %w", columns[i].Name, err)
		}
	}
	return b, nil
}

// appendValue appends a value that is not NULL, with its length as its type has it.
func appendValue(b []byte, c Column, v any) ([]byte, error) {
	raw, err := encode(c.Type, v)
	if err != nil {
		return nil, err
	}
	w := wireTypes[c.Type.Kind]
	switch {
	case !c.Nullable && w.fixed != 0:
	case runKinds[w.code] == "":
		b = append(b, byte(len(raw)))
	case c.Type.Length != sqltype.Max:
		if len(raw) > c.Type.Length*w.size {
			return nil, fmt.Errorf("a value of %d bytes does not fit %s", len(raw), c.Type)
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(len(raw)))
	default:
		b = binary.LittleEndian.AppendUint64(b, uint64(len(raw)))
		if len(raw) > 0 {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
			b = append(b, raw...)
		}
		return binary.LittleEndian.AppendUint32(b, 0), nil
	}
	return append(b, raw...), nil
}

// encode makes the bytes of a value.
func encode(t sqltype.Type, v any) ([]byte, error) {
	switch v := v.(type) {
	case int64:
		return encodeWhole(t, v)
	case bool:
		if t.Kind == sqltype.Bit {
			if v {
				return []byte{1}, nil
			}
			return []byte{0}, nil
		}
	case float64:
		switch t.Kind {
		case sqltype.Float:
			return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)), nil
		case sqltype.Real:
			return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))), nil
		}
	case string:
		return encodeText(t, v)
	case []byte:
		switch t.Kind {
		case sqltype.Binary:
			return append(append([]byte{}, v...), make([]byte, max(t.Length-len(v), 0))...), nil
		case sqltype.VarBinary:
			return v, nil
		}
	case sqltype.GUID:
		if t.Kind == sqltype.UniqueIdentifier {
			g := turn(v)
			return g[:], nil
		}
	}
	if b, ok, err := encodeMoment(t, v); ok {
		return b, err
	}
	return nil, fmt.Errorf("a %T does not go into %s", v, t)
}

// wholeRange is what the whole numbers hold.
var wholeRange = map[sqltype.Kind][2]int64{
	sqltype.TinyInt:  {0, math.MaxUint8},
	sqltype.SmallInt: {math.MinInt16, math.MaxInt16},
	sqltype.Int:      {math.MinInt32, math.MaxInt32},
	sqltype.BigInt:   {math.MinInt64, math.MaxInt64},
}

func encodeWhole(t sqltype.Type, v int64) ([]byte, error) {
	r, ok := wholeRange[t.Kind]
	if !ok {
		return nil, fmt.Errorf("a whole number does not go into %s", t)
	}
	if v < r[0] || v > r[1] {
		return nil, fmt.Errorf("a number that %s does not hold", t)
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(v))[:wireTypes[t.Kind].size], nil
}

// encodeText makes the bytes of text, and of the numbers that are kept as text.
// A character that code page 1252 does not have becomes ?, as in SQL Server.
func encodeText(t sqltype.Type, v string) ([]byte, error) {
	var raw []byte
	var blank []byte
	switch t.Kind {
	case sqltype.Decimal:
		return encodeDecimal(t, v)
	case sqltype.Money:
		return encodeMoney(v)
	case sqltype.NChar, sqltype.NVarChar:
		raw, blank = toUTF16(nil, v), []byte{' ', 0}
	case sqltype.Char, sqltype.VarChar:
		var err error
		if raw, err = encoding.ReplaceUnsupported(charmap.Windows1252.NewEncoder()).Bytes([]byte(v)); err != nil {
			return nil, fmt.Errorf("text in code page 1252: %w", err)
		}
		for i, x := range raw {
			if x == encoding.ASCIISub {
				raw[i] = '?'
			}
		}
		blank = []byte{' '}
	default:
		return nil, fmt.Errorf("text does not go into %s", t)
	}
	if t.Kind == sqltype.Char || t.Kind == sqltype.NChar {
		for len(raw) < t.Length*len(blank) {
			raw = append(raw, blank...)
		}
	}
	return raw, nil
}
