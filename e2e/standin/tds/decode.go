package tds

import (
	"encoding/binary"
	"math"

	"golang.org/x/text/encoding/charmap"

	"rollbridge/e2e/standin/sqltype"
)

// Lengths of values in parts (PLP, MS-TDS 2.2.5.2.3).
const (
	partsNull    = 0xFFFFFFFFFFFFFFFF
	partsUnknown = 0xFFFFFFFFFFFFFFFE
)

// readValue reads a parameter's type and value.
func readValue(c *cursor) (sqltype.Type, any, error) {
	t, fixed, err := readType(c)
	if err != nil {
		return t.Type, nil, err
	}
	raw, null, err := readRaw(c, t, fixed)
	if err != nil || null {
		return t.Type, nil, err
	}
	v, err := decode(t, raw)
	return t.Type, v, err
}

// readRaw reads the bytes of a value.
func readRaw(c *cursor, t received, fixed bool) (raw []byte, null bool, err error) {
	switch {
	case t.code == wireNull:
		return nil, true, nil
	case fixed:
		raw = c.take(t.size)
	case t.size == wireMax && runKinds[t.code] != "":
		return readParts(c)
	case runKinds[t.code] != "":
		n := int(c.u16())
		if n == 0xFFFF {
			return nil, !c.bad, badValue(c.bad)
		}
		if n > t.size {
			return nil, false, broken("a value of %d bytes in %s", n, t)
		}
		raw = c.take(n)
	default:
		n := int(c.u8())
		if n == 0 {
			return nil, !c.bad, badValue(c.bad)
		}
		if n != t.size {
			return nil, false, broken("a value of %d bytes in %s", n, t)
		}
		raw = c.take(n)
	}
	return raw, false, badValue(c.bad)
}

// readParts reads a value that crosses in parts. Only bytes that are there are
// ever put together.
func readParts(c *cursor) (raw []byte, null bool, err error) {
	total := c.u64()
	if total == partsNull {
		return nil, true, nil
	}
	for {
		n := c.u32()
		if c.bad || uint64(n) > uint64(len(c.rest)) {
			return nil, false, badValue(true)
		}
		if n == 0 {
			break
		}
		raw = append(raw, c.take(int(n))...)
	}
	if total != partsUnknown && total != uint64(len(raw)) {
		return nil, false, broken("a value of %d bytes that says it has %d", len(raw), total)
	}
	return raw, false, nil
}

func badValue(bad bool) error {
	if bad {
		return broken("a value ends inside itself")
	}
	return nil
}

// decode makes a value of its bytes.
func decode(t received, raw []byte) (any, error) {
	switch t.Kind {
	case sqltype.TinyInt:
		return int64(raw[0]), nil
	case sqltype.SmallInt:
		return int64(int16(binary.LittleEndian.Uint16(raw))), nil
	case sqltype.Int:
		return int64(int32(binary.LittleEndian.Uint32(raw))), nil
	case sqltype.BigInt:
		return int64(binary.LittleEndian.Uint64(raw)), nil
	case sqltype.Bit:
		return raw[0] != 0, nil
	case sqltype.Real:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))), nil
	case sqltype.Float:
		return math.Float64frombits(binary.LittleEndian.Uint64(raw)), nil
	case sqltype.Money:
		return decodeMoney(raw), nil
	case sqltype.Decimal:
		return decodeDecimal(t.Type, raw)
	case sqltype.Char, sqltype.VarChar:
		text, err := charmap.Windows1252.NewDecoder().Bytes(raw)
		return string(text), err
	case sqltype.NChar, sqltype.NVarChar:
		if len(raw)%2 != 0 {
			return nil, broken("a %s of an odd number of bytes", t.Kind)
		}
		return fromUTF16(raw), nil
	case sqltype.Binary, sqltype.VarBinary:
		return append([]byte{}, raw...), nil
	case sqltype.UniqueIdentifier:
		return turn(sqltype.GUID(raw)), nil
	default:
		return decodeMoment(t.Type, raw)
	}
}

// turn turns the first three groups of a GUID round: the wire has them
// little-endian, the written form big-endian.
func turn(g sqltype.GUID) sqltype.GUID {
	return sqltype.GUID{
		g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6],
		g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15],
	}
}
