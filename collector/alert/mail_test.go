package alert

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/settings"
)

var letter = Letter{To: "alex@example.org", Subject: "Cardiff: 2 ysgol i'w ffonio ŵ", Body: "Ysgolion: 2\n", ID: "2026-11-23.AM.301.abc"}

func TestALetterArrives(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := newMailServer(t, func(s *mailServer) { s.implicit = implicit })
			if err := s.mailer().Send(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
			list := s.taken()
			if len(list) != 1 || s.plain {
				t.Fatalf("%d letters, in clear: %t", len(list), s.plain)
			}
			for _, text := range []string{"TO:<alex@example.org>", "FROM:<rollbridge@example.org>", "Message-ID: <2026-11-23.AM.301.abc@example.org>",
				"Auto-Submitted: auto-generated", "Content-Type: text/plain; charset=UTF-8", "Ysgolion: 2"} {
				if !strings.Contains(list[0], text) {
					t.Errorf("the letter has no %q:\n%s", text, list[0])
				}
			}
			for _, text := range []string{"X-Mailer", "User-Agent", "go-mail"} {
				if strings.Contains(list[0], text) {
					t.Errorf("the letter has %q", text)
				}
			}
		})
	}
}

func TestWhatGoesWrong(t *testing.T) {
	password := func(content string) func(*settings.Alerts) {
		return func(a *settings.Alerts) {
			a.User, a.PasswordFile = "rollbridge", filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(a.PasswordFile, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		behave func(*mailServer)
		with   func(*settings.Alerts)
		change func(*Mailer)
		want   Failure
	}{
		"no STARTTLS":       {behave: func(s *mailServer) { s.noStartTLS = true }, want: Failure{ReasonTLS, 0}},
		"no TLS at all":     {with: func(a *settings.Alerts) { a.TLS = settings.MailTLS }, want: Failure{ReasonTLS, 0}},
		"another's name":    {behave: func(s *mailServer) { s.certificate("mail.example.org") }, want: Failure{ReasonTLS, 0}},
		"an unknown issuer": {change: func(m *Mailer) { m.roots = nil }, want: Failure{ReasonTLS, 0}},
		"a wrong password":  {behave: func(s *mailServer) { s.password = "right" }, with: password("wrong\n"), want: Failure{ReasonSignIn, 535}},
		"no password":       {behave: func(s *mailServer) { s.password = "right" }, want: Failure{ReasonSettings, 530}},
		"no password file":  {with: func(a *settings.Alerts) { a.User, a.PasswordFile = "u", "/nowhere" }, want: Failure{ReasonSettings, 0}},
		"a sender it hates": {behave: func(s *mailServer) { s.refuseFrom = true }, want: Failure{ReasonSettings, 550}},
		"nobody there":      {behave: func(s *mailServer) { s.refuse = "alex" }, want: Failure{ReasonRefused, 550}},
		"greylisting":       {behave: func(s *mailServer) { s.later = 1 }, want: Failure{ReasonLater, 451}},
		"hangs up":          {behave: func(s *mailServer) { s.breakOff = true }, want: Failure{ReasonConnect, 0}},
		"says nothing":      {behave: func(s *mailServer) { s.silent = true }, change: func(m *Mailer) { m.wait = 50 * time.Millisecond }, want: Failure{ReasonConnect, 0}},
		"never ends":        {behave: func(s *mailServer) { s.drip = true }, change: func(m *Mailer) { m.whole = 200 * time.Millisecond }, want: Failure{ReasonConnect, 0}},
		"does not listen":   {behave: func(s *mailServer) {}, with: func(a *settings.Alerts) { a.Port = 1 }, want: Failure{ReasonConnect, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMailServer(t, func(s *mailServer) {
				if c.behave != nil {
					c.behave(s)
				}
			})
			m := s.mailer(func(a *settings.Alerts) {
				if c.with != nil {
					c.with(a)
				}
			})
			if c.change != nil {
				c.change(m)
			}
			err := m.Send(t.Context(), letter)
			var failed *Failure
			if !errors.As(err, &failed) || *failed != c.want {
				t.Errorf("got %v, want %v", err, &c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "@") || strings.Contains(err.Error(), "alex")) {
				t.Errorf("the error holds an address: %v", err)
			}
			if n := len(s.taken()); n != 0 || s.plain && c.want.Reason == ReasonTLS {
				t.Errorf("%d letters arrived, in clear: %t", n, s.plain)
			}
		})
	}
}

func TestWithAPassword(t *testing.T) {
	s := newMailServer(t, func(s *mailServer) { s.password = "right" })
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("right\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := s.mailer(func(a *settings.Alerts) { a.User, a.PasswordFile = "rollbridge", file })
	if err := m.Send(t.Context(), letter); err != nil || len(s.taken()) != 1 {
		t.Errorf("%d letters, %v", len(s.taken()), err)
	}
}

// The server's yes counts: a letter is not sent again because it hung up after it.
func TestAYesIsAYes(t *testing.T) {
	s := newMailServer(t, func(s *mailServer) { s.rudeAfter = true })
	if err := s.mailer().Send(t.Context(), letter); err != nil || len(s.taken()) != 1 {
		t.Errorf("%d letters, %v", len(s.taken()), err)
	}
}

func TestOnlyByTheOperatorsWordInClear(t *testing.T) {
	s := newMailServer(t, func(s *mailServer) { s.noStartTLS = true })
	m := s.mailer(func(a *settings.Alerts) { a.TLS = settings.MailPlain })
	if err := m.Send(t.Context(), letter); err != nil || len(s.taken()) != 1 {
		t.Errorf("%d letters, %v", len(s.taken()), err)
	}
}
