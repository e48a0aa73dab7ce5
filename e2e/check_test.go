package e2e

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/check"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
)

// A wanted is a line that a check must have, and words of it.
type wanted struct {
	id      check.ID
	cause   check.Cause
	state   check.State
	subject string
	words   []string
}

func bad(id check.ID, cause check.Cause, words ...string) wanted {
	return wanted{id: id, cause: cause, state: check.Bad, words: words}
}

func warned(id check.ID, cause check.Cause, words ...string) wanted {
	return wanted{id: id, cause: cause, state: check.Warn, words: words}
}

func good(ids ...check.ID) []wanted {
	var all []wanted
	for _, id := range ids {
		all = append(all, wanted{id: id, cause: check.Good, state: check.OK})
	}
	return all
}

func skipped(words string, ids ...check.ID) []wanted {
	var all []wanted
	for _, id := range ids {
		all = append(all, wanted{id: id, cause: check.NotTried, state: check.Untried, words: []string{words}})
	}
	return all
}

func (w wanted) of(subject string) wanted {
	w.subject = subject
	return w
}

// is says whether a line is the one wanted.
func (w wanted) is(l check.Line) bool {
	if l.ID != w.id || l.Cause != w.cause || l.State != w.state || w.subject != "" && l.Subject != w.subject {
		return false
	}
	text := strings.ToLower(l.What + "\n" + l.Do + "\n" + l.Whom)
	for _, word := range w.words {
		if !strings.Contains(text, strings.ToLower(word)) {
			return false
		}
	}
	return true
}

// checks runs a check and compares: every wanted line is there, no other line is
// marked ✗, and each line is one of the list.
func checks(t *testing.T, a *stack.Agent, args []string, want ...wanted) {
	t.Helper()
	r, err := stack.Run(bounded(t), a.Programs.Agent, "", a.Env(), append([]string{"check", "--json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, r, want)
}

func compare(t *testing.T, r stack.Result, want []wanted) {
	t.Helper()
	var got check.Report
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil {
		t.Fatalf("code %d, %v\n%s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	say := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s\n%s%s", fmt.Sprintf(format, args...), table(got), r.Stderr)
	}
	for _, w := range want {
		if !slices.ContainsFunc(got.Lines, w.is) {
			say("no line is %s, %s, %s %v", w.id, w.state, w.cause, w.words)
		}
	}
	for _, l := range got.Lines {
		if l.State == check.Bad && !slices.ContainsFunc(want, func(w wanted) bool { return w.is(l) }) {
			say("%s is marked ✗ (%s), and nothing is wrong with it", l.ID, l.Cause)
		}
		known := l.Cause == check.Good && l.State == check.OK || l.Cause == check.NotTried && l.State == check.Untried
		if !known && !slices.ContainsFunc(check.List, func(e check.Entry) bool { return e.ID == l.ID && e.Cause == l.Cause && e.State == l.State }) {
			say("%s, %s, %s is not in the list", l.ID, l.Cause, l.State)
		}
		if (l.State == check.Bad || l.State == check.Warn) && (l.Do == "" || l.Whom == "") {
			say("%s does not say what to do, or whom to ask", l.ID)
		}
	}
	code := 0
	if got.Worst == check.Bad {
		code = 3
	}
	if r.Code != code {
		say("check ended with %d, want %d", r.Code, code)
	}
}

func table(r check.Report) string {
	var b strings.Builder
	for _, l := range r.Lines {
		fmt.Fprintf(&b, "%s %s %s %s: %s | %s | %s\n", l.State.Mark(), l.ID, l.Subject, l.Cause, l.What, l.Do, l.Whom)
	}
	return b.String()
}

// A checkWorld is a collector with a code, and a MIS of files that is as it
// should be.
type checkWorld struct {
	*world
	code protocol.Code
}

func newCheckWorld(t *testing.T, o stack.CollectorOptions) *checkWorld {
	t.Helper()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	text := w.setUpCollector(o)
	code, err := protocol.ParseCode(text)
	w.must(err)
	return &checkWorld{world: w, code: code}
}

// fresh is an agent that nothing was done with yet.
func (w *checkWorld) fresh(t *testing.T, o stack.AgentOptions) *stack.Agent {
	t.Helper()
	a, err := stack.NewAgent(programs, filepath.Join(t.TempDir(), "agent"), stack.Folder("csv", w.folder()), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// at is the code with another address, and the pin given.
func (w *checkWorld) at(address string, pin []byte) protocol.Code {
	c := w.code
	c.URL, c.Pin = "https://"+address, pin
	return c
}

// given writes a code to a file and is the arguments that name it.
func given(t *testing.T, code string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "code.txt")
	if err := os.WriteFile(file, []byte(code+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--code-file", file}
}

// answering is a TLS server with a key of its own, and the pin of that.
func answering(t *testing.T, cert *tls.Certificate, h http.HandlerFunc) (address string, pin []byte) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if cert != nil {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	return s.Listener.Addr().String(), sum[:]
}

func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!doctype html><title>Blocked</title>")
	}
}

// listening is a listener that does this to each connection.
func listening(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			do(c)
		}
	}()
	return l.Addr().String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := stack.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// A wayCase is something on the way to the collector that a code names.
type wayCase struct {
	name string
	env  []string
	code string
	want []wanted
}

// TestCheckTheWay puts everything in the way that schools have: each time the
// line of that thing says so, and nothing else is to blame.
func TestCheckTheWay(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t, stack.CollectorOptions{})
	for _, c := range slices.Concat(w.directWays(t), w.answers(t), w.filtered(t), w.codes(t), w.proxied(t), w.clocks(t)) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checks(t, w.fresh(t, stack.AgentOptions{Env: c.env}), given(t, c.code), c.want...)
		})
	}
}

