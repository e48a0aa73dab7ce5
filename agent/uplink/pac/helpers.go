package pac

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dop251/goja"
)

// lookupTime bounds the look-up of one name.
const lookupTime = 2 * time.Second

// helpers are the functions that a script may call.
type helpers struct {
	script *Script
	ctx    context.Context
	vm     *goja.Runtime
	asked  int
	known  map[string][]netip.Addr
}

func (h *helpers) put() {
	for name, f := range map[string]any{
		"isPlainHostName":     func(host string) bool { return !strings.ContainsAny(host, ".:") },
		"dnsDomainIs":         dnsDomainIs,
		"localHostOrDomainIs": localHostOrDomainIs,
		"isResolvable":        func(host string) bool { return h.first(host).IsValid() },
		"isInNet":             h.isInNet,
		"dnsResolve":          func(host string) any { return text(h.first(host)) },
		"convert_addr":        convertAddr,
		"myIpAddress":         func() string { return ownAddress("udp4", "192.0.2.1:53", "127.0.0.1") },
		"dnsDomainLevels":     func(host string) int { return strings.Count(host, ".") },
		"shExpMatch":          func(s, pattern string) bool { return Match(pattern, s) },
		"weekdayRange":        h.timed(weekdayRange),
		"dateRange":           h.timed(dateRange),
		"timeRange":           h.timed(timeRange),
		"alert":               func(goja.FunctionCall) goja.Value { return goja.Undefined() },
		"isResolvableEx":      func(host string) bool { return len(h.resolve(host)) > 0 },
		"dnsResolveEx":        func(host string) string { return joined(h.resolve(host)) },
		"isInNetEx":           h.isInNetEx,
		"myIpAddressEx":       ownAddresses,
		"sortIpAddressList":   sortAddresses,
		"getClientVersion":    func() string { return "1.0" },
	} {
		// Set fails only for a global that is frozen, and none is yet.
		_ = h.vm.Set(name, f)
	}
}

func dnsDomainIs(host, domain string) bool {
	return strings.HasSuffix(strings.ToLower(host), strings.ToLower(domain))
}

func localHostOrDomainIs(host, whole string) bool {
	host, whole = strings.ToLower(host), strings.ToLower(whole)
	return host == whole || !strings.Contains(host, ".") && strings.HasPrefix(whole, host+".")
}

// resolve looks a name up, each only once.
func (h *helpers) resolve(host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}
	}
	key := strings.ToLower(host)
	if found, ok := h.known[key]; ok || host == "" {
		return found
	}
	if h.asked++; h.asked > maxLookups {
		h.vm.Interrupt(ErrNames)
		return nil
	}
	ctx, cancel := context.WithTimeout(h.ctx, lookupTime)
	defer cancel()
	found, err := h.script.lookup(ctx, "ip", host)
	if err != nil {
		found = nil
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	h.known[key] = found
	return found
}

// first is the first IPv4 address of a host, which is all that the old
// functions know.
func (h *helpers) first(host string) netip.Addr {
	for _, a := range h.resolve(host) {
		if a.Is4() {
			return a
		}
	}
	return netip.Addr{}
}

func text(a netip.Addr) any {
	if !a.IsValid() {
		return nil
	}
	return a.String()
}

func (h *helpers) isInNet(host, pattern, mask string) bool {
	a, p, m := h.first(host), ipv4(pattern), ipv4(mask)
	return a.IsValid() && p != nil && m != nil && net.IP(a.AsSlice()).Mask(net.IPMask(m)).Equal(p.Mask(net.IPMask(m)))
}

func ipv4(s string) net.IP { return net.ParseIP(s).To4() }

func (h *helpers) isInNetEx(host, prefix string) bool {
	p, err := netip.ParsePrefix(prefix)
	return err == nil && slices.ContainsFunc(h.resolve(host), p.Contains)
}

func convertAddr(s string) uint32 {
	ip := ipv4(s)
	if ip == nil {
		return 0
	}
	return binary.BigEndian.Uint32(ip)
}

// ownAddress is the address that packets to the outside leave from: joining a
// UDP socket asks the routing table and sends nothing.
func ownAddress(network, outside, otherwise string) string {
	conn, err := net.Dial(network, outside)
	if err != nil {
		return otherwise
	}
	defer conn.Close()
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return a.IP.String()
	}
	return otherwise
}

func ownAddresses() string {
	var all []string
	for network, outside := range map[string]string{"udp4": "192.0.2.1:53", "udp6": "[2001:db8::1]:53"} {
		if a := ownAddress(network, outside, ""); a != "" {
			all = append(all, a)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ";")
}

func joined(all []netip.Addr) string {
	var texts []string
	for _, a := range all {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ";")
}

// sortAddresses puts IPv6 first, each by value; a list that is none is false.
func sortAddresses(list string) any {
	var all []netip.Addr
	for part := range strings.SplitSeq(list, ";") {
		a, err := netip.ParseAddr(strings.TrimSpace(part))
		if err != nil {
			return false
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b netip.Addr) int {
		if a.Is4() != b.Is4() {
			return b.BitLen() - a.BitLen()
		}
		return a.Compare(b)
	})
	return joined(all)
}

// Match says whether s is what a pattern with * and ? means, in whatever case.
func Match(pattern, s string) bool {
	p, t := []rune(strings.ToLower(pattern)), []rune(strings.ToLower(s))
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
