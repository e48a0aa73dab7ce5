package standin_test

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"rollbridge/e2e/standin"
	"rollbridge/e2e/standin/tds"
)

const password = "Plainly-Fictional-1"

// start is a server with a database School, a table in it and a login reader
// that may read it.
func start(t *testing.T, o standin.Options) (*standin.Server, *sql.DB) {
	t.Helper()
	o.Dir = t.TempDir()
	s, err := standin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	master := pool(t)(s.Open(t.Context(), "master"))
	run(t, master, "CREATE DATABASE School")
	db := pool(t)(s.Open(t.Context(), "School"))
	run(t, db, "CREATE TABLE dbo.T (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL)",
		"INSERT INTO dbo.T (id, name) VALUES (1, N'Ada'), (2, N'Ben'), (3, N'Cy')",
		"CREATE LOGIN reader WITH PASSWORD = N'"+password+"'", "CREATE USER reader FOR LOGIN reader", "GRANT SELECT ON dbo.T TO reader")
	return s, db
}

// pool closes what a test has opened.
func pool(t *testing.T) func(*sql.DB, error) *sql.DB {
	return func(db *sql.DB, err error) *sql.DB {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Errorf("close a pool: %v", err)
			}
		})
		return db
	}
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// dial is the reader's pool as a DSN makes it, which the agent's driver reads.
func dial(t *testing.T, s *standin.Server, extra string) *sql.DB {
	t.Helper()
	host, port := s.Address()
	return pool(t)(sql.Open("sqlserver", fmt.Sprintf("sqlserver://reader:%s@%s:%d?database=School&%s", password, host, port, extra)))
}

func pinned(s *standin.Server) string {
	return "encrypt=true&certificate=" + url.QueryEscape(s.CertificateFile())
}

func names(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM dbo.T ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return got, err
		}
		got = append(got, n)
	}
	return got, rows.Err()
}

func wantNames(t *testing.T, db *sql.DB) {
	t.Helper()
	got, err := names(t.Context(), db)
	if err != nil || !slices.Equal(got, []string{"Ada", "Ben", "Cy"}) {
		t.Errorf("read %q, %v", got, err)
	}
}

