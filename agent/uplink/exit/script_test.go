package exit

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/uplink/pac"
	"rollbridge/e2e/fault"
)

func TestScriptFromAFile(t *testing.T) {
	one, other := proxy(t, fault.Door{}), proxy(t, fault.Door{})
	file := filepath.Join(t.TempDir(), "proxy.pac")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := way(t, Settings{PAC: file})
	wantFault(t, dial(t, w), BadScript, "could not be read")
	const before = `function FindProxyForURL(url, host) { return host == "collector.test" && url == "https://collector.test/" ? "PROXY `
	write(before + hostPort(one) + `" : "DIRECT"; }`)
	if err := dial(t, w); err != nil || one.Tunnels(collector) != 1 {
		t.Errorf("%v", err)
	}
	write(before + hostPort(other) + `" : "DIRECT"; }//`)
	if err := dial(t, w); err != nil || other.Tunnels(collector) != 1 {
		t.Errorf("a changed script: %v", err)
	}
	write(strings.Repeat("x", pac.MaxBytes+1))
	wantFault(t, dial(t, w), BadScript, "larger than")
}

func TestWrongScript(t *testing.T) {
	for text, says := range map[string]string{
		"":       "no function FindProxyForURL",
		"<html>": "a page",
		"function FindProxyForURL() { while (true) ; }":                   "to an end",
		"function FindProxyForURL() { return 'QUIC " + secret + ":1' }":   "not understood",
		"function FindProxyForURL() { return undefinedThing }":            "undefinedThing is not defined",
		"function FindProxyForURL() { return 'PROXY u:geheim@proxy:80' }": "not understood",
	} {
		err := dial(t, way(t, Settings{PAC: pacServer(t, &text).URL}))
		wantFault(t, err, BadScript, says)
		if strings.Contains(err.Error(), "geheim") {
			t.Errorf("the answer is repeated: %v", err)
		}
	}
	w := way(t, Settings{PAC: "http://" + nobody(t) + "/x?key=" + secret})
	wantFault(t, dial(t, w), BadScript, "could not be read")
	wantFault(t, dial(t, way(t, Settings{PAC: "http://no-such-host.invalid/proxy.pac"})), BadScript, "not found")
}

// The script is kept for half an hour, fetched again when it is old or when
// nothing that it names works, and kept on where its server is away.
func TestScriptIsFetchedAgain(t *testing.T) {
	p := proxy(t, fault.Door{})
	good := `function FindProxyForURL() { return "PROXY ` + hostPort(p) + `"; }`
	text, status, fetched := good, http.StatusOK, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched++
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	defer server.Close()
	w := way(t, Settings{PAC: server.URL})
	want := func(n int, what string) {
		t.Helper()
		if fetched != n {
			t.Errorf("%s: fetched %d times, want %d", what, fetched, n)
		}
	}
	ok := func(what string) {
		t.Helper()
		if err := dial(t, w); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	ok("first")
	ok("again")
	want(1, "again")
	w.script.read = time.Now().Add(-fresh - time.Second)
	ok("old")
	want(2, "old")
	status = http.StatusNotFound
	w.script.read = time.Now().Add(-fresh - time.Second)
	ok("old, and its server is out of order")
	want(3, "out of order")
	w.script.read = time.Now().Add(-stale - time.Second)
	wantFault(t, dial(t, w), BadScript, "HTTP 404")
	status, text = http.StatusOK, `function FindProxyForURL() { return "PROXY `+nobody(t)+`"; }`
	wantFault(t, dial(t, w), Down, "nothing listens")
	text = good
	ok("after one that named a proxy that is down")
}
