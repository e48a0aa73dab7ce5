package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"rollbridge/agent/refused"
)

// A FaultKind says what kind of thing went wrong, so that a caller can choose
// what to do next.
type FaultKind string

// The kinds.
const (
	Down    FaultKind = "down"     // not reached, broken off, too slow, or busy for too long
	Right   FaultKind = "right"    // the MIS refuses the sign-in, or what is asked
	Data    FaultKind = "data"     // an answer is not what it must be
	Setting FaultKind = "settings" // the settings of this agent, its proxy or its certificates cannot work
)

// A Fault is what went wrong between the agent and the MIS. It holds nothing of
// an answer, of a query or of a secret.
type Fault struct {
	Kind FaultKind
	// Text is sentences: what was asked, what was wrong, what to do.
	Text string
	// Status is the HTTP status; 0 when there was none.
	Status int
	// NoRows: the answer is whole and has not the list of rows, which is how some
	// interfaces refuse.
	NoRows bool
	// SignIn: the account itself is refused, and not only what it asked for.
	SignIn bool
}

// Error is the fault's sentences.
func (f *Fault) Error() string { return f.Text }

// A WayError says that the MIS was not reached because of the school's proxy.
type WayError struct {
	// Text is sentences: what was wrong, what to do.
	Text string
	// Passing says that it may be better soon.
	Passing bool
}

// Error is the text.
func (e *WayError) Error() string { return e.Text }

// dataFault words what an answer should not be.
func dataFault(text string, args ...any) *Fault {
	return &Fault{Kind: Data, Text: fmt.Sprintf(text, args...)}
}

// statusFault words an HTTP status that is no answer and will not pass.
func (c *call) statusFault(status int) *Fault {
	f := &Fault{Kind: Data, Status: status}
	switch {
	case c.bare && (status == http.StatusForbidden || status == http.StatusBadRequest): // RFC 6749, section 5.2
		return c.signInFault(status)
	case status == http.StatusForbidden:
		f.Kind = Right
		f.Text = fmt.Sprintf("The MIS does not let this account read %s (HTTP 403). Ask whoever looks after the MIS to give it the right.", c.what)
	case status == http.StatusProxyAuthRequired:
		f.Kind = Setting
		f.Text = "In place of the MIS, a proxy asks for a name and a password (HTTP 407). Set uplink.proxy and uplink.proxy_user, or ask for the address of the MIS to be exempted from signing in."
	case status == http.StatusNotFound || status == http.StatusGone:
		f.Text = fmt.Sprintf("The MIS does not know the address at which %s is asked for (HTTP %d). Check the address and the school's number in the settings, and whether the profile is for this version of the MIS.", c.what, status)
	case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity:
		f.Text = fmt.Sprintf("The MIS does not accept the request for %s (HTTP %d). Check the names in the settings, and whether the profile is for this version of the MIS.", c.what, status)
	case status >= 300 && status < 400:
		f.Text = fmt.Sprintf("The request for %s was sent on to another address (HTTP %d), which is not followed. Check the address of the MIS in the settings, and whether a login page or a web filter answers in its place.", c.what, status)
	case status >= 500:
		f.Kind = Down
		f.Text = fmt.Sprintf("The MIS, or something in front of it, is out of order (HTTP %d to the request for %s). It is asked again at the next read; nothing is lost.", status, c.what)
	default:
		f.Text = fmt.Sprintf("The MIS gave no answer that is understood to the request for %s (HTTP %d). Check whether the profile is for this version of the MIS.", c.what, status)
	}
	return f
}

// signInFault words a refused sign-in.
func (c *call) signInFault(status int) *Fault {
	f := &Fault{Kind: Right, Status: status, SignIn: true,
		Text: fmt.Sprintf("The MIS does not accept the sign-in to the request for %s (HTTP %d). Check the user name, the password or key of the account in the settings, and ask whoever looks after the MIS whether the account is still open and may read it.", c.what, status)}
	if c.renewed {
		f.Text = fmt.Sprintf("The MIS gave a new token and refuses it to the request for %s (HTTP %d). Ask whoever looks after the MIS whether the account may read it.", c.what, status)
	}
	return f
}

