package sqlserver

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// A Kind is the family of a column's type.
type Kind string

// The kinds of a [Cell], with the form of its text. (KindID exists only in a
// [Need].)
const (
	KindText   Kind = "text"   // as it is
	KindWhole  Kind = "whole"  // a whole number, decimal
	KindNumber Kind = "number" // a decimal number, with a point
	KindFlag   Kind = "flag"   // 1 or 0
	KindDate   Kind = "date"   // YYYY-MM-DD
	KindTime   Kind = "time"   // a moment without time zone: YYYY-MM-DD hh:mm:ss, cut to the second
	KindGUID   Kind = "guid"   // 6F9619FF-8B86-D011-B42D-00C04FC964FF
	KindOther  Kind = "other"  // anything else, which has no text
)

// A Cell is one value of a row. Text is empty when Null is set or when Kind is
// KindOther.
type Cell struct {
	Text string
	Null bool
	Kind Kind
}

// kinds are those of the driver's names of types. Decimals without places are
// whole numbers.
var kinds = map[string]Kind{
	"CHAR": KindText, "VARCHAR": KindText, "NCHAR": KindText, "NVARCHAR": KindText, "TEXT": KindText, "NTEXT": KindText,
	"TINYINT": KindWhole, "SMALLINT": KindWhole, "INT": KindWhole, "BIGINT": KindWhole,
	"DECIMAL": KindNumber, "MONEY": KindNumber, "SMALLMONEY": KindNumber, "REAL": KindNumber, "FLOAT": KindNumber,
	"BIT": KindFlag, "DATE": KindDate, "UNIQUEIDENTIFIER": KindGUID,
	"DATETIME": KindTime, "DATETIME2": KindTime, "SMALLDATETIME": KindTime,
}

// A resultColumn turns the driver's values into cells.
type resultColumn struct {
	name   string
	kind   Kind
	single bool // REAL: fewer digits mean something

	// The last moment and its text: rows of marks come day by day.
	moment time.Time
	text   string
}

// resultColumns describes the columns of a result. The driver panics on types that it
// does not know (those of CLR assemblies); that becomes a Fault.
func resultColumns(rows *sql.Rows) (columns []*resultColumn, err error) {
	defer func() {
		if recover() != nil {
			err = &Fault{Reason: Schema, Text: "The query has a column of a type that cannot be read. Let it name text, numbers and dates only; CAST the column to nvarchar, or leave it out."}
		}
	}()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		c := &resultColumn{name: t.Name(), kind: KindOther, single: t.DatabaseTypeName() == "REAL"}
		if k, ok := kinds[t.DatabaseTypeName()]; ok {
			c.kind = k
		}
		if _, scale, ok := t.DecimalSize(); ok && scale == 0 && c.kind == KindNumber {
			c.kind = KindWhole
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// cell is the value as text. An error means that the driver and this package
// disagree about the type, and holds no value.
func (c *resultColumn) cell(value any) (Cell, error) {
	out := Cell{Kind: c.kind, Null: value == nil}
	if value == nil || c.kind == KindOther {
		return out, nil
	}
	ok := true
	switch v := value.(type) {
	case string:
		out.Text, ok = v, c.kind == KindText
	case int64:
		out.Text, ok = strconv.FormatInt(v, 10), c.kind == KindWhole
	case bool:
		out.Text, ok = "0", c.kind == KindFlag
		if v {
			out.Text = "1"
		}
	case float64:
		bits := 64
		if c.single {
			bits = 32
		}
		out.Text, ok = strconv.FormatFloat(v, 'f', -1, bits), c.kind == KindNumber
	case time.Time:
		out.Text, ok = c.written(v), c.kind == KindTime || c.kind == KindDate
	case []byte:
		out.Text, ok = c.fromBytes(v)
	default:
		ok = false
	}
	if !ok {
		return Cell{}, fmt.Errorf("column %s: a %T is not a %s", c.name, value, c.kind)
	}
	return out, nil
}

func (c *resultColumn) written(v time.Time) string {
	if c.text == "" || !v.Equal(c.moment) {
		layout := time.DateTime
		if c.kind == KindDate {
			layout = time.DateOnly
		}
		c.moment, c.text = v, v.Format(layout)
	}
	return c.text
}

// fromBytes reads decimals, which come as text, and GUIDs, which come in the
// byte order of the wire.
func (c *resultColumn) fromBytes(b []byte) (string, bool) {
	switch c.kind {
	case KindNumber, KindWhole, KindText:
		return string(b), true
	case KindGUID:
		var id mssql.UniqueIdentifier
		if err := id.Scan(b); err != nil {
			return "", false
		}
		return strings.ToUpper(id.String()), true
	}
	return "", false
}
