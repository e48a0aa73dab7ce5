package instance_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

// session is one connection of the administrator, with SET options of its own.
func session(t *testing.T, d *instance.Database, options string) *sql.Conn {
	t.Helper()
	c, err := d.Admin().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
			t.Errorf("close a connection: %v", err)
		}
	})
	exec(t, c, options)
	return c
}

func exec(t *testing.T, c *sql.Conn, query string, args ...any) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

const one = "CREATE TABLE dbo.T (id int NOT NULL PRIMARY KEY, n int NOT NULL)\nGO\nINSERT INTO dbo.T (id, n) VALUES (1, 10)\nGO\nCREATE VIEW dbo.V AS SELECT n FROM dbo.T"

func TestSnapshotRefused(t *testing.T) {
	_, d := database(t)
	run(t, d, one)
	want(t, column(t, d.Admin(), "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"), "0")
	c := session(t, d, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
	_, err := tryColumn(t.Context(), c, "SELECT n FROM dbo.T")
	wantNumber(t, err, 3952)
	run(t, d, "ALTER DATABASE ["+d.Name()+"] SET ALLOW_SNAPSHOT_ISOLATION ON")
	want(t, column(t, d.Admin(), "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"), "1")
	want(t, column(t, c, "SELECT n FROM dbo.T"), "10")
}

// A snapshot sees one state from its first read on, and waits for nobody.
func TestSnapshot(t *testing.T) {
	_, d := database(t)
	run(t, d, one+"\nGO\nALTER DATABASE ["+d.Name()+"] SET ALLOW_SNAPSHOT_ISOLATION ON")
	writer := session(t, d, "SET XACT_ABORT ON")
	reader := session(t, d, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SET LOCK_TIMEOUT 0")
	exec(t, reader, "BEGIN TRANSACTION")
	want(t, column(t, reader, "SELECT n FROM dbo.V"), "10")
	exec(t, writer, "BEGIN TRANSACTION")
	exec(t, writer, "UPDATE dbo.T SET n = 11 WHERE id = 1")
	want(t, column(t, reader, "SELECT n FROM dbo.V"), "10")
	exec(t, writer, "COMMIT TRANSACTION")
	want(t, column(t, reader, "SELECT n FROM dbo.V"), "10")
	_, err := reader.ExecContext(t.Context(), "UPDATE dbo.T SET n = 12 WHERE id = 1")
	wantNumber(t, err, 3960)
	want(t, column(t, reader, "SELECT n FROM dbo.T"), "11")
	want(t, column(t, reader, "SELECT @@TRANCOUNT AS n"), "0")
}

// A snapshot does not go on with an object that is not the same any more.
func TestAlteredMeanwhile(t *testing.T) {
	_, d := database(t)
	run(t, d, one+"\nGO\nALTER DATABASE ["+d.Name()+"] SET ALLOW_SNAPSHOT_ISOLATION ON")
	reader := session(t, d, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION")
	want(t, column(t, reader, "SELECT n FROM dbo.T"), "10")
	run(t, d, "ALTER VIEW dbo.V AS SELECT id AS n FROM dbo.T")
	_, err := tryColumn(t.Context(), reader, "SELECT n FROM dbo.V")
	wantNumber(t, err, 3961)
	want(t, column(t, d.Admin(), "SELECT n FROM dbo.V"), "1")
}

// A reader at READ COMMITTED waits for a writer, at most for LOCK_TIMEOUT, and
// in one transaction sees what others commit.
func TestReadCommitted(t *testing.T) {
	_, d := database(t)
	run(t, d, one)
	writer := session(t, d, "SET LOCK_TIMEOUT 0")
	reader := session(t, d, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCK_TIMEOUT 0")
	exec(t, reader, "BEGIN TRANSACTION")
	want(t, column(t, reader, "SELECT n FROM dbo.V"), "10")
	tx, err := writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE dbo.T SET n = 11"); err != nil {
		t.Fatal(err)
	}
	_, err = tryColumn(t.Context(), reader, "SELECT n FROM dbo.V")
	wantNumber(t, err, 1222)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	want(t, column(t, reader, "SELECT n FROM dbo.V"), "11")
	exec(t, reader, "ROLLBACK TRANSACTION")

	exec(t, writer, "BEGIN TRANSACTION; UPDATE dbo.T SET n = 12")
	exec(t, reader, "SET LOCK_TIMEOUT -1")
	answer := make(chan []string)
	go func() {
		got, err := tryColumn(t.Context(), reader, "SELECT n FROM dbo.T")
		if err != nil {
			got = []string{err.Error()}
		}
		answer <- got
	}()
	exec(t, writer, "ROLLBACK TRANSACTION")
	want(t, <-answer, "11")
}

// A wait ends when the client gives up, and the session can be used again.
func TestCancelledWait(t *testing.T) {
	i, d := database(t)
	run(t, d, one)
	writer, reader := session(t, d, "SET NOCOUNT ON"), session(t, d, "SET NOCOUNT ON")
	exec(t, writer, "BEGIN TRANSACTION; DELETE FROM dbo.T")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	started := make(chan struct{})
	if s := i.StandIn(); s != nil {
		defer s.Stage(standin.Fault{Contains: "SELECT n", Times: 1, Do: func() { close(started) }})()
	} else {
		close(started) // a real server does not say
	}
	go func() {
		_, err := tryColumn(ctx, reader, "SELECT n FROM dbo.T")
		ended <- err
	}()
	<-started
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled query ended with %v", err)
	}
	exec(t, writer, "ROLLBACK TRANSACTION")
	want(t, column(t, d.Admin(), "SELECT n FROM dbo.T"), "10")
}

func TestTransactions(t *testing.T) {
	_, d := database(t)
	run(t, d, one)
	c := session(t, d, "BEGIN TRAN; BEGIN TRAN; INSERT INTO dbo.T (id, n) VALUES (2, 20); COMMIT TRAN")
	want(t, column(t, c, "SELECT @@TRANCOUNT AS n"), "1")
	exec(t, c, "ROLLBACK TRAN")
	want(t, column(t, c, "SELECT COUNT(*) AS n FROM dbo.T"), "1")
	_, err := c.ExecContext(t.Context(), "COMMIT TRANSACTION")
	wantNumber(t, err, 3902)
	_, err = c.ExecContext(t.Context(), "ROLLBACK TRANSACTION")
	wantNumber(t, err, 3903)
	_, err = c.ExecContext(t.Context(), "INSERT INTO dbo.T (id, n) VALUES (1, 1)")
	wantNumber(t, err, 2627)
	_, err = c.ExecContext(t.Context(), "INSERT INTO dbo.T (id, n) VALUES (3, NULL)")
	wantNumber(t, err, 515)
	// XACT_ABORT decides what an error leaves of the transaction.
	exec(t, c, "SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO dbo.T (id, n) VALUES (4, 4)")
	_, err = c.ExecContext(t.Context(), "INSERT INTO dbo.T (id, n) VALUES (4, 4)")
	wantNumber(t, err, 2627)
	want(t, column(t, c, "SELECT COUNT(*) AS n FROM dbo.T"), "1")
	want(t, column(t, c, "SELECT @@TRANCOUNT AS n"), "0")
}
