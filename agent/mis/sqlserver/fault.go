package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"
)

// A Reason says what kind of thing went wrong, so that a caller can choose what
// to do next.
type Reason string

// The reasons.
const (
	Down        Reason = "down"        // not reached, cut off, or shut down
	Login       Reason = "login"       // the server does not let the login in
	Database    Reason = "database"    // the database is not there, or not open to the login
	Right       Reason = "right"       // the login may not read something
	Schema      Reason = "schema"      // an object or column is missing, or of another type
	Data        Reason = "data"        // a value in the database does not fit the query
	Busy        Reason = "busy"        // locked by others, deadlock, snapshot conflict
	Slow        Reason = "slow"        // a time limit passed
	Certificate Reason = "certificate" // the server's certificate is not the one trusted
	Encryption  Reason = "encryption"  // no common way to encrypt
	Setting     Reason = "settings"    // the settings of this agent cannot work
	Budget      Reason = "budget"      // more statements or bytes than a session may take
)

// A Fault is what went wrong between the agent and SQL Server. It never holds
// the server's own words, which can quote values.
type Fault struct {
	Reason Reason
	Number int32  // SQL Server's error number; 0 when the server said nothing
	Object string // [schema].[name] when the fault is about one object that the query names
	Unseen bool   // of Reason Schema: all that is wrong is not there to be seen, removed or hidden
	Text   string // sentences: what was wrong, what to do, whom to ask
}

// Error is the fault's sentences.
func (f *Fault) Error() string { return f.Text }

// fault says what an error of a statement means. ctx is the caller's, limit the
// statement's.
func (s *Session) fault(ctx, limit context.Context, r request, err error) error {
	var have *Fault
	var server mssql.Error
	switch {
	case errors.As(err, &have):
		return have
	case ctx.Err() != nil:
		return fmt.Errorf("ask SQL Server: %w", context.Cause(ctx))
	case errors.As(err, &server):
		return s.serverFault(server, r)
	case limit.Err() != nil:
		return &Fault{Reason: Slow, Text: fmt.Sprintf("%s did not finish an answer within %s, so it was told to stop. If this stays so, ask the database administrator what slows it (a missing index, a backup, a report), or raise query_seconds.", s.place(), s.settings.queryTime())}
	case errors.Is(s.wire.failure(), errTooMuch):
		return &Fault{Reason: Budget, Text: fmt.Sprintf("%s sent more than %d MB, which no school needs, so the connection was ended. Ask the database administrator whether the views return far too many rows or very long texts.", s.place(), maxBytes>>20)}
	case errors.Is(err, errRefused):
		return &Fault{Reason: Setting, Text: "A statement that is neither one of the agent's own nor a checked SELECT was refused and not sent. This is a mistake in the agent: report it."}
	}
	return &Fault{Reason: Down, Text: fmt.Sprintf("The connection to %s was lost while it answered, so nothing of this answer was used. The next read tries again; if this happens often, ask the database administrator whether the server restarts, and the network's keeper whether a firewall cuts connections.", s.place())}
}

// connectFault says what an error of connecting and signing on means. What the
// wire and the certificate check saw comes before what the driver says, because
// the driver passes much on as text only.
func (s *Session) connectFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("connect to SQL Server: %w", context.Cause(ctx))
	}
	if s.trust.fault != nil {
		return s.trust.fault
	}
	var server mssql.Error
	if errors.As(err, &server) {
		return s.serverFault(server, request{})
	}
	dialled, asked, answered := s.wire.state()
	if !dialled {
		return s.unreached(asked, answered)
	}
	if f := s.encryptionFault(err); f != nil {
		return f
	}
	if isTimeout(s.wire.failure()) {
		return &Fault{Reason: Down, Text: fmt.Sprintf("%s took the connection but did not answer within %s. Ask the database administrator whether SQL Server runs there and answers on this port.", s.place(), DialTime)}
	}
	if s.settings.login() == LoginWindows && s.wire.failure() == nil {
		return &Fault{Reason: Login, Text: fmt.Sprintf("Windows sign-on to %s failed before the server decided. Check domain, user and password, and that this computer can reach a domain controller.", s.place())}
	}
	return &Fault{Reason: Down, Text: fmt.Sprintf("%s took the connection and then broke it off, or did not answer as SQL Server does. Check host and port, and ask the database administrator whether SQL Server runs there.", s.place())}
}

