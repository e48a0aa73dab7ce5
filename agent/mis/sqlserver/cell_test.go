package sqlserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCell(t *testing.T) {
	guid := []byte{0xff, 0x19, 0x96, 0x6f, 0x86, 0x8b, 0x11, 0xd0, 0xb4, 0x2d, 0x00, 0xc0, 0x4f, 0xc9, 0x64, 0xff}
	moment := time.Date(2025, 9, 1, 8, 45, 7, 123_000_000, time.UTC)
	for _, c := range []struct {
		kind  Kind
		value any
		want  string
	}{
		{KindText, "Zoë ", "Zoë "}, {KindText, "", ""},
		{KindWhole, int64(-7), "-7"}, {KindWhole, []byte("12345678901234567890"), "12345678901234567890"},
		{KindNumber, []byte("-1.50"), "-1.50"}, {KindNumber, 0.1, "0.1"}, {KindNumber, 1e21, "1000000000000000000000"},
		{KindFlag, true, "1"}, {KindFlag, false, "0"},
		{KindDate, moment, "2025-09-01"}, {KindDate, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), "0001-01-01"},
		{KindTime, moment, "2025-09-01 08:45:07"},
		{KindGUID, guid, "6F9619FF-8B86-D011-B42D-00C04FC964FF"},
		{KindOther, moment, ""}, {KindOther, []byte("secret"), ""},
	} {
		got, err := (&resultColumn{kind: c.kind}).cell(c.value)
		if err != nil || got != (Cell{Text: c.want, Kind: c.kind}) {
			t.Errorf("%s of %v: %+v, %v; want %q", c.kind, c.value, got, err, c.want)
		}
		null, err := (&resultColumn{kind: c.kind}).cell(nil)
		if err != nil || null != (Cell{Null: true, Kind: c.kind}) {
			t.Errorf("NULL of %s: %+v, %v", c.kind, null, err)
		}
	}
	if got, err := (&resultColumn{kind: KindNumber, single: true}).cell(float64(float32(0.1))); err != nil || got.Text != "0.1" {
		t.Errorf("real: %+v, %v", got, err)
	}
	for kind, value := range map[Kind]any{KindText: int64(1), KindWhole: "1", KindDate: "x", KindGUID: []byte{1}, KindFlag: struct{}{}} {
		if got, err := (&resultColumn{name: "c", kind: kind}).cell(value); err == nil {
			t.Errorf("%s took a %T: %+v", kind, value, got)
		}
	}
}

// strange is a driver whose only result has a column of a type that go-mssqldb
// panics on, as it does on types of CLR assemblies.
type strange struct{ driver.Conn }

func (strange) Connect(context.Context) (driver.Conn, error) { return strange{}, nil }
func (strange) Driver() driver.Driver                        { return noDriver{} }
func (strange) Close() error                                 { return nil }
func (strange) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return strangeRows{}, nil
}

type strangeRows struct{}

func (strangeRows) Columns() []string         { return []string{"place"} }
func (strangeRows) Close() error              { return nil }
func (strangeRows) Next([]driver.Value) error { return io.EOF }
func (strangeRows) ColumnTypeLength(int) (int64, bool) {
	panic("not implemented makeGoLangTypeLength for user defined type")
}

func TestTypeThatTheDriverPanicsOn(t *testing.T) {
	db := sql.OpenDB(strange{})
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT place FROM s.t")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var f *Fault
	if _, err := resultColumns(rows); !errors.As(err, &f) || f.Reason != Schema {
		t.Errorf("no fault: %v", err)
	}
}

// odd is a result whose only column says int and holds a text.
type odd struct{ strange }

func (odd) Connect(context.Context) (driver.Conn, error) { return odd{}, nil }
func (odd) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return oddRows{}, nil
}

type oddRows struct{}

func (oddRows) Columns() []string                                  { return []string{"n"} }
func (oddRows) Close() error                                       { return nil }
func (oddRows) Next(row []driver.Value) error                      { row[0] = "Canary"; return nil }
func (oddRows) ColumnTypeDatabaseTypeName(int) string              { return "INT" }
func (oddRows) ColumnTypeScanType(int) reflect.Type                { return reflect.TypeFor[int64]() }
func (oddRows) ColumnTypeLength(int) (int64, bool)                 { return 0, false }
func (oddRows) ColumnTypeNullable(int) (bool, bool)                { return false, false }
func (oddRows) ColumnTypePrecisionScale(int) (p, s int64, ok bool) { return 0, 0, false }

// What the driver and this package do not agree on is no lost connection.
func TestValueOfAnotherTypeThanSaid(t *testing.T) {
	db := sql.OpenDB(odd{})
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT n FROM s.t")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var f *Fault
	_, err = sessionFor(good()).deliver(rows, request{row: func([]Cell) error { t.Error("a row"); return nil }})
	if !errors.As(err, &f) || f.Reason != Schema || !strings.Contains(f.Text, "column n") || strings.Contains(f.Text, "Canary") {
		t.Errorf("no fault of the type: %v", err)
	}
}
