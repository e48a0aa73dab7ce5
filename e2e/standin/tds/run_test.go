package tds_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"rollbridge/e2e/standin/tds"
)

// redirect sends what is for SQL Server Browser to another address.
type redirect struct{ browser string }

func (r redirect) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if network == "udp" {
		addr = r.browser
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

func number1(t *testing.T, err error, want int32) {
	t.Helper()
	var e mssql.Error
	if !errors.As(err, &e) || e.Number != want {
		t.Fatalf("got %v, want error %d", err, want)
	}
}

func TestErrors(t *testing.T) {
	db := serve(t, tds.Options{}).open()
	db.SetMaxOpenConns(1)
	for _, args := range [][]any{nil, {int64(1)}} {
		suffix := " ;"
		if args != nil {
			suffix = " @p1"
		}
		_, err := db.Exec("fail"+suffix, args...)
		number1(t, err, 208)
		_, err = db.Query("fail"+suffix, args...)
		number1(t, err, 208)

		rows, err := db.Query("midway"+suffix, args...)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		number1(t, rows.Err(), 1205)
		if n != 3 {
			t.Errorf("%d rows before the error", n)
		}
	}
	p, err := db.Prepare("fail @p1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Query("x")
	number1(t, err, 208)
	_, err = db.Exec("fatal ;")
	if err == nil {
		t.Error("a fatal error is none")
	}
	if err := ask(db); err != nil {
		t.Errorf("after errors: %v", err)
	}
}

func TestPreparedByProcedure(t *testing.T) {
	s := serve(t, tds.Options{})
	ctx := context.Background()
	c, err := s.open().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var handle int64
	var got string
	var n int64
	out := sql.Named("handle", sql.Out{Dest: &handle})
	err = c.QueryRowContext(ctx, "sp_prepexec", out, sql.Named("params", "@a nvarchar(10), @b  int"), sql.Named("stmt", "echo"),
		sql.Named("b", int32(7)), sql.Named("A", "x")).Scan(&got, &n)
	if err != nil || got != "x" || n != 7 {
		t.Fatalf("sp_prepexec: %q %d, %v", got, n, err)
	}
	if _, err := c.ExecContext(ctx, "sp_prepare", out, sql.Named("params", nil), sql.Named("stmt", "count 3")); err != nil || handle != 2 {
		t.Fatalf("sp_prepare: handle %d, %v", handle, err)
	}
	if err := c.QueryRowContext(ctx, "[sys].[sp_execute]", handle).Scan(&n); err != nil || n != 0 {
		t.Fatalf("sp_execute: %d, %v", n, err)
	}
	_, err = c.ExecContext(ctx, "sp_execute", handle, "too many")
	number1(t, err, 8144)
	_, err = c.ExecContext(ctx, "sp_execute", int64(1), "x")
	number1(t, err, 8178)
	_, err = c.ExecContext(ctx, "sp_execute", int64(1), int64(5), int64(5))
	number1(t, err, 8114)
	if _, err := c.ExecContext(ctx, "sp_unprepare", handle); err != nil {
		t.Fatal(err)
	}
	_, err = c.ExecContext(ctx, "sp_execute", handle)
	number1(t, err, 8179)
	_, err = c.ExecContext(ctx, "sp_cursoropen", handle)
	number1(t, err, 2812)
	if _, err := c.ExecContext(ctx, "mis.Procedure", int64(1), "x"); err != nil || !slices.Contains(s.done, "procedure mis.Procedure 2") {
		t.Fatalf("%v, %q", err, s.done)
	}
	_, err = c.ExecContext(ctx, "echo @p1", mssql.TVP{TypeName: "mis.Ids", Value: []struct{ ID int64 }{{1}}})
	number1(t, err, 49999)
	if err := c.QueryRowContext(ctx, "count 1").Scan(&n); err != nil {
		t.Fatalf("after all that: %v", err)
	}
}

func TestTransactions(t *testing.T) {
	s := serve(t, tds.Options{})
	db := s.open()
	db.SetMaxOpenConns(1)
	ctx := context.Background()
	for level, code := range map[sql.IsolationLevel]string{
		sql.LevelDefault: "begin 0", sql.LevelReadUncommitted: "begin 1", sql.LevelReadCommitted: "begin 2",
		sql.LevelRepeatableRead: "begin 3", sql.LevelSerializable: "begin 4", sql.LevelSnapshot: "begin 5",
	} {
		for _, end := range []string{"commit", "rollback"} {
			s.done = nil
			tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec("count 2"); err != nil {
				t.Fatal(err)
			}
			if end == "commit" {
				err = tx.Commit()
			} else {
				err = tx.Rollback()
			}
			if err := errors.Join(err, ask(db)); err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(slices.Clone(s.done), func(d string) bool { return d == "reset" })
			if !slices.Equal(got, []string{code, end}) {
				t.Errorf("isolation %d: %q", level, s.done)
			}
		}
	}
	if !slices.Contains(s.done, "reset") {
		t.Error("the pool's reset did not arrive")
	}
}

func TestCancel(t *testing.T) {
	s := serve(t, tds.Options{})
	db := s.open()
	db.SetMaxOpenConns(1)
	for _, prepared := range []bool{false, true} {
		var args []any
		if prepared {
			args = []any{int64(1)}
		}
		t.Run("while it waits", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				<-s.waiting
				cancel()
			}()
			rows, err := db.QueryContext(ctx, "wait "+strings.Repeat("@p1", len(args)), args...)
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
		})
		t.Run("while rows stream", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			rows, err := db.QueryContext(ctx, "endless "+strings.Repeat("@p1", len(args)), args...)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; rows.Next(); i++ {
				if i == 5000 {
					cancel()
				}
			}
			if err := rows.Err(); !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
		})
	}
	t.Run("rows left unread", func(t *testing.T) {
		rows, err := db.Query("endless ;")
		if err != nil {
			t.Fatal(err)
		}
		rows.Next()
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if err := ask(db); err != nil {
		t.Fatal(err)
	}
	if len(s.logins) != 1 {
		t.Errorf("%d connections; a cancelled request costs none", len(s.logins))
	}
}

// Attention may cross the end of the answer: then it is answered by itself.
func TestCancelAtTheEnd(t *testing.T) {
	s := serve(t, tds.Options{})
	db := s.open()
	db.SetMaxOpenConns(1)
	for i := range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*5*time.Microsecond)
		var n int
		_ = db.QueryRowContext(ctx, "count 3").Scan(&n) // either way
		cancel()
		want := 7
		if err := db.QueryRow("echo @p1", want).Scan(&n); err != nil || n != want {
			t.Fatalf("after %d: %d, %v", i, n, err)
		}
	}
}

