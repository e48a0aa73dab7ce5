package instance_test

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

// What runs on a real server runs here on one of which only the DSN is known:
// its databases are made under names of their own, and nothing is left there.
func TestServerOfTheEnvironment(t *testing.T) {
	server, err := standin.Start(standin.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	admin, err := server.Open(t.Context(), "master")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), "CREATE LOGIN there_before WITH PASSWORD = N'Somebody-else-s-1'"); err != nil {
		t.Fatal(err)
	}
	user, password := server.Administrator()
	host, port := server.Address()
	dsn := url.URL{Scheme: "sqlserver", User: url.UserPassword(user, password), Host: net.JoinHostPort(host, strconv.Itoa(port)),
		RawQuery: "encrypt=true&trustServerCertificate=true"}
	t.Setenv(instance.Variable, dsn.String())

	i, err := instance.New(t.Context(), t.TempDir(), standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if i.StandIn() != nil || i.Encryption() != "any_certificate" || i.CertificateFile() != "" || i.Port() != port {
		t.Errorf("a server of the environment is taken for the stand-in: %s %s %d", i.Encryption(), i.CertificateFile(), i.Port())
	}
	d, err := i.NewDatabase(t.Context(), "School")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.Name(), "rollbridge_test_School_") {
		t.Errorf("the database is called %s", d.Name())
	}
	script := "CREATE TABLE dbo.T (a int NOT NULL)\nGO\nCREATE LOGIN made_here WITH PASSWORD = N'Made-by-a-script-1'\nGO\nCREATE USER made_here FOR LOGIN made_here\nGRANT SELECT ON dbo.T TO made_here\nGO\n"
	if err := d.Run(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	as, err := d.Open(t.Context(), "made_here", "Made-by-a-script-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := as.Close(); err != nil {
		t.Error(err)
	}
	if err := d.Rename(t.Context(), "Renamed"); err != nil {
		t.Fatal(err)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"SELECT COUNT(*) FROM sys.databases WHERE database_id > 4":               0,
		"SELECT COUNT(*) FROM sys.server_principals WHERE name = 'made_here'":    0,
		"SELECT COUNT(*) FROM sys.server_principals WHERE name = 'there_before'": 1,
	} {
		var n int
		if err := admin.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}
