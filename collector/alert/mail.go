package alert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"rollbridge/collector/settings"
)

// wait bounds each answer of the mail server, whole all of one e-mail.
const (
	wait  = 30 * time.Second
	whole = 2 * time.Minute
)

// A Mailer sends e-mails by the operator's mail server.
type Mailer struct {
	settings settings.Alerts
	// roots are whom the server's certificate is from; nil is the system's.
	roots *x509.CertPool
	// wait and whole are the constants, shorter in tests.
	wait, whole time.Duration
}

// NewMailer uses the settings as they are checked. The password file is read for
// each e-mail, so that a new password needs no restart.
func NewMailer(s settings.Alerts) *Mailer { return &Mailer{settings: s, wait: wait, whole: whole} }

// A Letter is one e-mail to one person.
type Letter struct {
	To, Subject, Body string
	// ID is the part of the Message-ID before the at sign: the same for the same
	// e-mail, however often it is tried.
	ID string
}

// A Failure says why an e-mail was not sent, in a word of a closed list and the
// number that the mail server answered, 0 without one. It holds no address and
// nothing of what the server wrote.
type Failure struct {
	Reason string
	Code   int
}

// The reasons.
const (
	ReasonSettings = "settings" // the password file or an address cannot be used
	ReasonConnect  = "connect"  // the server does not answer, or broke off
	ReasonTLS      = "tls"      // the connection cannot be encrypted, or not to the right server
	ReasonSignIn   = "sign_in"  // the server refuses user or password
	ReasonLater    = "later"    // the server asks to try again later
	ReasonRefused  = "refused"  // the server refuses this e-mail for good
)

func (f *Failure) Error() string {
	if f.Code > 0 {
		return fmt.Sprintf("an e-mail was not sent: %s (the mail server answered %d)", f.Reason, f.Code)
	}
	return "an e-mail was not sent: " + f.Reason
}

// Everybody says whether the failure is the server's and not that of one e-mail.
func (f *Failure) Everybody() bool { return f.Reason != ReasonLater && f.Reason != ReasonRefused }

// Send sends one e-mail. Its error is a *Failure.
func (m *Mailer) Send(ctx context.Context, l Letter) error {
	ctx, cancel := context.WithTimeout(ctx, m.whole)
	defer cancel()
	message, err := m.message(l)
	if err != nil {
		return &Failure{Reason: ReasonSettings}
	}
	line := &line{config: m.tls(), implicit: m.settings.TLS == settings.MailTLS}
	line.end, _ = ctx.Deadline()
	defer line.hangUp()
	options, err := m.options(line)
	if err != nil {
		return &Failure{Reason: ReasonSettings}
	}
	client, err := mail.NewClient(m.settings.Host, options...)
	if err != nil {
		return &Failure{Reason: ReasonSettings}
	}
	if err := client.DialWithContext(ctx); err != nil {
		return failure(err, ReasonSignIn)
	}
	// The server's yes counts, whatever goes wrong after it.
	if err := client.Send(message); !message.IsDelivered() {
		return failure(err, ReasonRefused)
	}
	_ = client.Close()
	return nil
}

func (m *Mailer) tls() *tls.Config {
	return &tls.Config{ServerName: m.settings.Host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}
}

func (m *Mailer) message(l Letter) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	_, host, _ := strings.Cut(m.settings.From, "@")
	message.SetMessageIDWithValue(l.ID + "@" + host)
	message.SetDate()
	message.SetGenHeader(mail.Header("Auto-Submitted"), "auto-generated")
	message.Subject(l.Subject)
	message.SetBodyString(mail.TypeTextPlain, l.Body)
	return message, errors.Join(message.From(m.settings.From), message.To(l.To))
}

// ports are the usual ones.
var ports = map[string]int{settings.MailStartTLS: 587, settings.MailTLS: 465, settings.MailPlain: 25}

func (m *Mailer) options(l *line) ([]mail.Option, error) {
	s := m.settings
	port := s.Port
	if port == 0 {
		port = ports[s.TLS]
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(m.wait), mail.WithTLSConfig(l.config), mail.WithDialContextFunc(l.dial)}
	switch s.TLS {
	case settings.MailTLS:
		options = append(options, mail.WithSSL()) // says that line has encrypted it
	case settings.MailPlain:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.User != "" {
		password, err := os.ReadFile(s.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read the password of the mail server: %w", err)
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User),
			mail.WithPassword(strings.TrimRight(string(password), "\r\n")))
	}
	return options, nil
}

// A line is the connection of one e-mail. It ends at its end, however slowly the
// server answers: go-mail waits anew for each answer. It also ends where go-mail
// fails to connect and leaves it open.
type line struct {
	config   *tls.Config
	implicit bool
	end      time.Time
	conn     net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = &boundedConn{conn, l.end}
	if err := l.conn.SetDeadline(l.end); err != nil || !l.implicit {
		return l.conn, err
	}
	secure := tls.Client(l.conn, l.config)
	return secure, secure.HandshakeContext(ctx)
}

func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // nothing more is expected of it
	}
}

// A boundedConn never waits beyond its end.
type boundedConn struct {
	net.Conn
	end time.Time
}

// SetDeadline is net.Conn's.
func (c *boundedConn) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.end) {
		t = c.end
	}
	return c.Conn.SetDeadline(t)
}

// failure finds the reason of an error; refused is what a server's no for good
// means at this point.
func failure(err error, refused string) *Failure {
	var send *mail.SendError
	var answer *textproto.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	code := 0
	if errors.As(err, &send) {
		code = send.ErrorCode()
	} else if errors.As(err, &answer) {
		code = answer.Code
	}
	switch {
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert), strings.Contains(err.Error(), "STARTTLS"):
		return &Failure{ReasonTLS, code}
	case code >= 500 && send != nil && send.Reason == mail.ErrSMTPMailFrom:
		return &Failure{ReasonSettings, code} // it is the sender that is refused
	case code >= 500:
		return &Failure{refused, code}
	case code >= 400:
		return &Failure{ReasonLater, code}
	case refused == ReasonSignIn && (errors.Is(err, mail.ErrPlainAuthNotSupported) || errors.Is(err, mail.ErrNoSupportedAuthDiscovered)):
		return &Failure{ReasonSignIn, 0}
	}
	return &Failure{ReasonConnect, 0}
}
