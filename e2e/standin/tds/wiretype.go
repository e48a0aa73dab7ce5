package tds

import (
	"encoding/binary"
	"fmt"

	"rollbridge/e2e/standin/sqltype"
)

// Types as they are named on the wire (MS-TDS 2.2.5.4).
const (
	wireNull           = 0x1F
	wireGUID           = 0x24
	wireIntN           = 0x26
	wireDate           = 0x28
	wireTime           = 0x29
	wireDateTime2      = 0x2A
	wireDateTimeOffset = 0x2B
	wireInt1           = 0x30
	wireBit            = 0x32
	wireInt2           = 0x34
	wireInt4           = 0x38
	wireSmallDateTime  = 0x3A
	wireReal           = 0x3B
	wireMoney          = 0x3C
	wireDateTime       = 0x3D
	wireFloat          = 0x3E
	wireBitN           = 0x68
	wireDecimal        = 0x6A
	wireNumeric        = 0x6C
	wireFloatN         = 0x6D
	wireMoneyN         = 0x6E
	wireDateTimeN      = 0x6F
	wireInt8           = 0x7F
	wireVarBinary      = 0xA5
	wireVarChar        = 0xA7
	wireBinary         = 0xAD
	wireChar           = 0xAF
	wireNVarChar       = 0xE7
	wireNChar          = 0xEF
)

// wireMax is the length on the wire of a type with (max).
const wireMax = 0xFFFF

// A wireType is how a kind crosses: code when the column can be NULL, fixed
// (0 for none) when it cannot, and size in bytes where the code needs one.
type wireType struct {
	code, fixed byte
	size        int
}

var wireTypes = map[sqltype.Kind]wireType{
	sqltype.TinyInt:          {wireIntN, wireInt1, 1},
	sqltype.SmallInt:         {wireIntN, wireInt2, 2},
	sqltype.Int:              {wireIntN, wireInt4, 4},
	sqltype.BigInt:           {wireIntN, wireInt8, 8},
	sqltype.Bit:              {wireBitN, wireBit, 1},
	sqltype.Decimal:          {code: wireNumeric},
	sqltype.Money:            {wireMoneyN, wireMoney, 8},
	sqltype.Float:            {wireFloatN, wireFloat, 8},
	sqltype.Real:             {wireFloatN, wireReal, 4},
	sqltype.Char:             {code: wireChar, size: 1},
	sqltype.VarChar:          {code: wireVarChar, size: 1},
	sqltype.NChar:            {code: wireNChar, size: 2},
	sqltype.NVarChar:         {code: wireNVarChar, size: 2},
	sqltype.Binary:           {code: wireBinary, size: 1},
	sqltype.VarBinary:        {code: wireVarBinary, size: 1},
	sqltype.Date:             {code: wireDate},
	sqltype.Time:             {code: wireTime},
	sqltype.DateTime:         {wireDateTimeN, wireDateTime, 8},
	sqltype.DateTime2:        {code: wireDateTime2},
	sqltype.SmallDateTime:    {wireDateTimeN, wireSmallDateTime, 4},
	sqltype.DateTimeOffset:   {code: wireDateTimeOffset},
	sqltype.UniqueIdentifier: {code: wireGUID, size: 16},
}

// appendType appends TYPE_INFO.
func appendType(b []byte, t sqltype.Type, nullable bool) []byte {
	w := wireTypes[t.Kind]
	if !nullable && w.fixed != 0 {
		return append(b, w.fixed)
	}
	b = append(b, w.code)
	switch w.code {
	case wireDate:
		return b
	case wireTime, wireDateTime2, wireDateTimeOffset:
		return append(b, byte(t.Scale))
	case wireNumeric:
		return append(b, byte(1+decimalBytes(t.Precision)), byte(t.Precision), byte(t.Scale))
	case wireChar, wireVarChar, wireNChar, wireNVarChar, wireBinary, wireVarBinary:
		size := wireMax
		if t.Length != sqltype.Max {
			size = t.Length * w.size
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(size))
		if w.code != wireBinary && w.code != wireVarBinary {
			b = append(b, collation[:]...)
		}
		return b
	}
	return append(b, byte(w.size))
}

// A received is a type as a client states it: what it is in T-SQL, and what
// the bytes of its value are.
type received struct {
	sqltype.Type
	code byte
	size int // of a value; wireMax for one in parts
}

// errNotTaken is a type that the stand-in does not take, though SQL Server does.
type errNotTaken struct{ code byte }

func (e errNotTaken) Error() string {
	return fmt.Sprintf("the stand-in takes no parameter of the wire's type %#x", e.code)
}

