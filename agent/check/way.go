package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/school"
	"rollbridge/agent/uplink"
	"rollbridge/agent/uplink/exit"
)

// How long a check waits for each part of the way. A line that needs longer is
// too slow for anybody who waits at a keyboard; the agent itself waits longer.
const (
	nameTime  = 5 * time.Second
	leaveTime = 10 * time.Second
	tlsTime   = 12 * time.Second
	askTime   = 45 * time.Second
)

// network are the things on the way to the collector.
var network = []ID{Proxy, Name, Route, TLS, Collector, Clock}

// asking asks the collector one signed question.
type asking func(context.Context) (uplink.Heard, error)

// A walk goes the way to a collector, step by step; what depends on a step that
// failed is not tried.
type walk struct {
	way     school.Way
	ask     asking
	host    string // of the collector
	address string // host:port of it
	lines   []Line
	why     string // the way ends here, because …
	seen    uplink.Sight
}

// toCollector looks at everything on the way.
func toCollector(ctx context.Context, way school.Way, ask asking) []Line {
	u, err := url.Parse(way.Route.URL)
	if err != nil {
		return Skip("the collector's address is not one", network...)
	}
	w := &walk{way: way, ask: ask, host: u.Hostname(), address: u.Host}
	w.leave(ctx)
	w.secure(ctx)
	w.question(ctx)
	return w.lines
}

func (w *walk) add(lines ...Line) { w.lines = append(w.lines, lines...) }

// end adds a line after which nothing more can be tried, because of why.
func (w *walk) end(why string, l Line) {
	w.add(l)
	w.why = why
}

// leave goes to the collector's door: by which proxy, to which name, over which
// connection.
func (w *walk) leave(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	report, err := uplink.Proxies(limited, w.way.Route)
	fault, _ := errors.AsType[*uplink.Fault](err)
	switch hop := chosen(report); {
	case err != nil && fault == nil:
		w.wrongSettings(err)
	case fault != nil && fault.Kind == uplink.ProxyScript:
		w.end("the proxy is not known", say(Proxy, Wrong, "%s%s", sentence(fault.Text), because(report)).do(fault.Hint))
		w.add(Skip(w.why, Name, Route)...)
	case hop.Proxy == "":
		w.add(say(Proxy, Good, "No proxy is used%s", because(report)))
		w.straight(ctx, fault)
	default:
		w.through(ctx, hop, because(report), fault)
	}
}

// wrongSettings says which setting keeps the agent from trying at all.
func (w *walk) wrongSettings(err error) {
	why := "the settings of the uplink cannot be used"
	if strings.Contains(err.Error(), "ca_file") {
		w.add(Skip(why, Proxy, Name, Route)...)
		w.end(why, say(TLS, Wrong, "%s", sentence(err.Error())))
		return
	}
	w.end(why, say(Proxy, Wrong, "%s", sentence(err.Error())))
	w.add(Skip(why, Name, Route)...)
}

func because(r exit.Report) string {
	if r.Why == "" {
		return ""
	}
	return " (" + r.Why + ")"
}

// chosen is the hop that was taken, or the last that was tried.
func chosen(r exit.Report) exit.Hop {
	var last exit.Hop
	for _, h := range r.Hops {
		if !h.Tried {
			continue
		}
		if last = h; h.Fault == nil {
			return h
		}
	}
	return last
}

// straight says how the connection to the collector itself went.
func (w *walk) straight(ctx context.Context, fault *uplink.Fault) {
	if !w.lookUp(ctx, w.host, "the collector") {
		w.add(untried(Route, w.why))
		return
	}
	const why = "the collector cannot be reached"
	switch {
	case fault == nil:
		w.add(say(Route, Good, "%s takes connections", w.address))
	case fault.Kind == uplink.NoListener:
		w.end(why, say(Route, Refused, "%s refused the connection: nothing listens there, or a firewall refuses for it", w.address).do(w.letOut()))
	case fault.Kind == uplink.NoAnswer:
		w.end(why, say(Route, Slow, "%s did not answer within %s: something on the way swallows the connection", w.address, leaveTime).do(w.letOut()))
	default:
		w.end(why, say(Route, Broken, "No connection to %s can be made: the network does not lead there", w.address).do(w.letOut()))
	}
}

func (w *walk) letOut() string {
	return fmt.Sprintf("have this computer let out to %s (TCP); the collector may also be restarting", w.address)
}

