package fault_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"rollbridge/e2e/fault"
)

// collector is a server that counts what it gets and answers with it.
func collector(t *testing.T) (address string, taken *atomic.Int32) {
	t.Helper()
	taken = &atomic.Int32{}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken.Add(1)
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte("heard "), body...))
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "https://"), taken
}

func client(roots *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, InsecureSkipVerify: roots == nil},
	}}
}

func post(c *http.Client, address, text string) (status int, answer string, err error) {
	r, err := c.Post("https://"+address+"/v1/batch", "", strings.NewReader(text))
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return r.StatusCode, string(body), err
}

func TestGatewayFates(t *testing.T) {
	address, taken := collector(t)
	authority, err := fault.NewAuthority("Filter CA")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := authority.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	g, err := fault.NewGateway()
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	g.Serve(address, cert)

	for _, c := range []struct {
		fate   fault.Fate
		taken  int32
		status int // 0: the connection broke
	}{
		{fault.Pass, 1, 200}, {fault.CutRequest, 0, 0}, {fault.DropReply, 1, 0}, {fault.Repeat, 2, 200},
		{fault.Replay, 2, 200}, {fault.PageOK, 0, 200}, {fault.PageDenied, 0, 401},
		{fault.OldReply, 0, 200},
	} {
		g.Always(c.fate)
		before := taken.Load()
		status, answer, err := post(client(roots), g.Address(), "message")
		if status != c.status || (err != nil) != (c.status == 0) || taken.Load()-before != c.taken {
			t.Errorf("fate %d: status %d, error %v, %d taken", c.fate, status, err, taken.Load()-before)
		}
		page := c.fate == fault.PageOK || c.fate == fault.PageDenied
		if err == nil && (answer == "heard message") == page {
			t.Errorf("fate %d: a wrong answer", c.fate)
		}
	}
	if _, _, err := post(client(x509.NewCertPool()), g.Address(), "message"); err == nil {
		t.Error("a client that does not trust the authority got through")
	}
}

func TestChanceIsTheSameForTheSameSeed(t *testing.T) {
	weights := map[fault.Fate]int{fault.CutRequest: 20, fault.DropReply: 20, fault.Repeat: 20}
	a, b, other := fault.Chance(7, weights), fault.Chance(7, weights), fault.Chance(8, weights)
	seen, same := map[fault.Fate]int{}, true
	for range 500 {
		x := a(fault.Seen{})
		if x != b(fault.Seen{}) {
			t.Fatal("the same seed drew another fate")
		}
		same = same && x == other(fault.Seen{})
		seen[x]++
	}
	if same || seen[fault.Pass] < 100 || seen[fault.CutRequest] < 50 || seen[fault.Replay] > 0 {
		t.Errorf("the draw is not by weight: %v", seen)
	}
}

