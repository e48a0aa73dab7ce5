package alert

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/collector/settings"
)

// A mailServer is a mail server on the loopback address that speaks as much SMTP as
// it needs to, and misbehaves as a test wants.
type mailServer struct {
	t        *testing.T
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool

	// How it behaves.
	implicit   bool   // TLS from the beginning
	noStartTLS bool   // offers no STARTTLS
	password   string // asks for it, if it is not empty
	silent     bool   // takes the connection, and says nothing
	drip       bool   // answers letter by letter and never ends a line
	later      int    // asks so many recipients to come again later
	refuse     string // refuses a recipient for good
	refuseFrom bool   // refuses the sender
	breakOff   bool   // hangs up after the e-mail was sent, before its answer
	rudeAfter  bool   // hangs up after its yes

	mu      sync.Mutex
	letters []string // what it took, each with its envelope
	plain   bool     // something was said without TLS that should not be
	conns   int
	done    chan struct{}
	wait    sync.WaitGroup
}

func newMailServer(t *testing.T, behave func(*mailServer)) *mailServer {
	t.Helper()
	s := &mailServer{t: t, done: make(chan struct{})}
	s.certificate("localhost")
	behave(s)
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.wait.Go(s.accept)
	t.Cleanup(func() {
		close(s.done)
		_ = s.listener.Close()
		s.wait.Wait()
	})
	return s
}

// certificate makes a certificate for a name, from itself.
func (s *mailServer) certificate(name string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(parsed)
	s.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// settings are those of a mailer that uses the server.
func (s *mailServer) settings() settings.Alerts {
	mode := settings.MailStartTLS
	if s.implicit {
		mode = settings.MailTLS
	}
	return settings.Alerts{Host: "localhost", Port: s.listener.Addr().(*net.TCPAddr).Port, TLS: mode, From: "rollbridge@example.org"}
}

// mailer uses the server, and waits for it less long than an installation does.
func (s *mailServer) mailer(change ...func(*settings.Alerts)) *Mailer {
	with := s.settings()
	for _, f := range change {
		f(&with)
	}
	m := NewMailer(with)
	m.roots = s.roots
	return m
}

func (s *mailServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
		s.wait.Go(func() {
			defer func() { _ = conn.Close() }()
			go func() { <-s.done; _ = conn.Close() }()
			s.serve(conn)
		})
	}
}

func (s *mailServer) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.letters...)
}

// A talk is one connection.
type talk struct {
	*mailServer
	conn   net.Conn
	lines  *bufio.Reader
	secure bool
	signed bool
	letter []string
}

func (s *mailServer) serve(conn net.Conn) {
	if s.silent {
		<-s.done
		return
	}
	k := &talk{mailServer: s, conn: conn}
	if s.implicit {
		k.encrypt()
	}
	k.lines = bufio.NewReader(k.conn)
	if s.drip {
		for _, c := range strings.Repeat("220-still thinking ", 1000) {
			select {
			case <-s.done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if _, err := conn.Write([]byte(string(c))); err != nil {
				return
			}
		}
	}
	k.say("220 localhost ready")
	for {
		line, err := k.lines.ReadString('\n')
		if err != nil || !k.answer(strings.TrimSpace(line)) {
			return
		}
	}
}

func (k *talk) encrypt() {
	k.conn = tls.Server(k.conn, k.tls)
	k.secure = true
}

func (k *talk) say(line string) { _, _ = k.conn.Write([]byte(line + "\r\n")) }

// answer says whether the connection goes on.
func (k *talk) answer(line string) bool {
	word, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(word) {
	case "EHLO", "HELO":
		k.say("250-localhost")
		if !k.secure && !k.noStartTLS {
			k.say("250-STARTTLS")
		}
		if k.password != "" {
			k.say("250-AUTH PLAIN LOGIN")
		}
		k.say("250 8BITMIME")
	case "STARTTLS":
		k.say("220 go on")
		k.encrypt()
		k.lines = bufio.NewReader(k.conn)
	case "AUTH":
		_, given, _ := strings.Cut(rest, " ")
		text, _ := base64.StdEncoding.DecodeString(given)
		k.signed = strings.HasSuffix(string(text), "\x00"+k.password)
		if !k.signed {
			k.say("535 5.7.8 rollbridge@example.org: wrong password")
			return true
		}
		k.say("235 welcome")
	case "MAIL":
		return k.mail(rest)
	case "RCPT":
		k.recipient(rest)
	case "DATA":
		return k.data()
	case "RSET", "NOOP":
		k.say("250 ok")
	case "QUIT":
		k.say("221 bye")
		return false
	default:
		k.say("502 what?")
	}
	return true
}

func (k *talk) mail(rest string) bool {
	k.mu.Lock()
	k.plain = k.plain || !k.secure
	k.mu.Unlock()
	switch {
	case k.refuseFrom:
		k.say("550 5.7.1 rollbridge@example.org may not send here")
	case k.password != "" && !k.signed:
		k.say("530 5.7.0 who are you?")
	default:
		k.letter = []string{rest}
		k.say("250 ok")
	}
	return true
}

func (k *talk) recipient(rest string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.refuse != "" && strings.Contains(rest, k.refuse):
		k.say("550 5.1.1 " + rest + " is not known here")
	case k.later > 0:
		k.later--
		k.say("451 4.7.1 " + rest + " is greylisted: come again")
	default:
		k.letter = append(k.letter, rest)
		k.say("250 ok")
	}
}

func (k *talk) data() bool {
	k.say("354 go on")
	for {
		line, err := k.lines.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		k.letter = append(k.letter, strings.TrimRight(line, "\r\n"))
	}
	if k.breakOff {
		return false
	}
	k.mu.Lock()
	k.letters = append(k.letters, strings.Join(k.letter, "\n"))
	k.mu.Unlock()
	k.say("250 taken")
	return !k.rudeAfter
}