func (w *checkWorld) directWays(t *testing.T) []wayCase {
	closed := freeAddress(t)
	silent := listening(t, func(c net.Conn) { t.Cleanup(func() { c.Close() }) })
	rude := listening(t, func(c net.Conn) { c.Close() })
	plain := httptest.NewServer(page(200))
	t.Cleanup(plain.Close)
	// Without a name server the same name is not found in another way.
	unknown := bad(check.Name, check.Missing, "collector.invalid", "the network manager")
	if _, err := net.LookupHost("collector.invalid"); !isNotFound(err) {
		unknown.cause = check.Slow
	}
	return []wayCase{
		{"all is well", nil, w.code.String(), good(check.Proxy, check.Name, check.Route, check.TLS, check.Collector, check.Clock, check.MIS, check.Dataset)},
		{"name not found", nil, w.at("collector.invalid", nil).String(),
			append(skipped("the name of the collector is not found", check.Route, check.TLS, check.Collector, check.Clock), unknown)},
		{"nobody listens", nil, w.at(closed, nil).String(),
			append(skipped("cannot be reached", check.TLS, check.Collector, check.Clock), bad(check.Route, check.Refused, closed, "the network manager"))},
		{"a listener that says nothing", nil, w.at(silent, nil).String(),
			append(skipped("no secure connection", check.Collector, check.Clock), bad(check.TLS, check.Slow, silent))},
		{"a connection that is broken off", nil, w.at(rude, nil).String(), []wanted{bad(check.TLS, check.Broken, rude)}},
		{"no TLS", nil, w.at(plain.Listener.Addr().String(), nil).String(), []wanted{bad(check.TLS, "none", "without TLS", "web filter")}},
		{"no such certificate file", []string{"ROLLBRIDGE_UPLINK_CA_FILE=/nowhere/ca.pem"}, w.code.String(), []wanted{bad(check.TLS, check.Wrong, "uplink.ca_file")}},
	}
}

func isNotFound(err error) bool {
	dns, ok := err.(*net.DNSError)
	return ok && dns.IsNotFound
}

