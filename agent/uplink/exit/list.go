package exit

import (
	"net"
	"strings"

	"rollbridge/agent/uplink/pac"
)

// fromList completes a choice by what Windows keeps: proxies, and hosts that are
// reached without them.
func fromList(c choice, proxies, bypass, host string) choice {
	c.hops = listed(proxies)
	switch {
	case bypassed(bypass, host):
		c.why += " exempts the host"
		c.hops = []hop{direct}
	case len(c.hops) == 0:
		c.why += " names none for https"
		c.hops = []hop{direct}
	}
	return c
}

// listed reads a list of proxies as Windows keeps it ("proxy:8080", or
// "http=a:80;https=b:443"), for TLS. Nothing is nil.
func listed(list string) []hop {
	var hops []hop
	for _, part := range strings.FieldsFunc(list, apart) {
		kind, rest, found := strings.Cut(part, "=")
		if !found {
			rest = part
		} else if !strings.EqualFold(kind, "https") {
			continue
		}
		if !strings.Contains(rest, "://") {
			rest = "http://" + rest
		}
		if h, err := parseProxy(rest); err == nil {
			hops = append(hops, h)
		}
	}
	return hops
}

// bypassed says whether a list of exemptions as Windows keeps it ("<local>;*.school.local")
// names a host.
func bypassed(list, host string) bool {
	for _, part := range strings.FieldsFunc(list, apart) {
		if strings.EqualFold(part, "<local>") {
			if !strings.ContainsAny(host, ".:") {
				return true
			}
			continue
		}
		_, pattern, found := strings.Cut(part, "://")
		if !found {
			pattern = part
		}
		if name, _, err := net.SplitHostPort(pattern); err == nil {
			pattern = name
		}
		if pac.Match(pattern, host) {
			return true
		}
	}
	return false
}

func apart(r rune) bool { return r == ';' || r == ' ' || r == '\t' || r == '\n' || r == '\r' }