func number(err error) int32 {
	var e mssql.Error
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

func wantNumber(t *testing.T, err error, want int32) {
	t.Helper()
	if got := number(err); got != want {
		t.Errorf("error %d (%v), want %d", got, err, want)
	}
}

func TestLogins(t *testing.T) {
	s, db := start(t, standin.Options{})
	run(t, db, "CREATE DATABASE Other", "CREATE LOGIN homeless WITH PASSWORD = N'"+password+"', DEFAULT_DATABASE = Other")
	try := func(database, user, word string) error {
		db, err := s.OpenAs(t.Context(), database, user, word)
		if err == nil {
			err = db.Close()
		}
		return err
	}
	if err := try("School", "READER", password); err != nil {
		t.Error(err)
	}
	wantNumber(t, try("School", "reader", "wrong"), 18456)
	wantNumber(t, try("School", "nobody", password), 18456)
	wantNumber(t, try("Other", "reader", password), 4060)
	wantNumber(t, try("Nothing", "reader", password), 4060)
	wantNumber(t, try("", "homeless", password), 4064)
	run(t, db, "ALTER LOGIN reader DISABLE")
	wantNumber(t, try("School", "reader", password), 18470)
	wantNumber(t, try("School", "reader", "wrong"), 18456)
	run(t, db, "ALTER LOGIN reader ENABLE")
	if err := s.Lock("reader", true); err != nil {
		t.Fatal(err)
	}
	wantNumber(t, try("School", "reader", password), 18486)
	if err := errors.Join(s.Lock("reader", false), s.ExpirePassword("reader")); err != nil {
		t.Fatal(err)
	}
	wantNumber(t, try("School", "reader", password), 18487)
	run(t, db, "ALTER LOGIN reader WITH PASSWORD = N'"+password+"2'")
	wantNumber(t, try("School", "reader", password), 18456)
	if err := try("School", "reader", password+"2"); err != nil {
		t.Error(err)
	}
	if s.Lock("nobody", true) == nil {
		t.Error("a login that is not there was locked")
	}
	_, err := db.ExecContext(t.Context(), "CREATE LOGIN weak WITH PASSWORD = N'fictional'")
	wantNumber(t, err, 15118)
	_, err = db.ExecContext(t.Context(), "CREATE LOGIN reader WITH PASSWORD = N'"+password+"'")
	wantNumber(t, err, 15025)
	if got := s.Logins(); !slices.Contains(got, "nobody") || !slices.Contains(got, "homeless") {
		t.Errorf("the log of logins has %q", got)
	}
}

func TestWindowsLogin(t *testing.T) {
	s, db := start(t, standin.Options{Windows: map[string]string{`SCHOOL\reader`: password, `SCHOOL\other`: password}})
	run(t, db, `CREATE LOGIN [SCHOOL\reader] FROM WINDOWS`, `CREATE USER [SCHOOL\reader] FOR LOGIN [SCHOOL\reader]`, `GRANT SELECT ON dbo.T TO [SCHOOL\reader]`)
	_, err := db.ExecContext(t.Context(), `CREATE LOGIN [SCHOOL\nobody] FROM WINDOWS`)
	wantNumber(t, err, 15401)
	host, port := s.Address()
	as := func(user, word string) *sql.DB {
		return pool(t)(sql.Open("sqlserver", fmt.Sprintf("sqlserver://%s:%s@%s:%d?database=School&authenticator=ntlm&%s", url.QueryEscape(user), word, host, port, pinned(s))))
	}
	wantNames(t, as(`SCHOOL\reader`, password))
	_, err = names(t.Context(), as(`SCHOOL\reader`, "wrong"))
	wantNumber(t, err, 18452)
	_, err = names(t.Context(), as(`SCHOOL\other`, password))
	wantNumber(t, err, 18456)
}

func TestServerComesBack(t *testing.T) {
	s, _ := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	wantNames(t, db)
	if err := errors.Join(s.Stop(), s.Stop()); err != nil {
		t.Fatal(err)
	}
	if _, err := names(t.Context(), db); err == nil {
		t.Error("a stopped server answered")
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, db)
}

func TestRenewedCertificate(t *testing.T) {
	s, admin := start(t, standin.Options{})
	old := strings.TrimSuffix(s.CertificateFile(), ".pem") + "-old.pem"
	text, err := os.ReadFile(s.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Renew(); err != nil {
		t.Fatal(err)
	}
	if _, err := names(t.Context(), dial(t, s, "encrypt=true&certificate="+url.QueryEscape(old))); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another certificate was accepted: %v", err)
	}
	wantNames(t, dial(t, s, pinned(s)))
	wantNames(t, admin)
}

// A server of its time: TLS 1.0 with RSA key exchange, which has to be asked for.
func TestOldServer(t *testing.T) {
	s, admin := start(t, standin.Options{MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}})
	wantNames(t, admin)
	if _, err := names(t.Context(), dial(t, s, pinned(s))); err == nil {
		t.Error("a client of today was served")
	}
}

func TestStrict(t *testing.T) {
	s, admin := start(t, standin.Options{Strict: true})
	wantNames(t, admin)
	wantNames(t, dial(t, s, "encrypt=strict&certificate="+url.QueryEscape(s.CertificateFile())))
}

func TestWithoutEncryption(t *testing.T) {
	s, _ := start(t, standin.Options{Encryption: tds.Unsupported})
	if s.CertificateFile() != "" {
		t.Error("a server without encryption names a certificate")
	}
	wantNames(t, dial(t, s, "encrypt=disable"))
	if _, err := names(t.Context(), dial(t, s, "encrypt=true&TrustServerCertificate=true")); err == nil {
		t.Error("a client that insists on encryption was served")
	}
}

// A browserDialer sends what is for SQL Browser's own port to the test's.
type browserDialer struct{ at string }

func (d browserDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if network == "udp" {
		addr = d.at
	}
	var plain net.Dialer
	return plain.DialContext(ctx, network, addr)
}

