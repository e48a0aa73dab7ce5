package school_test

import (
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/agent/school"
	"rollbridge/e2e/fault"
)

// What is left after a revoke goes the same way out of the school, with the same
// login, and forgets the password once it has been delivered.
func TestRevokeGoesTheSameWay(t *testing.T) {
	const password = "geheim"
	w := enrolledWorld(t)
	must(t, w.school.Close())
	at, err := url.Parse(w.server.URL)
	must(t, err)
	p, err := fault.NewProxy(nil, map[string]string{at.Host: at.Host})
	must(t, err)
	defer p.Close()
	p.Lock(fault.Door{NTLM: url.UserPassword(`SCHULE\roll`, password)})
	script := filepath.Join(t.TempDir(), "proxy.pac")
	must(t, os.WriteFile(script, []byte(`function FindProxyForURL() { return "PROXY `+strings.TrimPrefix(p.URL(nil), "http://")+`"; }`), 0o600))
	w.set.Uplink.PAC, w.set.Uplink.ProxyUser, w.set.Uplink.ProxyPassword = script, `SCHULE\roll`, password
	w.open()
	w.sync()
	through := p.Tunnels(at.Host)
	must(t, w.school.Revoke(t.Context(), false))
	must(t, school.DeliverRevoke(t.Context(), w.set.DataDir, slog.New(slog.DiscardHandler)))
	if n := p.Tunnels(at.Host); through == 0 || n != through+1 {
		t.Errorf("%d tunnels for the sync, %d for the revoke", through, n-through)
	}
	must(t, filepath.WalkDir(w.set.DataDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), password) {
			t.Errorf("the password is left in %s", d.Name())
		}
		return err
	}))
}