// unreached says why there was no TCP connection.
func (s *Session) unreached(asked, answered bool) *Fault {
	failure := s.wire.failure()
	var dns *net.DNSError
	text := ""
	switch {
	case errors.As(failure, &dns):
		text = fmt.Sprintf("The name %s of the database server was not found. Check host, and that this computer's name service knows it.", s.settings.Host)
	case failure != nil && isTimeout(failure):
		text = fmt.Sprintf("%s did not answer within %s. Check host and port; ask the network's keeper whether a firewall lets this computer through to it.", s.place(), DialTime)
	case failure != nil:
		text = fmt.Sprintf("%s cannot be reached: nothing takes connections there. Ask the database administrator whether SQL Server runs, has TCP/IP switched on, and listens on this port.", s.place())
	case asked && answered:
		text = fmt.Sprintf("SQL Browser on %s answers, but knows no instance %s with TCP/IP. Check instance, or ask the database administrator for the port and give it as port instead.", s.settings.Host, s.settings.Instance)
	default:
		text = fmt.Sprintf("SQL Browser on %s (UDP port 1434), which knows where instance %s listens, does not answer. Ask the database administrator to start it and to open the port, or for the instance's TCP port and give it as port in place of instance.", s.settings.Host, s.settings.Instance)
	}
	return &Fault{Reason: Down, Text: text}
}

// encryptionFault is about errors of agreeing on TLS; nil when err is none. The
// driver has only texts for them.
func (s *Session) encryptionFault(err error) *Fault {
	text := err.Error()
	said := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	}
	out := &Fault{Reason: Encryption}
	handshake := said("TLS Handshake failed")
	switch {
	case said("server does not support encryption", "encrypt negotiation failed"):
		out.Text = fmt.Sprintf("%s offers no encryption, so nothing was sent to it. Ask the database administrator to give SQL Server a certificate. As a last resort, within a network that nobody else can listen to, set encryption to none.", s.place())
	case handshake && said("negative serial number", "failed to parse certificate"):
		return certificateFault("The certificate of %s has a form that is no longer accepted. Ask the database administrator to give SQL Server a new certificate.", s.place())
	case handshake && said("protocol version"):
		out.Text = fmt.Sprintf("%s knows only versions of TLS that are older than %s, so nothing was sent to it. Ask the database administrator to update SQL Server or Windows; until then tls_min: \"1.0\" lets it through, and old_ciphers: true if that is not enough.", s.place(), s.tlsMin())
	case handshake && said("handshake failure", "insufficient security", "unsupported cipher suite", "unconfigured cipher suite", "no mutual"):
		out.Text = fmt.Sprintf("%s and this agent have no way of encryption in common, so nothing was sent to it. Ask the database administrator to update SQL Server or Windows; until then old_ciphers: true lets an old server through, with tls_min: \"1.0\" if that is not enough.", s.place())
	case isTimeout(s.wire.failure()):
		return nil
	case handshake && s.settings.encryption() == EncryptNone:
		out.Text = fmt.Sprintf("%s demands encryption, which encryption: none rules out. Set encryption to required, with the server's certificate as certificate_file.", s.place())
	case s.settings.encryption() == EncryptStrict && s.wire.failure() != nil:
		out.Text = fmt.Sprintf("%s broke off at once, as a server does that does not know encryption: strict (SQL Server has it from 2022 on, where it is switched on). Set encryption to required.", s.place())
	case handshake:
		out.Text = fmt.Sprintf("%s broke off while encryption was being agreed, so nothing was sent to it. An old server does so: ask the database administrator to update SQL Server or Windows; until then try tls_min: \"1.0\" and old_ciphers: true. If it is not old, it may have been restarting.", s.place())
	default:
		return nil
	}
	return out
}

func (s *Session) tlsMin() string {
	if s.settings.TLSMin == "" {
		return "1.2"
	}
	return s.settings.TLSMin
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
