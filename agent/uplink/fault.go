package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"rollbridge/agent/refused"

	"rollbridge/agent/uplink/exit"
)

// A FaultKind says why an attempt proved nothing; the list is closed.
type FaultKind string

// The faults.
const (
	NoName       FaultKind = "dns"                        // the host's name is not found
	NoAnswer     FaultKind = "timeout"                    // nothing, or not all, came in time
	NoListener   FaultKind = "refused"                    // nobody listens there
	Broken       FaultKind = "broken"                     // the connection broke
	ProxyLogin             = FaultKind(exit.LoginWanted)  // the proxy wants a login, and none that it takes is set
	ProxySecret            = FaultKind(exit.LoginRefused) // the proxy does not take the login
	ProxyCloses            = FaultKind(exit.LoginBroken)  // the proxy ends the connection in the middle of the login
	ProxyTicket            = FaultKind(exit.NoTicket)     // no Kerberos ticket for the proxy could be had
	ProxyRefused           = FaultKind(exit.Refused)      // the proxy does not let the agent through
	ProxyDown              = FaultKind(exit.Down)         // the proxy itself is not reached
	ProxyScript            = FaultKind(exit.BadScript)    // the script that names the proxy is not read, or is wrong
	Untrusted    FaultKind = "untrusted"                  // the certificate is not trusted
	WrongClock   FaultKind = "clock"                      // the certificate is not valid at the time of this computer
	NotTLS       FaultKind = "not_tls"                    // something answers, without TLS
	NotCollector FaultKind = "not_collector"              // an answer came from something else
	Unavailable  FaultKind = "unavailable"                // the collector, or something before it, is out of order
)

// A Fault is why the collector could not be reached, in words for the person
// who can do something about it. Nothing is lost by it: the same message can
// be posted again.
type Fault struct {
	Kind FaultKind
	// Text says what happened, Hint what to do.
	Text string
	Hint string
	err  error
}

// Error is text and hint.
func (f *Fault) Error() string {
	if f.Hint == "" {
		return f.Text
	}
	return f.Text + "; " + f.Hint
}

// Unwrap is the error below, if there is one.
func (f *Fault) Unwrap() error { return f.err }

// fault words a fault; the detail is put in brackets.
func (c *Client) fault(k FaultKind, err error, detail string, args ...any) *Fault {
	f := wording(k, c.base.Host, c.base.Hostname())
	f.err = err
	if detail != "" {
		f.Text += " (" + fmt.Sprintf(detail, args...) + ")"
	}
	return f
}

func wording(k FaultKind, address, host string) *Fault {
	f := &Fault{Kind: k}
	switch k {
	case NoName:
		f.Text = fmt.Sprintf("the name %s is not found", host)
		f.Hint = "check this computer's DNS; if the school uses a proxy, set uplink.proxy"
	case NoAnswer:
		f.Text = fmt.Sprintf("%s did not answer in time", address)
		f.Hint = "check the network, and that the firewall lets this computer out to it"
	case NoListener:
		f.Text = fmt.Sprintf("%s refused the connection", address)
		f.Hint = "the collector may be restarting, or a firewall is in the way"
	case NotTLS:
		f.Text = fmt.Sprintf("%s answers, but without TLS", address)
		f.Hint = "check the port, and whether a proxy or web filter is in the way"
	case NotCollector:
		f.Text = "an answer came, but not from the collector"
		f.Hint = fmt.Sprintf("a web filter or proxy may have put a page of its own in the way: ask for %s to be exempted from filtering and inspection", host)
	case Unavailable:
		f.Text = fmt.Sprintf("the collector at %s, or something in front of it, is out of order", address)
		f.Hint = "it is tried again; nothing is lost"
	default:
		f.Kind, f.Text = Broken, fmt.Sprintf("the connection to %s broke", address)
		f.Hint = "it is tried again; nothing is lost"
	}
	return f
}

// explain turns what went wrong on the way into a Fault; a cancelled context
// stays what it is.
func (c *Client) explain(err error, lastHeard time.Time) error {
	var (
		ours    *Fault
		cert    *certError
		dns     *net.DNSError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		timeout net.Error
	)
	away, out := outFault(err)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &cert):
		return c.certFault(cert, lastHeard)
	case out:
		return away
	case errors.As(err, &dns):
		return c.fault(NoName, err, "")
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return c.fault(NotTLS, err, "")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return c.fault(NoAnswer, err, "")
	case refused.Connection(err):
		return c.fault(NoListener, err, "")
	case errors.As(err, &alert):
		return c.fault(Broken, err, "it ended while the secure connection was being made")
	}
	return c.fault(Broken, err, "")
}

// named gives a Fault that came from verifying its host.
func (c *Client) named(err error) error {
	var f *Fault
	if !errors.As(err, &f) {
		return err
	}
	return c.fault(f.Kind, f.err, "%s", f.Text)
}
