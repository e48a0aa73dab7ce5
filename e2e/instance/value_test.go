package instance_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"
)

func TestCollation(t *testing.T) {
	_, d := database(t)
	run(t, d, "CREATE TABLE dbo.T (a varchar(10) NOT NULL PRIMARY KEY, b nvarchar(10) NULL)\nGO\nINSERT INTO dbo.T (a, b) VALUES ('abc', N'Élan')")
	want(t, column(t, d.Admin(), "SELECT a FROM dbo.T WHERE a = 'ABC  '"), "abc")
	want(t, column(t, d.Admin(), "SELECT a FROM dbo.T WHERE a = @p1", mssql.VarChar("ABC  ")), "abc")
	want(t, column(t, d.Admin(), "SELECT a FROM dbo.T WHERE b = N'élan'"), "abc")
	want(t, column(t, d.Admin(), "SELECT a FROM dbo.T WHERE b = N'elan'"))
	_, err := d.Admin().ExecContext(t.Context(), "INSERT INTO dbo.T (a) VALUES ('ABC ')")
	wantNumber(t, err, 2627)
	want(t, column(t, d.Admin(), "SELECT A FROM DBO.t"), "abc")
}

// Every type of a value goes in and comes back.
func TestValues(t *testing.T) {
	_, d := database(t)
	run(t, d, `CREATE TABLE dbo.T (id int NOT NULL PRIMARY KEY, ti tinyint NULL, si smallint NULL, bi bigint NULL, b bit NULL,
		dc decimal(9,2) NULL, m money NULL, f float NULL, r real NULL, c char(4) NULL, vc varchar(10) NULL, nc nchar(4) NULL,
		nv nvarchar(10) NULL, nm nvarchar(max) NULL, vb varbinary(8) NULL, d date NULL, t time(7) NULL, dt datetime NULL,
		d2 datetime2(3) NULL, sd smalldatetime NULL, g uniqueidentifier NULL)
GO
INSERT INTO dbo.T (id, ti, si, b, dc, m, c, vc, nc, nv, nm, d, dt, d2, g) VALUES (1, 255, -32768, 1, 12.50, 1.25,
	'ab', 'O''Brien', N'é', N'𝒜da', N'long', '2026-02-28', '2026-02-28T09:30:00', '2026-02-28T09:30:00.123', '6F9619FF-8B86-D011-B42D-00C04FC964FF')
GO
INSERT INTO dbo.T (id) VALUES (2)`)
	if _, err := d.Admin().ExecContext(t.Context(), "UPDATE dbo.T SET bi = @p1 WHERE id = 1", int64(math.MaxInt64)); err != nil {
		t.Fatal(err)
	}
	var (
		ti, si, bi              int64
		b                       bool
		dc, m, c, vc, nc, nv, l string
		day, at, at2            time.Time
		g                       mssql.UniqueIdentifier
	)
	err := d.Admin().QueryRowContext(t.Context(), "SELECT ti, si, bi, b, dc, m, c, vc, nc, nv, nm, d, dt, d2, g FROM dbo.T WHERE id = @p1", 1).
		Scan(&ti, &si, &bi, &b, &dc, &m, &c, &vc, &nc, &nv, &l, &day, &at, &at2, &g)
	if err != nil {
		t.Fatal(err)
	}
	half := time.Date(2026, 2, 28, 9, 30, 0, 0, time.UTC)
	got := []any{ti, si, bi, b, dc, m, c, vc, nc, nv, l, day, at, at2, g.String()}
	for i, w := range []any{int64(255), int64(-32768), int64(math.MaxInt64), true, "12.50", "1.2500", "ab  ", "O'Brien", "é   ", "𝒜da", "long",
		time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC), half, half.Add(123 * time.Millisecond), "6F9619FF-8B86-D011-B42D-00C04FC964FF"} {
		if w, ok := w.(time.Time); ok && w.Equal(got[i].(time.Time)) {
			continue
		}
		if got[i] != w {
			t.Errorf("value %d is %#v, want %#v", i+1, got[i], w)
		}
	}
	want(t, column(t, d.Admin(), "SELECT nv FROM dbo.T WHERE id = 2"), "NULL")

	_, err = d.Admin().ExecContext(t.Context(), "INSERT INTO dbo.T (id, f, vb, t, sd, nv, d) VALUES (@p1, @p2, @p3, @p4, '2026-02-28T09:30:00', @p5, @p6)",
		3, 0.5, []byte{1, 2}, civil.Time{Hour: 9, Minute: 5, Second: 1}, "x", civil.Date{Year: 1, Month: 1, Day: 1})
	if err != nil {
		t.Fatal(err)
	}
	var f float64
	var vb []byte
	var clock, minute time.Time
	if err := d.Admin().QueryRowContext(t.Context(), "SELECT f, vb, t, sd, d FROM dbo.T WHERE id = 3").Scan(&f, &vb, &clock, &minute, &day); err != nil {
		t.Fatal(err)
	}
	if f != 0.5 || !bytes.Equal(vb, []byte{1, 2}) || clock.Format("15:04:05") != "09:05:01" || !minute.Equal(half) || day.Year() != 1 {
		t.Errorf("read back %v %v %v %v %v", f, vb, clock, minute, day)
	}
	_, err = d.Admin().ExecContext(t.Context(), "INSERT INTO dbo.T (id, vc) VALUES (4, 'longer than it is')")
	if n := number(err); n != 8152 && n != 2628 {
		t.Errorf("too long a text: %v", err)
	}
}

// What is not translated is refused in words, never answered wrongly.
func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	i, d := database(t)
	if i.StandIn() == nil {
		return // a real server knows it
	}
	_, err := tryColumn(t.Context(), d.Admin(), "SELECT 'a' + 'b' AS c")
	wantNumber(t, err, 49999)
	run(t, d, one)
	wantNumber(t, d.Run(t.Context(), "BEGIN TRANSACTION; DROP TABLE dbo.T"), 49999)
}