func TestBrowser(t *testing.T) {
	s, _ := start(t, standin.Options{Instance: "MIS", BrowserAddress: "127.0.0.1:0"})
	find := func(instance string) *sql.DB {
		c, err := mssql.NewConnector(fmt.Sprintf("sqlserver://reader:%s@127.0.0.1/%s?database=School&dial+timeout=2&%s", password, instance, pinned(s)))
		if err != nil {
			t.Fatal(err)
		}
		c.Dialer = browserDialer{at: s.BrowserAddress()}
		return pool(t)(sql.OpenDB(c), nil)
	}
	wantNames(t, find("MIS"))
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, find("mis"))
	if err := find("OTHER").PingContext(t.Context()); err == nil {
		t.Error("an instance that is not there was found")
	}
}

func TestLogs(t *testing.T) {
	s, _ := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	inBefore, outBefore := s.Bytes()
	if _, err := db.ExecContext(t.Context(), "SELECT name FROM dbo.T WHERE id = @p1", 1); err != nil {
		t.Fatal(err)
	}
	in, out := s.Bytes()
	if in <= inBefore || out <= outBefore {
		t.Errorf("bytes went from %d, %d to %d, %d", inBefore, outBefore, in, out)
	}
	last := s.Statements()[len(s.Statements())-1]
	if last != (standin.Statement{Login: "reader", Database: "School", Text: "SELECT name FROM dbo.T WHERE id = @p1", Params: 1}) {
		t.Errorf("the log has %+v", last)
	}
}

func TestDatabases(t *testing.T) {
	s, db := start(t, standin.Options{})
	master := pool(t)(s.Open(t.Context(), "master"))
	c, err := db.Conn(t.Context()) // a session in it
	if err != nil {
		t.Fatal(err)
	}
	_, err = master.ExecContext(t.Context(), "ALTER DATABASE School MODIFY NAME = Renamed")
	wantNumber(t, err, 5030)
	_, err = master.ExecContext(t.Context(), "DROP DATABASE School")
	wantNumber(t, err, 3702)
	_, err = master.ExecContext(t.Context(), "CREATE DATABASE school")
	wantNumber(t, err, 1801)
	s.Disconnect("School")
	if err := c.PingContext(t.Context()); err == nil {
		t.Error("a session that was cut answered")
	}
	if err := c.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		t.Error(err)
	}
	alone, err := master.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	for _, word := range []string{"SINGLE_USER WITH ROLLBACK IMMEDIATE", "MULTI_USER", "SINGLE_USER WITH ROLLBACK IMMEDIATE"} {
		if _, err := alone.ExecContext(t.Context(), "ALTER DATABASE School SET "+word); err != nil {
			t.Fatal(err)
		}
		if word == "MULTI_USER" {
			wantNames(t, db)
			continue
		}
		_, err = names(t.Context(), db)
		wantNumber(t, err, 4060)
	}
	if _, err := alone.ExecContext(t.Context(), "DROP DATABASE School"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context(), "School")
	wantNumber(t, err, 4060)
}

// Many sessions at a time read and write.
func TestConcurrently(t *testing.T) {
	s, admin := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 5 {
				if got, err := names(t.Context(), db); err != nil || len(got) < 3 {
					t.Errorf("read %q, %v", got, err)
				}
				if _, err := admin.ExecContext(t.Context(), "INSERT INTO dbo.T (id, name) SELECT COUNT(*) + 1, N'Dee' FROM dbo.T"); err != nil {
					t.Errorf("writer %d: %v", n, err)
				}
			}
		})
	}
	all.Wait()
	if got, err := names(t.Context(), db); err != nil || len(got) != 43 {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// A client that opens connection after connection is cut off.
func TestConnectionsAreBounded(t *testing.T) {
	s, _ := start(t, standin.Options{})
	host, port := s.Address()
	for n := 0; ; n++ {
		c, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if n < 256 {
			continue
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d was kept: %v", n+1, err)
		}
		return
	}
}
