package exit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollbridge/shared/version"
)

// The limits of a proxy's answer.
const (
	maxHeader = 256 << 10
	maxPage   = 1 << 20 // of a page that comes with a refusal
)

// A talk asks one proxy for a tunnel (CONNECT, RFC 9110, section 9.3.6) and
// logs in as it wants.
type talk struct {
	way    *Way
	hop    hop
	target string // host:port
	login  Scheme // how the proxy let the agent in

	conn  net.Conn // nil: to be opened
	lines *bufio.Reader
	limit *io.LimitedReader
}

func (t *talk) host() string { return hop{address: t.target}.host() }

// open returns the tunnel. Errors are a *Fault, or that of the context.
func (t *talk) open(ctx context.Context) (net.Conn, error) {
	err := t.run(ctx)
	if err != nil {
		t.drop()
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err()
		}
		return nil, err
	}
	if err := t.conn.SetDeadline(time.Time{}); err != nil {
		t.drop()
		return nil, t.hop.down(err)
	}
	early, err := t.lines.Peek(t.lines.Buffered())
	if err != nil || len(early) == 0 {
		return t.conn, err
	}
	return &spoken{t.conn, io.MultiReader(bytes.NewReader(early), t.conn)}, nil
}

// spoken is a tunnel whose far end spoke first, right behind the proxy's answer.
type spoken struct {
	net.Conn
	from io.Reader
}

func (s *spoken) Read(p []byte) (int, error) { return s.from.Read(p) }

func (t *talk) run(ctx context.Context) error {
	// Whoever set one way of logging in by a password need not be asked first.
	if user, _ := t.way.account(t.hop); t.way.set.Login == string(Basic) && user != "" {
		return t.logIn(ctx, []string{string(Basic)})
	}
	answer, err := t.ask(ctx, "")
	switch {
	case err != nil:
		return t.fault(ctx, err)
	case answer.StatusCode == http.StatusOK:
		return nil
	case answer.StatusCode != http.StatusProxyAuthRequired:
		return t.refusal(answer.StatusCode)
	}
	return t.logIn(ctx, offers(answer.Header))
}

// logIn tries the logins that both sides know, the strongest first, until one
// can be begun: that one decides.
func (t *talk) logIn(ctx context.Context, offered []string) error {
	if err := t.way.refused.of(t.hop); err != nil {
		return err
	}
	err := t.logInNow(ctx, offered)
	if fault, ok := errors.AsType[*Fault](err); ok && fault.Kind == LoginRefused {
		if user, _ := t.way.account(t.hop); user != "" {
			t.way.refused.note(t.hop, fault)
		}
	}
	return err
}

func (t *talk) logInNow(ctx context.Context, offered []string) error {
	var why error
	for _, s := range t.way.usable(t.hop, offered) {
		begun, err := t.tryLogin(ctx, s)
		if fault, ok := errors.AsType[*Fault](err); begun || !ok || fault.Kind != NoTicket {
			return err
		}
		why = err
	}
	if why != nil {
		return why
	}
	return t.wanted(offered)
}

// tryLogin says whether there was anything to log in with.
func (t *talk) tryLogin(ctx context.Context, s Scheme) (begun bool, err error) {
	login, err := t.way.begin(ctx, t.hop, s)
	if err != nil {
		return false, err
	}
	defer login.end()
	first, err := login.next(nil)
	if err != nil {
		return false, t.puzzled(s, err)
	}
	if err = t.speak(ctx, s, first, login); err == nil {
		t.login = s
	}
	return true, err
}

// maxLegs is more than any login has.
const maxLegs = 5

// speak goes through the steps of one login, which must all happen on one
// connection.
func (t *talk) speak(ctx context.Context, s Scheme, token []byte, login login) error {
	for leg := range maxLegs {
		if len(token) == 0 {
			return t.refused(s)
		}
		if leg > 0 && t.conn == nil {
			return t.broken(s, nil)
		}
		kept := t.conn != nil
		said := words[s] + " " + base64.StdEncoding.EncodeToString(token)
		answer, err := t.ask(ctx, said)
		if err != nil && leg == 0 && kept && ctx.Err() == nil {
			// The connection on which the proxy first refused had gone quietly.
			answer, err = t.ask(ctx, said)
		}
		switch {
		case err != nil && leg > 0 && ctx.Err() == nil:
			return t.broken(s, err)
		case err != nil:
			return t.fault(ctx, err)
		case answer.StatusCode == http.StatusOK:
			return nil
		case answer.StatusCode != http.StatusProxyAuthRequired:
			return t.refusal(answer.StatusCode)
		}
		challenge := challengeOf(answer.Header, words[s])
		if len(challenge) == 0 {
			return t.refused(s)
		}
		if token, err = login.next(challenge); err != nil {
			return t.puzzled(s, err)
		}
	}
	return t.refused(s)
}

func (t *talk) fault(ctx context.Context, err error) error {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return t.hop.down(err)
}

// ask sends one CONNECT and reads the answer, the page of a refusal too. If the
// proxy ends the connection after it, the next ask opens another.
func (t *talk) ask(ctx context.Context, authorization string) (*http.Response, error) {
	if t.conn == nil {
		conn, err := t.way.reach(ctx, t.hop)
		if err != nil {
			return nil, err
		}
		t.conn, t.limit = conn, &io.LimitedReader{R: conn}
		t.lines = bufio.NewReader(t.limit)
	}
	conn := t.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: t.target}, Host: t.target,
		Header: http.Header{"User-Agent": {"rollbridge-agent/" + version.Version}}}
	if authorization != "" {
		request.Header.Set("Proxy-Authorization", authorization)
	}
	t.limit.N = maxHeader
	if err := request.Write(t.conn); err != nil {
		t.drop()
		return nil, err
	}
	answer, err := http.ReadResponse(t.lines, request)
	if err != nil {
		t.drop()
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	t.limit.N = maxPage
	_, err = io.Copy(io.Discard, answer.Body)
	if err != nil || answer.Close || hasToken(answer.Header, "Proxy-Connection", "close") {
		t.drop()
	}
	return answer, nil
}

func (t *talk) drop() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// offers are the ways to log in that a proxy names.
func offers(h http.Header) []string {
	var all []string
	for _, line := range h.Values("Proxy-Authenticate") {
		for part := range strings.SplitSeq(line, ",") {
			// Of a challenge's own list (realm="…", nonce="…"), nothing is a scheme.
			if fields := strings.Fields(part); len(fields) > 0 && !strings.ContainsAny(fields[0], "=\"") {
				all = append(all, fields[0])
			}
		}
	}
	return all
}

// challengeOf is what the proxy answers to a step of a login.
func challengeOf(h http.Header, word string) []byte {
	for _, line := range h.Values("Proxy-Authenticate") {
		fields := strings.Fields(line)
		if len(fields) == 2 && strings.EqualFold(fields[0], word) {
			data, err := base64.StdEncoding.DecodeString(fields[1])
			if err == nil {
				return data
			}
		}
	}
	return nil
}

func hasToken(h http.Header, key, token string) bool {
	for _, line := range h.Values(key) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
