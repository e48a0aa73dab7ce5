package exit

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"rollbridge/agent/uplink/pac"
)

// A choice is which hops lead to an address, and what decided it.
type choice struct {
	source Source
	why    string
	hops   []hop
}

// choose asks the sources in their order; the first that says anything decides.
func (w *Way) choose(ctx context.Context, address string) (choice, error) {
	switch {
	case w.set.straight():
		return choice{FromSetting, "uplink.proxy: " + w.set.Proxy, []hop{direct}}, nil
	case w.set.Proxy != "":
		h, err := parseProxy(w.set.Proxy)
		return choice{FromSetting, "uplink.proxy", []hop{h}}, err
	case w.script != nil:
		hops, err := w.script.ask(ctx, address)
		return choice{FromPAC, fmt.Sprintf("the script %s (uplink.pac)", w.script.name), hops}, err
	}
	if c, found, err := fromEnvironment(address); found || err != nil {
		return c, err
	}
	if c, found, err := w.windows.ask(ctx, address); found || err != nil {
		return c, err
	}
	return choice{FromNothing, "no setting, no variable and no system names a proxy", []hop{direct}}, nil
}

func fromEnvironment(address string) (choice, bool, error) {
	env := httpproxy.FromEnvironment()
	if env.HTTPSProxy == "" {
		return choice{}, false, nil
	}
	c := choice{FromEnvironment, "HTTPS_PROXY of the environment", nil}
	u, err := env.ProxyFunc()(&url.URL{Scheme: "https", Host: address})
	switch {
	case err != nil, u != nil && proxyPorts[hopOf(u).scheme] == "", u != nil && u.Hostname() == "":
		return c, true, &Fault{Kind: Down, Text: "the proxy that the environment names is not a web address", Hint: "correct HTTPS_PROXY, or set uplink.proxy"}
	case u == nil && loopback(address):
		c.why, c.hops = "this computer itself is reached without the proxy of the environment", []hop{direct}
	case u == nil:
		c.why, c.hops = "NO_PROXY of the environment exempts the host", []hop{direct}
	default:
		c.hops = []hop{hopOf(u)}
	}
	return c, true, nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func hopsOf(ways []pac.Way) []hop {
	var hops []hop
	for _, w := range ways {
		hops = append(hops, hop{scheme: w.Scheme, address: w.Address})
	}
	return hops
}