func TestCut(t *testing.T) {
	s := serve(t, tds.Options{})
	db := s.open()
	rows, err := db.Query("cut ;")
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
	}
	if err == nil {
		t.Fatal("a cut connection looks like the end of the rows")
	}
	if err := ask(db); err != nil {
		t.Fatal(err)
	}
}

func TestResultsAndMessages(t *testing.T) {
	s := serve(t, tds.Options{})
	db := s.open()
	rows, err := db.Query("two ;")
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for more := true; more; more = rows.NextResultSet() {
		n := 0
		for rows.Next() {
			n++
		}
		counts = append(counts, n)
	}
	if err := rows.Err(); err != nil || !slices.Equal(counts, []int{1, 2}) {
		t.Errorf("%v, %v", counts, err)
	}
	if _, err := db.Exec("use Other"); err != nil {
		t.Error(err)
	}
	if r, err := db.Exec("count 5"); err != nil {
		t.Error(err)
	} else if n, _ := r.RowsAffected(); n != 5 {
		t.Errorf("%d rows affected", n)
	}
	const many = 100_000
	rows, err = db.Query("count 100000")
	if err != nil {
		t.Fatal(err)
	}
	n, last := 0, -1
	for rows.Next() {
		if err := rows.Scan(&last); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if rows.Err() != nil || n != many || last != many-1 {
		t.Errorf("%d rows, the last %d, %v", n, last, rows.Err())
	}
}

// A client that goes away ends the request and the session.
func TestClientGone(t *testing.T) {
	s := serve(t, tds.Options{})
	config := s.config()
	dialer := &keeper{}
	connector := mssql.NewConnectorConfig(config)
	connector.Dialer = dialer
	db := sql.OpenDB(connector)
	defer db.Close()
	go func() {
		<-s.waiting
		dialer.last.Close()
	}()
	rows, err := db.Query("wait ;")
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
	}
	if err == nil {
		t.Fatal("no error on a closed connection")
	}
	<-s.closed
}

// keeper keeps the connection that it made last.
type keeper struct{ last net.Conn }

func (k *keeper) DialContext(ctx context.Context, network, addr string) (c net.Conn, err error) {
	var d net.Dialer
	k.last, err = d.DialContext(ctx, network, addr)
	return k.last, err
}

// The server may end a transaction itself, and a batch may begin one.
func TestTransactionsOfTheServer(t *testing.T) {
	s := serve(t, tds.Options{})
	db := s.open()
	db.SetMaxOpenConns(1)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	s.run = func(w *tds.Response) error {
		return errors.Join(w.Ended(false), &tds.Error{Number: 1205, Class: 13, Message: "deadlock victim"})
	}
	_, err = tx.Exec("run it")
	number1(t, err, 1205)
	if _, err := tx.Exec("count 1"); err == nil {
		t.Error("the client does not know that its transaction has ended")
	}
	_ = tx.Rollback() // what the client makes of it is its own
	s.run = func(w *tds.Response) error { return errors.Join(w.Begun(), w.Begun(), w.Done(-1)) }
	c, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(context.Background(), "run it"); err != nil {
		t.Fatal(err)
	}
	s.run = func(w *tds.Response) error { return errors.Join(w.Ended(true), w.Done(-1)) }
	for range 2 {
		if _, err := c.ExecContext(context.Background(), "run it"); err != nil {
			t.Fatal(err)
		}
	}
}