func (w *checkWorld) answers(t *testing.T) []wayCase {
	served := func(h http.HandlerFunc) string { return w.at(answering(t, nil, h)).String() }
	return []wayCase{
		{"a filter's page, 200", nil, served(page(200)), []wanted{bad(check.Collector, check.Other, "not from the collector", "exempted", "the network manager")}},
		{"a filter's page, 403", nil, served(page(403)), []wanted{bad(check.Collector, check.Other, "HTTP 403", "the network manager")}},
		{"sent on to a sign-in", nil, served(func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "https://login.invalid/", http.StatusFound)
		}),
			[]wanted{bad(check.Collector, check.Other, "HTTP 302")}},
		{"collector out of order", nil, served(page(503)), append(good(check.TLS), bad(check.Collector, "away", "HTTP 503", "the collector's operator"))},
	}
}

// filtered are filters that open TLS, with an authority that is trusted or not.
func (w *checkWorld) filtered(t *testing.T) []wayCase {
	authority, err := fault.NewAuthority("Oakmere Filter CA")
	w.must(err)
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	w.must(authority.WriteFile(trusted))
	trust := []string{"SSL_CERT_FILE=" + trusted}
	gateway, err := fault.NewGateway()
	w.must(err)
	t.Cleanup(func() { _ = gateway.Close() })
	cert, err := authority.Issue("127.0.0.1")
	w.must(err)
	gateway.Serve(w.collector.IntakeAddress(), cert)
	opened := w.at(gateway.Address(), w.code.Pin).String()

	now := time.Now()
	old, err := authority.IssueFor("127.0.0.1", now.AddDate(-1, 0, 0), now.AddDate(0, 0, -1))
	w.must(err)
	expired, _ := answering(t, &old, page(200))
	other, err := authority.Issue("elsewhere.test")
	w.must(err)
	elsewhere, _ := answering(t, &other, page(200))
	return []wayCase{
		{"TLS opened by a stranger", nil, opened, append(skipped("no secure connection", check.Collector),
			bad(check.TLS, "untrusted", "Oakmere Filter CA", "exempted", "the network manager"))},
		{"TLS opened by a trusted authority", trust, opened, append(good(check.Collector, check.Clock), warned(check.TLS, "opened", "Oakmere Filter CA", "exempted"))},
		{"certificate expired", trust, w.at(expired, nil).String(), []wanted{bad(check.TLS, "dates", "ended on", "the collector's operator")}},
		{"certificate of another", trust, w.at(elsewhere, nil).String(), []wanted{bad(check.TLS, "untrusted", "is not for 127.0.0.1")}},
	}
}