var fixedTypes = map[byte]received{
	wireInt1:          {sqltype.Type{Kind: sqltype.TinyInt}, wireIntN, 1},
	wireInt2:          {sqltype.Type{Kind: sqltype.SmallInt}, wireIntN, 2},
	wireInt4:          {sqltype.Type{Kind: sqltype.Int}, wireIntN, 4},
	wireInt8:          {sqltype.Type{Kind: sqltype.BigInt}, wireIntN, 8},
	wireBit:           {sqltype.Type{Kind: sqltype.Bit}, wireBitN, 1},
	wireReal:          {sqltype.Type{Kind: sqltype.Real}, wireFloatN, 4},
	wireFloat:         {sqltype.Type{Kind: sqltype.Float}, wireFloatN, 8},
	wireMoney:         {sqltype.Type{Kind: sqltype.Money}, wireMoneyN, 8},
	wireSmallDateTime: {sqltype.Type{Kind: sqltype.SmallDateTime}, wireDateTimeN, 4},
	wireDateTime:      {sqltype.Type{Kind: sqltype.DateTime}, wireDateTimeN, 8},
}

// sizedKinds are the types whose kind follows from the size that is stated.
var sizedKinds = map[byte]map[int]sqltype.Kind{
	wireIntN:      {1: sqltype.TinyInt, 2: sqltype.SmallInt, 4: sqltype.Int, 8: sqltype.BigInt},
	wireBitN:      {1: sqltype.Bit},
	wireFloatN:    {4: sqltype.Real, 8: sqltype.Float},
	wireMoneyN:    {8: sqltype.Money},
	wireDateTimeN: {4: sqltype.SmallDateTime, 8: sqltype.DateTime},
	wireGUID:      {16: sqltype.UniqueIdentifier},
}

var momentKinds = map[byte]sqltype.Kind{
	wireTime: sqltype.Time, wireDateTime2: sqltype.DateTime2, wireDateTimeOffset: sqltype.DateTimeOffset,
}

var runKinds = map[byte]sqltype.Kind{
	wireChar: sqltype.Char, wireVarChar: sqltype.VarChar, wireNChar: sqltype.NChar, wireNVarChar: sqltype.NVarChar,
	wireBinary: sqltype.Binary, wireVarBinary: sqltype.VarBinary,
}

// readType reads TYPE_INFO. fixed says that its value has no length before it.
func readType(c *cursor) (t received, fixed bool, err error) {
	code := c.u8()
	if t, ok := fixedTypes[code]; ok {
		return t, true, nil
	}
	t = received{code: code}
	switch code {
	case wireNull:
		// What go-mssqldb declares a bare nil as.
		t.Type = sqltype.Type{Kind: sqltype.NVarChar, Length: 1}
		return t, true, nil
	case wireDate:
		t.Type, t.size = sqltype.Type{Kind: sqltype.Date}, 3
	case wireTime, wireDateTime2, wireDateTimeOffset:
		t.Type = sqltype.Type{Kind: momentKinds[code], Scale: int(c.u8())}
		t.size = momentBytes(t.Type)
	case wireDecimal, wireNumeric:
		c.u8()
		t.Type = sqltype.Type{Kind: sqltype.Decimal, Precision: int(c.u8()), Scale: int(c.u8())}
		t.size = 1 + decimalBytes(t.Precision)
	case wireIntN, wireBitN, wireFloatN, wireMoneyN, wireDateTimeN, wireGUID:
		t.size = int(c.u8())
		kind, ok := sizedKinds[code][t.size]
		if !ok && !c.bad {
			return t, false, broken("the wire's type %#x with %d bytes", code, t.size)
		}
		t.Type.Kind = kind
	case wireChar, wireVarChar, wireNChar, wireNVarChar, wireBinary, wireVarBinary:
		t.readRun(c)
	default:
		if !c.bad {
			return t, false, errNotTaken{code}
		}
	}
	if c.bad {
		return t, false, broken("a type ends inside itself")
	}
	if err := t.Valid(); err != nil {
		return t, false, broken("a type that T-SQL does not have: %v", err)
	}
	return t, false, nil
}

// readRun reads the rest of TYPE_INFO of a text or a run of bytes.
func (t *received) readRun(c *cursor) {
	t.Kind, t.size = runKinds[t.code], int(c.u16())
	if t.code != wireBinary && t.code != wireVarBinary {
		c.take(len(collation))
	}
	// A length of 0 is an empty value; T-SQL's shortest type holds it.
	t.Length = max(t.size/wireTypes[t.Kind].size, 1)
	if t.size == wireMax {
		t.Length = sqltype.Max
	}
}
