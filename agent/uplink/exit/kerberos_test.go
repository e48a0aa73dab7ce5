//go:build !windows

package exit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/fault"
)

const realmName = "SCHULE.TEST"

// realm is a domain with one user, and this computer in it.
func realm(t *testing.T) *fault.Realm {
	t.Helper()
	r, err := fault.NewRealm(realmName, "roll", secret)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	file := filepath.Join(t.TempDir(), "krb5.conf")
	if err := r.WriteConfig(file); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KRB5_CONFIG", file)
	return r
}

// named is a proxy's address by name, which is what Kerberos knows.
func named(p *fault.Proxy) string { return strings.Replace(p.URL(nil), "127.0.0.1", "localhost", 1) }

func TestKerberos(t *testing.T) {
	r := realm(t)
	dir := t.TempDir()
	keytab, cut := filepath.Join(dir, "keytab"), filepath.Join(dir, "cut")
	if err := r.WriteKeytab(keytab); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(keytab)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	user := "roll@" + realmName
	kerberos := fault.Door{Kerberos: r}
	for _, c := range []struct {
		name  string
		door  fault.Door
		set   Settings
		kind  Kind
		says  string
		shown []string
	}{
		{"password", kerberos, Settings{User: user, Password: secret}, "", "", []string{"Negotiate"}},
		{"password, default realm", kerberos, Settings{User: "roll", Password: secret}, "", "", []string{"Negotiate"}},
		{"password, small letters", kerberos, Settings{User: strings.ToLower(user), Password: secret}, "", "", []string{"Negotiate"}},
		{"keytab", kerberos, Settings{User: user, Keytab: keytab, Login: "kerberos"}, "", "", []string{"Negotiate"}},
		{"Kerberos before NTLM and Basic", fault.Door{Kerberos: r, NTLM: windowy, Basic: plain}, Settings{User: user, Password: secret}, "", "", []string{"Negotiate"}},
		{"wrong password", fault.Door{Kerberos: r, Basic: plain}, Settings{User: user, Password: "wrong"}, LoginRefused, "whether the account is locked", nil},
		{"unknown user", kerberos, Settings{User: "nobody@" + realmName, Password: secret}, LoginRefused, "uplink.proxy_user", nil},
		{"missing keytab", kerberos, Settings{User: user, Keytab: keytab + "x"}, NoTicket, "cannot be read", nil},
		{"keytab cut off", kerberos, Settings{User: user, Keytab: cut}, NoTicket, "keytab", nil},
		{"keytab of somebody else", kerberos, Settings{User: "other@" + realmName, Keytab: keytab, Login: "kerberos"}, LoginRefused, "", nil},
		{"realm of nobody", kerberos, Settings{User: "roll@NOWHERE.INVALID", Password: secret}, NoTicket, "no domain controller is named", nil},
		{"NTLM where there is no ticket", fault.Door{Kerberos: r, NTLM: windowy}, Settings{User: `SCHULE\roll`, Password: secret, Keytab: keytab + "x"}, "", "", []string{"NTLM", "NTLM"}},
		{"nobody set", kerberos, Settings{}, LoginWanted, "it takes Negotiate", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := proxy(t, c.door)
			c.set.Proxy = named(p)
			failed := r.Failed()
			err := dial(t, way(t, c.set))
			if c.kind != "" {
				wantFault(t, err, c.kind, c.says)
			} else if err != nil {
				t.Error(err)
			}
			if shown := p.Shown(); !slices.Equal(shown, c.shown) {
				t.Errorf("the proxy was shown %v, want %v", shown, c.shown)
			}
			if n := r.Failed() - failed; n > 1 {
				t.Errorf("the wrong password was tried %d times: accounts are locked by that", n)
			}
		})
	}
	p := proxy(t, kerberos)
	wantFault(t, dial(t, way(t, Settings{Proxy: p.URL(nil), User: user, Password: secret})), NoTicket, "given as a number")
	other := fault.Door{Kerberos: realm(t)} // another controller's keys
	p = proxy(t, other)
	t.Setenv("KRB5_CONFIG", filepath.Join(dir, "none"))
	wantFault(t, dial(t, way(t, Settings{Proxy: named(p), User: "roll", Password: secret})), NoTicket, "realm is not known")
}

// The ticket that the agent's account holds is used where nobody is set.
func TestTicketCache(t *testing.T) {
	r := realm(t)
	file := filepath.Join(t.TempDir(), "cache")
	t.Setenv("KRB5CCNAME", "FILE:"+file)
	p := proxy(t, fault.Door{Kerberos: r})
	w := way(t, Settings{Proxy: named(p)})
	wantFault(t, dial(t, w), LoginWanted, "it takes Negotiate")
	if err := r.WriteCache(file, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := dial(t, w); err != nil {
		t.Error(err)
	}
	if err := r.WriteCache(file, -time.Hour); err != nil {
		t.Fatal(err)
	}
	wantFault(t, dial(t, w), NoTicket, "have run out")
	for _, rubbish := range []string{"", "\x05\x04", "rubbish that is no cache"} {
		if err := os.WriteFile(file, []byte(rubbish), 0o600); err != nil {
			t.Fatal(err)
		}
		wantFault(t, dial(t, w), NoTicket, "")
	}
}

// A proxy of a realm whose key the domain does not have refuses the ticket.
func TestForeignTicket(t *testing.T) {
	foreign, err := fault.NewRealm("ANDERE.TEST", "roll", secret)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	realm(t)
	p := proxy(t, fault.Door{Kerberos: foreign})
	wantFault(t, dial(t, way(t, Settings{Proxy: named(p), User: "roll", Password: secret})), LoginRefused, "407 after kerberos")
}
