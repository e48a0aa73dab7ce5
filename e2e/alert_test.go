package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/portal/portaltest"
	"rollbridge/e2e/stack"
)

// A letterBox is a mail server that takes every e-mail.
type letterBox struct {
	listener net.Listener
	letters  chan string
}

func newLetterBox(t *testing.T) *letterBox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	b := &letterBox{l, make(chan string, 16)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(conn)
		}
	}()
	return b
}

// serve speaks as much SMTP as a sender needs.
func (b *letterBox) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	say := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 localhost")
	var letter strings.Builder
	data := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		switch {
		case data && line == ".":
			b.letters <- letter.String()
			data = false
			say("250 taken")
		case data:
			letter.WriteString(line + "\n")
		case strings.HasPrefix(line, "DATA"):
			letter.Reset()
			data = true
			say("354 go on")
		case strings.HasPrefix(line, "QUIT"):
			say("221 bye")
			return
		default:
			say("250 yes")
		}
	}
}

// Who asked for it on the page of the own account has one e-mail when the time for the
// registers is over: with counts and a link, and no name of a school or a child.
func TestAlert(t *testing.T) {
	t.Parallel()
	ctx := boundedBy(t, 5*time.Minute)
	dir := t.TempDir()
	box := newLetterBox(t)
	_, port, err := net.SplitHostPort(box.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	g := &gallery{T: t, ctx: ctx, clock: filepath.Join(dir, "clock"), people: map[string]*stack.Person{}}
	setClock(t, g.clock, time.Until(portaltest.Now().Add(-15*time.Minute))) // 10:05, ten minutes before
	g.collector, err = stack.NewCollector(ctx, programs, filepath.Join(dir, "collector"), stack.CollectorOptions{Clock: g.clock, Env: []string{
		"ROLLBRIDGE_COLLECTOR_ALERTS_HOST=127.0.0.1", "ROLLBRIDGE_COLLECTOR_ALERTS_PORT=" + port, "ROLLBRIDGE_COLLECTOR_ALERTS_TLS=none",
		"ROLLBRIDGE_COLLECTOR_ALERTS_FROM=rollbridge@example.org", "ROLLBRIDGE_COLLECTOR_PORTAL_URL=https://portal.example.org",
	}})
	g.must(err)
	t.Cleanup(func() { g.must(g.collector.Close()) })
	g.fill()
	_, err = g.collector.Start(ctx, "")
	g.must(err)
	for _, name := range []string{"asked.for.it", "did.not"} {
		oneTime, err := g.collector.Command(ctx, "user", "invite", name, "--role", "caller", "--authority", portaltest.Busy, "--email", name+"@council.example")
		g.must(err)
		person, err := g.collector.Accept(ctx, stack.Person{Name: name}, strings.TrimSpace(oneTime))
		g.must(err)
		if name == "did.not" {
			continue
		}
		b, err := g.collector.As(ctx, person)
		g.must(err)
		page, err := b.Post(ctx, "/account/alerts", "alerts", "yes")
		g.must(err)
		if page.Code != http.StatusSeeOther {
			t.Fatalf("asking for e-mails is answered with %d", page.Code)
		}
	}
	setClock(t, g.clock, time.Until(portaltest.Now()))
	letter := box.next(ctx, t)
	for _, want := range []string{"To: <asked.for.it@council.example>", "schools to call", "Children absent without a reason: 2", "https://portal.example.org\n"} {
		if !strings.Contains(letter, want) {
			t.Errorf("the e-mail does not say %q:\n%s", want, letter)
		}
	}
	for _, name := range []string{"Ash Tree", "Cherry", "Brz", "Fictional", portaltest.Canary} {
		if strings.Contains(letter, name) {
			t.Errorf("the e-mail names %s:\n%s", name, letter)
		}
	}
	// The afternoon's is the next: the morning's comes once.
	setClock(t, g.clock, time.Until(portaltest.Now().Add(time.Hour)))
	setClock(t, g.clock, time.Until(portaltest.Now().Add(4*time.Hour+15*time.Minute)))
	if next := box.next(ctx, t); !strings.Contains(next, "This afternoon's registers") {
		t.Errorf("the second e-mail is:\n%s", next)
	}
}

func (b *letterBox) next(ctx context.Context, t *testing.T) string {
	t.Helper()
	select {
	case letter := <-b.letters:
		return letter
	case <-ctx.Done():
		t.Fatal("no e-mail comes")
	}
	return ""
}