// proxyCauses are those of faults that a proxy is to blame for; it is down for
// all others.
var proxyCauses = map[uplink.FaultKind]Cause{
	uplink.ProxyLogin: "login", uplink.ProxySecret: "password", uplink.ProxyCloses: "login_broken",
	uplink.ProxyTicket: "ticket", uplink.ProxyRefused: Refused,
}

// through says how the way through a proxy went.
func (w *walk) through(ctx context.Context, hop exit.Hop, because string, fault *uplink.Fault) {
	u, err := url.Parse(hop.Proxy)
	if err != nil {
		w.wrongSettings(errors.New("the address of the proxy is not one"))
		return
	}
	good := say(Proxy, Good, "The way goes through the proxy %s%s", hop.Proxy, because)
	if hop.Login != "" {
		good.What += fmt.Sprintf(", which is signed in to by %s", hop.Login)
	}
	switch found := w.lookUp(ctx, u.Hostname(), "the proxy"); {
	case !found:
		w.add(Skip(w.why, Proxy, Route)...)
	case fault == nil:
		w.add(good, say(Route, Good, "The proxy opens the way to %s", w.address))
	case fault.Kind == uplink.Unavailable:
		w.add(good)
		w.end("the proxy does not reach the collector", say(Route, "behind_proxy", "%s", sentence(fault.Text)).do(w.letOut()))
	default:
		cause, why := proxyCauses[fault.Kind], "the proxy does not let the agent through"
		if cause == "" {
			cause, why = "down", "the proxy cannot be reached"
		}
		w.end(why, say(Proxy, cause, "%s%s", sentence(fault.Text), because).do(fault.Hint))
		w.add(untried(Route, why))
	}
}

// lookUp looks up a name that the way goes to.
func (w *walk) lookUp(ctx context.Context, host, whose string) bool {
	if net.ParseIP(host) != nil {
		w.add(say(Name, Good, "%s is an address: no name has to be looked up", host))
		return true
	}
	limited, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(limited, host)
	dns, _ := errors.AsType[*net.DNSError](err)
	why := "the name of " + whose + " is not found"
	switch {
	case err == nil:
		w.add(say(Name, Good, "%s is found", host).count(int64(len(found))))
		return true
	case dns != nil && dns.IsNotFound:
		w.end(why, say(Name, Missing, "The name %s of %s is not found", host, whose))
	default:
		w.end(why, say(Name, Slow, "The name server does not answer the question for %s", host))
	}
	return false
}

// tlsCauses are those of faults that a look at the connection finds.
var tlsCauses = map[uplink.FaultKind]Cause{
	uplink.Untrusted: "untrusted", uplink.WrongClock: "dates", uplink.NotTLS: "none", uplink.NoAnswer: Slow,
}

// secure makes a secure connection and looks at who is at the other end.
func (w *walk) secure(ctx context.Context) {
	if w.why != "" {
		if !slices.ContainsFunc(w.lines, func(l Line) bool { return l.ID == TLS }) {
			w.add(untried(TLS, w.why))
		}
		return
	}
	const why = "no secure connection can be made"
	client, err := uplink.New(w.way.Route)
	if err != nil {
		w.end(why, say(TLS, Wrong, "%s", sentence(err.Error())))
		return
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(ctx, tlsTime)
	defer cancel()
	w.seen, err = client.Look(limited, w.way.Trust.LastHeard)
	fault, _ := errors.AsType[*uplink.Fault](err)
	switch {
	case err == nil:
		w.add(w.shown())
	case fault == nil || fault.Kind == uplink.NoAnswer:
		w.end(why, say(TLS, Slow, "%s took the connection, and no secure one could be made within %s", w.address, tlsTime))
	default:
		cause, known := tlsCauses[fault.Kind]
		if !known {
			cause = Broken
		}
		w.end(why, say(TLS, cause, "%s", sentence(fault.Text)).do(fault.Hint))
	}
}

// soon is how long before its end a certificate is worth a word: those of
// public authorities are renewed weeks before.
const soon = 10 * 24 * time.Hour

// shown says what a good connection showed. Whether it is opened on the way is
// known only when the collector has answered.
func (w *walk) shown() Line {
	switch left := w.seen.Ends.Sub(now()); {
	case w.seen.Pinned:
		return say(TLS, Good, "The connection is secure: the collector showed the key that the enrolment code names")
	case left < soon && left > 0:
		return say(TLS, "ends_soon", "The certificate of %s, issued by %s, ends in %s", w.host, w.seen.Issuer, span(left)).count(int64(left / time.Second))
	}
	return say(TLS, Good, "The connection is secure: the certificate of %s is issued by %s, which this computer trusts", w.host, w.seen.Issuer)
}