// downFault words the last of several tries.
func (c *call) downFault(last *againError) *Fault {
	f := &Fault{Kind: Down, Status: last.status}
	const later = "It is asked again at the next read; nothing is lost."
	switch {
	case last.after > maxWaiting:
		f.Text = fmt.Sprintf("The MIS is busy (HTTP %d to the request for %s) and asks to wait for longer than a read may take (%s). %s", last.status, c.what, last.after.Round(time.Second), later)
	case last.status == http.StatusTooManyRequests:
		f.Text = fmt.Sprintf("The MIS says that it is asked too often (HTTP 429 to the request for %s, tried %s). %s If this stays so, read less often, or ask whoever looks after the MIS for a higher limit.", c.what, times(c.tries), later)
	case last.status != 0:
		f.Text = fmt.Sprintf("The MIS, or something in front of it, is out of order (HTTP %d to the request for %s, tried %s). %s", last.status, c.what, times(c.tries), later)
	case errors.Is(last.err, errSlow):
		f.Text = fmt.Sprintf("The MIS at %s sends %s too slowly (under %d bytes in %s). Check the network. %s", c.host, c.what, slowBytes, slowWindow, later)
	case last.slow:
		f.Text = fmt.Sprintf("The MIS at %s did not finish the answer to the request for %s within %s. %s If this stays so, raise request_seconds, or ask for smaller pages in the profile.", c.host, c.what, c.session.set.RequestTime, later)
	default:
		text := c.transportFault(last.err).Text
		f.Text = fmt.Sprintf("%s The request for %s was tried %s. %s", text, c.what, times(c.tries), later)
	}
	return f
}

// finalFault words what trying again does not mend; nil for all else.
func (c *call) finalFault(err error) *Fault {
	var (
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		dns    *net.DNSError
		way    *WayError
	)
	switch {
	case errors.As(err, &way):
		if way.Passing {
			return nil
		}
		return &Fault{Kind: Setting, Text: way.Text}
	case errors.As(err, &cert):
		return c.certificateFault(cert)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return &Fault{Kind: Setting, Text: fmt.Sprintf("Something answers at %s, but without TLS. Check the address and the port, and whether a proxy or web filter is in the way.", c.host)}
	case errors.As(err, &dns) && dns.IsNotFound:
		return &Fault{Kind: Down, Text: fmt.Sprintf("The name of %s is not found. Check the address of the MIS in the settings, and this computer's DNS; if the school uses a proxy, give it in the settings.", c.host)}
	}
	return nil
}

func (c *call) certificateFault(err *tls.CertificateVerificationError) *Fault {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &Fault{Kind: Setting, Text: fmt.Sprintf("The certificate of %s is not valid today. Check the clock of this computer; if it is right, tell the supplier of the MIS.", c.host)}
	case errors.As(err, &name):
		return &Fault{Kind: Setting, Text: fmt.Sprintf("The certificate shown is not that of %s. Check the address of the MIS in the settings, and whether a web filter answers in its place; nothing was sent.", c.host)}
	}
	return &Fault{Kind: Setting, Text: fmt.Sprintf("This computer does not trust the certificate of %s; nothing was sent. If a web filter of the school opens secure connections, ask for the address to be exempted, or give the filter's certificate in uplink.ca_file.", c.host)}
}

// transportFault words an error of the connection.
func (c *call) transportFault(err error) *Fault {
	var way *WayError
	f := &Fault{Kind: Down}
	switch {
	case errors.As(err, &way):
		f.Text = way.Text
	case refused.Connection(err):
		f.Text = fmt.Sprintf("Nothing listens at %s: the MIS may be restarting, or a firewall is in the way.", c.host)
	case timedOut(err):
		f.Text = fmt.Sprintf("The MIS at %s did not answer in time: check the network, and that the firewall lets this computer out to it.", c.host)
	default:
		f.Text = fmt.Sprintf("The connection to the MIS at %s broke.", c.host)
	}
	return f
}

func timedOut(err error) bool {
	var t net.Error
	return errors.Is(err, errSlow) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