func (w *checkWorld) codes(t *testing.T) []wayCase {
	fresh, err := protocol.NewCode(w.code.URL, w.code.Root, w.code.Pin)
	w.must(err)
	foreign := w.code
	foreign.Root = protocol.FingerprintOf(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	out, err := w.collector.Command(w.ctx, "code", "create", schoolID)
	w.must(err)
	i := strings.Index(out, "RB1-")
	used := strings.Fields(out[i:])[0]
	first := w.fresh(t, stack.AgentOptions{})
	_, err = first.Enrol(w.ctx, used)
	w.must(err)
	text := w.code.String()
	return []wayCase{
		{"code never made", nil, fresh.String(), []wanted{bad(check.Collector, "code_unknown", "does not know this code", "the collector's operator")}},
		{"code of another collector", nil, foreign.String(), []wanted{bad(check.Collector, check.Other, "not from the collector")}},
		{"code used elsewhere", nil, used, []wanted{bad(check.Collector, "code_used", "used on another computer")}},
		{"code not copied whole", nil, text[:len(text)-9], append(skipped("the code", check.Route, check.TLS), bad(check.Collector, "code_wrong", "copy"))},
	}
}

// proxied are proxies on the way to a collector whose name only they know.
func (w *checkWorld) proxied(t *testing.T) []wayCase {
	const collector = "collector.test:8443"
	user := url.UserPassword("school", "p@ss/wörd"+canary)
	newProxy := func(user *url.Userinfo, names map[string]string) *fault.Proxy {
		p, err := fault.NewProxy(user, names)
		w.must(err)
		t.Cleanup(func() { _ = p.Close() })
		return p
	}
	by := func(address string) []string { return []string{"ROLLBRIDGE_UPLINK_PROXY=" + address} }
	known := map[string]string{collector: w.collector.IntakeAddress()}
	open, locked := newProxy(nil, known), newProxy(user, known)
	strict, dead := newProxy(nil, nil), newProxy(nil, map[string]string{collector: freeAddress(t)})
	code := w.at(collector, w.code.Pin).String()
	nowhere := freeAddress(t)
	unknown := bad(check.Name, check.Missing, "proxy.invalid")
	if _, err := net.LookupHost("proxy.invalid"); !isNotFound(err) {
		unknown.cause = check.Slow
	}
	return []wayCase{
		{"proxy by setting", by(open.URL(nil)), code, append(good(check.Route, check.TLS, check.Collector), wanted{id: check.Proxy, cause: check.Good, state: check.OK, words: []string{"uplink.proxy"}})},
		{"proxy by environment, with a password", []string{"HTTPS_PROXY=" + locked.URL(user), "NO_PROXY="}, code,
			append(good(check.Collector), wanted{id: check.Proxy, cause: check.Good, state: check.OK, words: []string{"HTTPS_PROXY", "basic"}})},
		{"proxy down", by("http://" + nowhere), code, append(skipped("the proxy cannot be reached", check.Route, check.TLS, check.Collector), bad(check.Proxy, "down", nowhere, "the network manager"))},
		{"proxy whose name is not found", by("http://proxy.invalid:3128"), code, append(skipped("the name of the proxy", check.Proxy, check.Route), unknown)},
		{"proxy wants a password", by(locked.URL(nil)), code, append(skipped("does not let the agent through", check.Route, check.TLS), bad(check.Proxy, "login", "407", "uplink.proxy_user"))},
		{"proxy with a wrong password", by(locked.URL(url.UserPassword("school", "wrong"+canary))), code, []wanted{bad(check.Proxy, "password", "does not take the login")}},
		{"proxy that refuses the host", by(strict.URL(nil)), code, []wanted{bad(check.Proxy, check.Refused, "HTTP 403", collector, "the network manager")}},
		{"proxy that does not reach it", by(dead.URL(nil)), code, append(good(check.Proxy), bad(check.Route, "behind_proxy", "HTTP 502"))},
		{"no such script", []string{"ROLLBRIDGE_UPLINK_PAC=/nowhere/proxy.pac"}, code, []wanted{bad(check.Proxy, check.Wrong, "proxy.pac")}},
	}
}

// clocks are computers whose clocks are wrong.
func (w *checkWorld) clocks(t *testing.T) []wayCase {
	clock := func(by string) []string {
		file := filepath.Join(t.TempDir(), "clock")
		w.must(os.WriteFile(file, []byte(by), 0o644))
		return []string{"ROLLBRIDGE_TEST_CLOCK=" + file}
	}
	code := w.code.String()
	return []wayCase{
		{"clock two minutes ahead", clock("+2m"), code, append(good(check.Collector), warned(check.Clock, "off", "2 minutes", "ahead of"))},
		{"clock a day ahead", clock("+24h"), code, []wanted{bad(check.Clock, check.Wrong, "1 day", "ahead of", "school IT")}},
		{"clock a day behind", clock("-24h"), code, []wanted{bad(check.Clock, check.Wrong, "1 day", "behind")}},
		{"clock a year ahead", clock("+9600h"), code, []wanted{bad(check.Clock, check.Wrong, "1 year", "ahead of")}},
		// The register of today is then more than a year ahead.
		{"clock a year behind", clock("-9600h"), code, []wanted{bad(check.Clock, check.Wrong, "1 year", "behind"), bad(check.Dataset, "data", "clock")}},
	}
}
