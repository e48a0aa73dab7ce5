package tds_test

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"net"
	"strings"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"

	"rollbridge/e2e/standin/tds"
)

// ask runs one batch and says whether that went well.
func ask(db *sql.DB) error {
	var n int
	return db.QueryRow("count 1").Scan(&n)
}

func TestEncryption(t *testing.T) {
	strict, plain := tds.Options{Strict: true}, tds.Options{}
	offered, unsupported := tds.Options{Encryption: tds.Offered}, tds.Options{Encryption: tds.Unsupported}
	old := tds.Options{MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10}
	for _, c := range []struct {
		name      string
		server    tds.Options
		client    string
		refused   string // part of the client's error
		encrypted bool
	}{
		{"required, client asks", plain, "encrypt=true", "", true},
		{"required, client does not ask", plain, "encrypt=false", "", true},
		{"required, client cannot", plain, "encrypt=disable", "handshake", false},
		{"offered, client asks", offered, "encrypt=true", "", true},
		{"offered, client does not ask", offered, "encrypt=false", "", false},
		{"offered, client cannot", offered, "encrypt=disable", "", false},
		{"unsupported, client asks", unsupported, "encrypt=true", "does not support encryption", false},
		{"unsupported, client does not ask", unsupported, "encrypt=false", "", false},
		{"unsupported, client cannot", unsupported, "encrypt=disable", "", false},
		{"strict", strict, "encrypt=strict", "", true},
		{"strict and TDS 7", strict, "encrypt=true", "", true},
		{"strict asked, not spoken", plain, "encrypt=strict", "EOF|reset", false},
		{"TLS 1.0", old, "tlsmin=1.0", "", true},
		{"TLS 1.0, client wants 1.2", old, "tlsmin=1.2", "protocol version", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.server)
			err := ask(s.open(c.client))
			if c.refused != "" {
				found := false
				for part := range strings.SplitSeq(c.refused, "|") {
					found = found || err != nil && strings.Contains(err.Error(), part)
				}
				if !found || len(s.logins) != 0 {
					t.Fatalf("got %v, %d logins; want an error with %q", err, len(s.logins), c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tds.Login{User: "reader", Password: secret, Database: "Demo", App: "wire test", Host: s.logins[0].Host, Encrypted: c.encrypted}
			if s.logins[0] != want || want.Host == "" {
				t.Errorf("got %+v", s.logins[0])
			}
		})
	}
}

// An old server may have nothing but RSA key exchange and 3DES.
func TestOldCiphers(t *testing.T) {
	ciphers := []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}
	s := serve(t, tds.Options{MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10, CipherSuites: ciphers})
	if err := ask(s.open("tlsmin=1.0")); err == nil {
		t.Fatal("the client took 3DES without being told to")
	}
	config := s.config("tlsmin=1.0")
	config.TLSConfig.CipherSuites = ciphers
	db := sql.OpenDB(mssql.NewConnectorConfig(config))
	defer db.Close()
	if err := ask(db); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedLogins(t *testing.T) {
	windows := func(domain, user string) (string, bool) { return secret, domain == "SCHULE" && user == "agent" }
	for _, c := range []struct {
		name    string
		options tds.Options
		client  []string
		number  int32
	}{
		{"wrong password", tds.Options{}, []string{"as=reader", "password=wrong"}, 18456},
		{"no such database", tds.Options{}, []string{"database=Nowhere"}, 4060},
		{"NTLM, wrong password", tds.Options{Windows: windows}, []string{`as=SCHULE\agent`, "password=wrong", "authenticator=ntlm"}, 18452},
		{"NTLM, unknown", tds.Options{Windows: windows}, []string{`as=SCHULE\nobody`, "password=" + secret, "authenticator=ntlm"}, 18452},
		{"NTLM, not taken", tds.Options{}, []string{`as=SCHULE\agent`, "password=" + secret, "authenticator=ntlm"}, 18452},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.options)
			var e mssql.Error
			if err := ask(s.open(c.client...)); !errors.As(err, &e) || e.Number != c.number {
				t.Fatalf("got %v, want error %d", err, c.number)
			}
		})
	}
}

func TestWindowsLogin(t *testing.T) {
	const password = "Schlüssel99" // NTLM in go-mssqldb does not do surrogate pairs
	s := serve(t, tds.Options{Encryption: tds.Offered, Windows: func(domain, user string) (string, bool) {
		return password, domain == "SCHULE" && user == "agent"
	}})
	for _, encrypt := range []string{"true", "false", "disable"} {
		if err := ask(s.open(`as=SCHULE\agent`, "password="+password, "authenticator=ntlm", "encrypt="+encrypt)); err != nil {
			t.Fatalf("encrypt=%s: %v", encrypt, err)
		}
	}
	if l := s.logins[0]; l.User != `SCHULE\agent` || !l.Windows || l.Password != "" {
		t.Errorf("got %+v", l)
	}
}

func TestPacketSizes(t *testing.T) {
	s := serve(t, tds.Options{Encryption: tds.Offered})
	long := strings.Repeat("Ünïcode 🙂 ", 20_000)
	for _, encrypt := range []string{"disable", "false", "true"} {
		for _, size := range []string{"512", "4096", "32767"} {
			db := s.open("packet size="+size, "encrypt="+encrypt)
			var got string
			if err := db.QueryRow("text " + long).Scan(&got); err != nil || got != "text "+long {
				t.Fatalf("packets of %s, encrypt=%s: %d characters, %v", size, encrypt, len(got), err)
			}
		}
	}
}

func TestBrowser(t *testing.T) {
	s := serve(t, tds.Options{})
	b, err := tds.ListenBrowser("127.0.0.1:0", map[string]int{"SIMS2016": s.address.Port, "OTHER": 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	config := s.config()
	config.Host, config.Port, config.Instance = "127.0.0.1", 0, "sims2016"
	connector := mssql.NewConnectorConfig(config)
	connector.Dialer = redirect{b.Addr()}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := ask(db); err != nil {
		t.Fatal(err)
	}

	for question, want := range map[string]string{
		"\x04other\x00": "\x05\x48\x00ServerName;STANDIN;InstanceName;OTHER;IsClustered;No;Version;16.0.1000.6;tcp;1;;",
		"\x0F\x01X\x00": "",
		"\x04none\x00":  "",
		"\x04":          "",
		"":              "",
	} {
		if got := exchange(t, b.Addr(), question); got != want && !(len(want) > 3 && got[3:] == want[3:] && int(got[1]) == len(got)-3) {
			t.Errorf("%q is answered with %q", question, got)
		}
	}
	b.Set("OTHER", 0)
	if got := exchange(t, b.Addr(), "\x03"); strings.Contains(got, "OTHER") || !strings.Contains(got, "SIMS2016") {
		t.Errorf("after one was taken away: %q", got)
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
}

// exchange sends a question, then one that is always answered, and gives what
// came before that: so no answer need not be waited for.
func exchange(t *testing.T, addr, question string) string {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 1<<16)
	for _, q := range []string{question, "\x04SIMS2016\x00"} {
		if _, err := c.Write([]byte(q)); err != nil {
			t.Fatal(err)
		}
	}
	n, err := c.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(answer[:n]); question == "\x03" || !strings.Contains(got, "SIMS2016") {
		return got
	}
	return ""
}
