package exit

import (
	"bytes"
	"errors"
	"testing"

	"rollbridge/e2e/fault"
)

// What the machine's own settings are nobody knows here; that they are asked for
// in the right form shows in that an answer comes.
func TestMachineSettingsAreAsked(t *testing.T) {
	if machineProxy.Find() != nil || proxyForURL.Find() != nil {
		t.Fatal("winhttp.dll has not the functions")
	}
	c, err := way(t, Settings{}).choose(t.Context(), "collector.test:443")
	var f *Fault
	switch {
	case errors.As(err, &f) && f.Kind == BadScript:
	case err != nil:
		t.Error(err)
	case c.source != FromNothing && c.source != FromWindows && c.source != FromWPAD, len(c.hops) == 0, c.why == "":
		t.Errorf("%+v", c)
	}
	var w windows
	if c, found, err := w.ask(t.Context(), "127.0.0.1:8443"); found || err != nil {
		t.Errorf("this computer itself: %+v, %v", c, err)
	}
}

// Windows makes the first message of an NTLM login for the account of the test,
// or says why not.
func TestOwnAccount(t *testing.T) {
	h := hop{scheme: "http", address: "localhost:8080"}
	for _, user := range []string{"", `SCHULE\roll`} {
		for _, method := range []string{"NTLM", "Negotiate"} {
			l, err := newSSPI(h, method, user, secret)
			if err != nil {
				wantFault(t, err, NoTicket, "Windows makes no login")
				continue
			}
			token, err := l.next(nil)
			if err != nil {
				wantFault(t, err, NoTicket, "Windows makes no login")
			} else if method == "NTLM" && !bytes.HasPrefix(token, []byte("NTLMSSP\x00\x01\x00\x00\x00")) || len(token) == 0 {
				t.Errorf("%s for %q begins with %x", method, user, token)
			}
			t.Logf("%s for %q: %d bytes, %v", method, user, len(token), err)
			l.end()
		}
	}
}

// A proxy that offers what Windows cannot do is asked in another way.
func TestAnotherSchemeWhereWindowsCannot(t *testing.T) {
	p := proxy(t, fault.Door{Basic: plain, Others: []string{"Negotiate"}})
	err := dial(t, way(t, Settings{Proxy: p.URL(nil), User: "roll", Password: secret}))
	shown := p.Shown()
	if err == nil && shown[len(shown)-1] != "Basic" {
		t.Errorf("shown %v", shown)
	} else if err != nil {
		wantFault(t, err, LoginRefused, "kerberos")
	}
}