func TestRelayLines(t *testing.T) {
	address, taken := collector(t)
	r, err := fault.NewRelay(address, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := strings.Repeat("x", 20_000)
	if _, answer, err := post(client(nil), r.Address(), text); err != nil || answer != "heard "+text {
		t.Fatalf("a whole line lost something: %v", err)
	}
	r.Set(fault.Line{Down: true})
	before := taken.Load()
	if _, _, err := post(client(nil), r.Address(), text); err == nil || taken.Load() != before {
		t.Error("a line that is down let something through")
	}
	r.Set(fault.Line{CutWithin: 20_000})
	for range 5 {
		if _, answer, err := post(client(nil), r.Address(), text); err == nil && answer == "heard "+text {
			t.Error("a cut line carried more than it was to")
		}
	}
}

func TestProxyAsksForItsPassword(t *testing.T) {
	address, _ := collector(t)
	user := url.UserPassword("school", "p@ss word")
	p, err := fault.NewProxy(user, map[string]string{"collector.test:443": address})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	through := func(u *url.Userinfo, target string) error {
		c := client(nil)
		where, err := url.Parse(p.URL(u))
		if err != nil {
			t.Fatal(err)
		}
		c.Transport.(*http.Transport).Proxy = http.ProxyURL(where)
		_, _, err = post(c, target, "message")
		return err
	}
	if err := through(user, "collector.test:443"); err != nil {
		t.Error(err)
	}
	for _, err := range []error{through(nil, "collector.test:443"), through(user, "elsewhere.test:443")} {
		if err == nil {
			t.Error("the proxy let through what it should not")
		}
	}
	if p.Tunnels("collector.test:443") != 1 || p.Refused() != 2 {
		t.Errorf("%d tunnels, %d refused", p.Tunnels("collector.test:443"), p.Refused())
	}
}

const serverTrace = `10 read(8<TCP:[127.0.0.1:443->127.0.0.1:5000]>, "hello", 576) = 400
10 write(8<TCP:[127.0.0.1:443->127.0.0.1:5000]>, "hello", 900) = 900
11 fsync(5</d/collector.db-wal>) = 0
11 read(8<TCP:[127.0.0.1:443->127.0.0.1:5000]>, "batch"..., 9000 <unfinished ...>
12 write(2</dev/pts/0>, "a log line\n", 11) = 11
11 <... read resumed>) = 9000
11 read(8<TCP:[127.0.0.1:443->127.0.0.1:5000]>, 0xc000, 1) = -1 EAGAIN (Resource temporarily unavailable)
12 fdatasync(5</d/collector.db-wal> <unfinished ...>
12 <... fdatasync resumed>) = 0
12 write(8<TCP:[127.0.0.1:443->127.0.0.1:5000]>, "receipt", 700) = 700
`

const clientTrace = `10 pwrite64(5</d/state.db>, "\1\0RBE1\0"..., 8192, 4096) = 8192
10 fdatasync(5</d/state.db>) = 0
11 pwrite64(5</d/state.db>, "meta", 4096, 0) = 4096
11 fdatasync(5</d/state.db> <unfinished ...>
11 <... fdatasync resumed>) = 0
12 write(9<TCP:[127.0.0.1:6000->127.0.0.1:443]>, "post", 400) = 400
`

func TestTraceShowsAMissingSync(t *testing.T) {
	server := func(text string) error {
		return fault.SyncedBeforeReply(read(t, text), "127.0.0.1:443", "collector.db")
	}
	agent := func(text string) error {
		return fault.SyncedBeforePost(read(t, text), "state.db", "127.0.0.1:443")
	}
	if calls := read(t, serverTrace); len(calls)-len(fault.Without(calls, "fsync", "fdatasync")) != 2 {
		t.Error("other calls than the syncs were left out")
	}
	cases := []struct {
		name, trace string
		check       func(string) error
		good        bool
	}{
		{"server", serverTrace, server, true},
		{"server without the later sync", strings.ReplaceAll(serverTrace, "fdatasync", "fnosync"), server, false},
		{"server whose sync ends too late", swap(serverTrace, "12 <... fdatasync resumed>) = 0\n", "12 write(8<"), server, false},
		{"server whose sync fails", strings.ReplaceAll(serverTrace, "12 <... fdatasync resumed>) = 0", "12 <... fdatasync resumed>) = -1 EIO (Input/output error)"), server, false},
		{"agent", clientTrace, agent, true},
		{"agent without syncs", strings.ReplaceAll(clientTrace, "fdatasync", "fnosync"), agent, false},
		{"agent with the last write not synced", strings.Replace(clientTrace, "11 fdatasync", "11 fnosync", 1), agent, false},
		{"agent that seals nothing", strings.ReplaceAll(clientTrace, "RBE1", "RBXX"), agent, false},
	}
	for _, c := range cases {
		if err := c.check(c.trace); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func read(t *testing.T, text string) []fault.Call {
	t.Helper()
	calls, err := fault.ReadTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// swap moves the whole line down behind the first line that begins so.
func swap(text, line, behind string) string {
	text = strings.Replace(text, line, "", 1)
	i := strings.LastIndex(text, behind)
	end := i + strings.Index(text[i:], "\n") + 1
	return text[:end] + line + text[end:]
}
