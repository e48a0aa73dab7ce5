package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/shared/envelope"
)

// TestCollectorAwayForAWeek lets the collector be down for seven school days:
// every day's batch is kept and arrives afterwards, one after the other.
func TestCollectorAwayForAWeek(t *testing.T) {
	t.Parallel()
	w, day := away(t)
	before, _, _ := inboxRows(t, w)
	for n := range 7 {
		day(n + 1)
		w.queued(n)
	}
	w.says("refused the connection", "status")
	_, err := w.collector.Start(w.ctx, "")
	w.must(err)
	w.sync()
	receivedInOrder(t, w, openDatabase(t, w, ""))
	after, states, types := inboxRows(t, w)
	if len(after) < len(before)+7 {
		t.Errorf("%d batches of the week arrived, want 7 or more", len(after)-len(before))
	}
	for i := range after[len(before):] {
		if n := len(before) + i; types[n] != int(envelope.TypeDelta) {
			t.Errorf("batch %d is not a delta (state %s)", n+1, states[n])
		}
	}
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// TestCollectorAwayForAMonth lets it be down for so long that the key which the
// queue is sealed to has been destroyed: one full batch replaces the queue.
func TestCollectorAwayForAMonth(t *testing.T) {
	t.Parallel()
	w, day := away(t)
	for n, d := range []int{5, 15, 29} {
		day(d)
		w.queued(n)
	}
	day(30)
	_, err := w.collector.Start(w.ctx, "")
	w.must(err)
	w.anotherMark(3)
	w.eventuallySame()
	_, _, types := inboxRows(t, w)
	if types[len(types)-1] != int(envelope.TypeFull) && !slices.Contains(types[2:], int(envelope.TypeFull)) {
		t.Errorf("no full batch came: types %v", types)
	}
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// away is an enrolled world whose collector has just gone, and whose clock is
// set to so many days later by day.
func away(t *testing.T) (w *world, day func(int)) {
	t.Helper()
	clock := filepath.Join(t.TempDir(), "clock")
	day = func(n int) {
		t.Helper()
		if err := os.WriteFile(clock, fmt.Appendf(nil, "+%dh", 24*n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	day(0)
	w = enrolled(t, small(), stack.CollectorOptions{Clock: clock}, stack.AgentOptions{})
	w.sync()
	w.outcomesHeard()
	w.must(w.collector.Close())
	return w, day
}

// queued changes a mark and runs a sync that reaches nobody.
func (w *world) queued(n int) {
	w.t.Helper()
	w.anotherMark(n)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 {
		w.t.Error("a sync that reached nobody says that all went well")
	}
}

// says checks that a command of the agent ends well and prints text, in any
// case.
func (w *world) says(text string, args ...string) {
	w.t.Helper()
	out, err := w.agent.Command(w.ctx, args...)
	w.must(err)
	if !strings.Contains(strings.ToLower(out), strings.ToLower(text)) {
		w.t.Errorf("%s does not say %q:\n%s", strings.Join(args, " "), text, out)
	}
}

// TestBlockPage puts a web filter's page in the place of every answer: nothing
// changes, and the agent says that the answer was not the collector's.
func TestBlockPage(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	for _, fate := range []fault.Fate{fault.PageOK, fault.PageDenied} {
		gateway.Always(fault.Pass)
		w.sync()
		before, _, _ := inboxRows(t, w)
		gateway.Always(fate)
		w.anotherMark(int(fate))
		r, err := w.agent.Try(w.ctx, "sync")
		w.must(err)
		if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "not from the collector") {
			t.Errorf("fate %d: sync ended with %d and said:\n%s%s", fate, r.Code, r.Stdout, r.Stderr)
		}
		w.says("not from the collector", "status")
		_, err = w.agent.Command(w.ctx, "fsck")
		w.must(err)
		if now, _, _ := inboxRows(t, w); len(now) != len(before) {
			t.Errorf("fate %d: something reached the collector", fate)
		}
	}
	gateway.Always(fault.Pass)
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// TestOldAnswer gives the agent, instead of each answer, the one to an earlier
// message: a receipt for another batch is no receipt for this one.
func TestOldAnswer(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	before, _, _ := inboxRows(t, w)
	gateway.Always(fault.OldReply)
	w.anotherMark(0)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "waiting for one: 1") {
		t.Errorf("sync took an old answer for its own: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if now, _, _ := inboxRows(t, w); len(now) != len(before) {
		t.Error("something reached the collector")
	}
	gateway.Always(fault.Pass)
	w.sync()
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// TestInterception opens TLS on the way by a CA that the school's machine
// trusts, and by one that it does not.
func TestInterception(t *testing.T) {
	t.Parallel()
	gateway, err := fault.NewGateway()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Close() })
	w, code := newWorld(t, small(), stack.CollectorOptions{PublicURL: gateway.URL()})
	authority, err := fault.NewAuthority("Oakmere Filter CA")
	w.must(err)
	cert, err := authority.Issue("127.0.0.1")
	w.must(err)
	gateway.Serve(w.collector.IntakeAddress(), cert)
	trusted := filepath.Join(w.dir, "ca.pem")
	w.must(authority.WriteFile(trusted))

	refused, err := stack.NewAgent(programs, filepath.Join(w.dir, "refused"), w.source(), stack.AgentOptions{})
	w.must(err)
	r, err := refused.Try(w.ctx, "enrol", code, "--accept")
	w.must(err)
	if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "Oakmere Filter CA") {
		t.Errorf("an untrusted CA was not refused by name: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if gateway.Requests() > 0 {
		t.Error("something was sent to a server that nobody vouches for")
	}

	w.enrolAt(w.source(), code, stack.AgentOptions{Env: []string{"SSL_CERT_FILE=" + trusted}})
	w.sync()
	w.says("Oakmere Filter CA", "status")
	_, err = w.agent.Start(w.ctx)
	w.must(err)
	w.await("the operator to be told of the interception", func() error {
		out, err := w.collector.Command(w.ctx, "status", "--json")
		if err != nil {
			return err
		}
		if !strings.Contains(out, "intercepted") {
			return errNotYet
		}
		return nil
	})
	w.must(w.agent.Close())
	w.sync()
	w.sound()
}

// TestProxy reaches a collector whose name only the school's proxy knows.
func TestProxy(t *testing.T) {
	t.Parallel()
	const collector = "collector.test:8443"
	user := url.UserPassword("school", "p@ss/wörd")
	account := url.UserPassword(`SCHULE\school`, "p@ss/wörd")
	w, code := newWorld(t, small(), stack.CollectorOptions{PublicURL: "https://" + collector})
	script := filepath.Join(t.TempDir(), "proxy.pac")
	explicit := func(u *url.Userinfo) func(*fault.Proxy) []string {
		return func(p *fault.Proxy) []string { return []string{"ROLLBRIDGE_UPLINK_PROXY=" + p.URL(u)} }
	}
	byScript := func(p *fault.Proxy) []string {
		at := strings.TrimPrefix(p.URL(nil), "http://")
		w.must(os.WriteFile(script, []byte(`function FindProxyForURL(url, host) { return host == "collector.test" ? "PROXY 127.0.0.1:1; PROXY `+at+`" : "DIRECT"; }`), 0o600))
		return []string{"ROLLBRIDGE_UPLINK_PAC=" + script, `ROLLBRIDGE_UPLINK_PROXY_USER=SCHULE\school`, "ROLLBRIDGE_UPLINK_PROXY_PASSWORD=p@ss/wörd"}
	}
	cases := []struct {
		name    string
		door    fault.Door
		setting func(*fault.Proxy) []string
		refusal string // empty: it works
	}{
		{"explicit", fault.Door{}, explicit(nil), ""},
		{"explicit with a password", fault.Door{Basic: user}, explicit(user), ""},
		{"environment", fault.Door{Basic: user}, func(p *fault.Proxy) []string { return []string{"HTTPS_PROXY=" + p.URL(user), "NO_PROXY="} }, ""},
		{"without the password it wants", fault.Door{Basic: user}, explicit(nil), "407"},
		{"NTLM", fault.Door{NTLM: account}, explicit(account), ""},
		{"the second of a script, with NTLM", fault.Door{NTLM: account}, byScript, ""},
		{"the second of a script, with a password it does not know", fault.Door{NTLM: user}, byScript, "does not take the login"},
	}
	first := ""
	for _, c := range cases {
		proxy, err := fault.NewProxy(nil, map[string]string{collector: w.collector.IntakeAddress()})
		w.must(err)
		proxy.Lock(c.door)
		env := c.setting(proxy)
		if first == "" {
			w.enrolAt(w.source(), code, stack.AgentOptions{Env: env})
			first = c.name
		}
		w.agent, err = stack.NewAgent(programs, w.agent.Dir, w.source(), stack.AgentOptions{Env: env})
		w.must(err)
		w.anotherMark(len(c.name))
		r, err := w.agent.Try(w.ctx, "sync")
		w.must(err)
		said := r.Stdout + r.Stderr
		switch {
		case c.refusal == "" && (r.Code != 0 || proxy.Tunnels(collector) == 0):
			t.Errorf("%s: code %d, %d tunnels\n%s", c.name, r.Code, proxy.Tunnels(collector), said)
		case c.refusal == "":
			w.same()
		case r.Code == 0 || !strings.Contains(said, c.refusal):
			t.Errorf("%s: code %d\n%s", c.name, r.Code, said)
		}
		explained, err := w.agent.Command(w.ctx, "config", "explain")
		w.must(err)
		for _, text := range []string{said, explained} {
			if strings.Contains(text, "p@ss") || strings.Contains(text, url.PathEscape("p@ss")) {
				t.Errorf("%s: the password was printed", c.name)
			}
		}
		w.must(proxy.Close())
	}
}

// TestCutLine cuts the line after random numbers of bytes, in handshakes,
// requests and answers.
func TestCutLine(t *testing.T) {
	t.Parallel()
	w, relay := overRelay(t)
	w.sync()
	relay.Set(fault.Line{CutWithin: 12_000})
	for n := range 15 {
		w.anotherMark(n)
		if _, err := w.agent.Try(w.ctx, "sync"); err != nil {
			t.Fatal(err)
		}
	}
	relay.Set(fault.Line{})
	w.sync()
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// overRelay is an enrolled world with a relay in front of the collector.
func overRelay(t *testing.T) (*world, *fault.Relay) {
	t.Helper()
	intake, err := stack.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	relay, err := fault.NewRelay(intake, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	w, code := newWorld(t, small(), stack.CollectorOptions{PublicURL: "https://" + relay.Address(), IntakeListen: intake})
	w.enrolAt(w.source(), code, stack.AgentOptions{})
	return w, relay
}

// TestSlowLine gives the agent one byte a second, and the collector a
// connection that says nothing: limits end both.
func TestSlowLine(t *testing.T) {
	t.Parallel()
	w, relay := overRelay(t)
	w.sync()
	silent, err := net.Dial("tcp", w.collector.IntakeAddress())
	w.must(err)
	defer silent.Close()
	w.must(silent.SetReadDeadline(time.Now().Add(time.Minute)))

	relay.Set(fault.Line{Delay: time.Second, ReplyPiece: 1})
	w.anotherMark(0)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "in time") {
		t.Errorf("sync over a line that is too slow ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	relay.Set(fault.Line{})

	var late net.Error
	if n, err := silent.Read(make([]byte, 1)); n > 0 || errors.As(err, &late) && late.Timeout() {
		t.Errorf("the collector keeps a connection that says nothing for a minute: %d bytes, %v", n, err)
	}
	w.sync()
	w.sound()
}

// receivedInOrder checks that batches came in the order of their sequences.
func receivedInOrder(t *testing.T, w *world, db *sql.DB) {
	t.Helper()
	var wrong int
	w.must(db.QueryRowContext(w.ctx, `SELECT count(*) FROM inbox a JOIN inbox b
		ON a.generation = b.generation AND a.sequence < b.sequence AND a.received_at > b.received_at`).Scan(&wrong))
	if wrong > 0 {
		t.Errorf("%d pairs of batches came in the wrong order", wrong)
	}
}
