package exit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"rollbridge/agent/refused"
)

// A Kind says why there is no way out.
type Kind string

// The kinds.
const (
	LoginWanted  Kind = "proxy_login"    // the proxy wants a login, and none that it takes is set
	LoginRefused Kind = "proxy_password" // the proxy does not take the login
	LoginBroken  Kind = "proxy_closes"   // the proxy ends the connection in the middle of the login
	NoTicket     Kind = "proxy_ticket"   // no Kerberos ticket for the proxy could be had
	Refused      Kind = "proxy_refused"  // the proxy does not let the agent through
	Unavailable  Kind = "unavailable"    // the proxy does not reach the other end
	Down         Kind = "proxy_down"     // the proxy itself is not reached
	BadScript    Kind = "pac"            // the script that names the proxy is not read, or is wrong
)

// A Fault is why there is no way out, in words for the person who can do
// something about it. It holds no credentials.
type Fault struct {
	Kind Kind
	// Text says what happened, Hint what to do.
	Text, Hint string
	err        error
}

// Error is text and hint.
func (f *Fault) Error() string { return f.Text + "; " + f.Hint }

// Unwrap is the error below, if there is one.
func (f *Fault) Unwrap() error { return f.err }

// Passing says whether another proxy, or a later try, may do better. A proxy that
// refuses has decided, and a login that failed must not be tried elsewhere: a
// few more of them lock the account.
func (f *Fault) Passing() bool { return f.Kind == Down || f.Kind == Unavailable }

// down says that the proxy itself is not reached.
func (h hop) down(err error) *Fault {
	var (
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		record  tls.RecordHeaderError
		timeout net.Error
	)
	f := &Fault{Kind: Down, err: err, Hint: "check its name and port with whoever looks after the school's proxy, and correct uplink.proxy or whatever else names it"}
	switch {
	case errors.As(err, &dns):
		f.Text = fmt.Sprintf("the name of the proxy %s is not found", h)
	case errors.As(err, &unknown):
		f.Text = fmt.Sprintf("the certificate of the proxy %s is not trusted by this computer", h)
		f.Hint = "give the certificate of its authority in uplink.ca_file"
	case errors.As(err, &cert):
		f.Text = fmt.Sprintf("the certificate of the proxy %s is not good for it", h)
	case errors.As(err, &record):
		f.Text = fmt.Sprintf("the proxy %s does not speak TLS", h)
		f.Hint = "its address should begin with http:// instead of https://"
	case refused.Connection(err):
		f.Text = fmt.Sprintf("nothing listens at the proxy %s", h)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		f.Text = fmt.Sprintf("the proxy %s did not answer in time", h)
	default:
		f.Text = fmt.Sprintf("the proxy %s could not be reached, or broke off", h)
	}
	return f
}

// refusal words a proxy's answer that is neither a tunnel nor the wish for a
// login.
func (t *talk) refusal(status int) *Fault {
	if status >= http.StatusInternalServerError {
		return &Fault{Kind: Unavailable, Text: fmt.Sprintf("the proxy %s does not reach %s (HTTP %d)", t.hop, t.target, status), Hint: "it is tried again; nothing is lost"}
	}
	return &Fault{Kind: Refused, Text: fmt.Sprintf("the proxy %s does not let this computer through (the proxy answered HTTP %d)", t.hop, status),
		Hint: fmt.Sprintf("ask for %s to be allowed", t.target)}
}

// wanted says that the proxy asks for a login and none can be made.
func (t *talk) wanted(offered []string) *Fault {
	takes := "it does not say which"
	if len(offered) > 0 {
		takes = "it takes " + strings.Join(offered, ", ")
	}
	f := &Fault{Kind: LoginWanted, Text: fmt.Sprintf("the proxy %s asks for a name and a password (407; %s)", t.hop, takes)}
	exempt := fmt.Sprintf("ask for %s to be exempted from signing in", t.host())
	user, _ := t.way.account(t.hop)
	switch login := t.way.set.Login; {
	case login == LoginNone:
		f.Hint = "uplink.proxy_login is none: change it, or " + exempt
	case login != "" && login != LoginAuto:
		f.Hint = fmt.Sprintf("uplink.proxy_login is %s: set it to auto, check uplink.proxy_user, or %s", login, exempt)
	case user == "":
		f.Hint = "set uplink.proxy_user and uplink.proxy_password, or " + exempt
	default:
		f.Hint = "this program logs in by Basic, NTLM and Kerberos: " + exempt
	}
	return f
}

func (t *talk) refused(s Scheme) *Fault {
	f := &Fault{Kind: LoginRefused, Text: fmt.Sprintf("the proxy %s does not take the login (407 after %s)", t.hop, s)}
	if user, _ := t.way.account(t.hop); user == "" {
		f.Hint = fmt.Sprintf("ask for the account that the agent runs as to be let through, or for %s to be exempted from signing in", t.host())
	} else {
		f.Hint = "check name and password in uplink.proxy_user and uplink.proxy_password, or in the proxy's address, and whether the account is locked; the service shows them again after half an hour, so as not to lock it"
	}
	return f
}

func (t *talk) broken(s Scheme, err error) *Fault {
	return &Fault{Kind: LoginBroken, err: err, Text: fmt.Sprintf("the proxy %s ends the connection between the steps of the login by %s", t.hop, s),
		Hint: fmt.Sprintf("something in front of the proxy may do so: ask for connections to be kept, for %s to be exempted from signing in, or set uplink.proxy_login to another way", t.host())}
}

// puzzled says that what the proxy answered to a login is not understood.
func (t *talk) puzzled(s Scheme, err error) error {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault
	}
	return &Fault{Kind: LoginBroken, err: err, Text: fmt.Sprintf("what the proxy %s answers to a login by %s is not understood", t.hop, s),
		Hint: fmt.Sprintf("set uplink.proxy_login to another way, or ask for %s to be exempted from signing in", t.host())}
}
