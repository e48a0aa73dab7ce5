package pac

import (
	"fmt"
	"net"
	"strings"
)

// A Way is one of the ways in an answer.
type Way struct {
	// Scheme is direct, http, https, socks5 or socks4.
	Scheme string
	// Address is host:port; empty if direct.
	Address string
}

// schemes are the words of an answer and the ports that they have by themselves.
var schemes = map[string]struct{ scheme, port string }{
	"PROXY": {"http", "80"}, "HTTP": {"http", "80"}, "HTTPS": {"https", "443"},
	"SOCKS": {"socks4", "1080"}, "SOCKS4": {"socks4", "1080"}, "SOCKS5": {"socks5", "1080"},
}

// Read reads an answer such as "PROXY proxy:8080; DIRECT". An empty one is
// direct. Errors do not repeat it.
func Read(answer string) ([]Way, error) {
	if strings.TrimSpace(answer) == "" {
		return []Way{{Scheme: "direct"}}, nil
	}
	var ways []Way
	for i, part := range strings.Split(answer, ";") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		if strings.EqualFold(words[0], "DIRECT") && len(words) == 1 {
			ways = append(ways, Way{Scheme: "direct"})
			continue
		}
		s, known := schemes[strings.ToUpper(words[0])]
		address, ok := "", false
		if known && len(words) == 2 {
			address, ok = withPort(words[1], s.port)
		}
		if !ok {
			return nil, fmt.Errorf("part %d of its answer is not understood: it must be DIRECT, or PROXY, HTTPS or SOCKS5 with host:port", i+1)
		}
		ways = append(ways, Way{Scheme: s.scheme, Address: address})
	}
	if len(ways) == 0 {
		return nil, fmt.Errorf("its answer names no way")
	}
	return ways, nil
}

func withPort(address, port string) (string, bool) {
	if strings.ContainsAny(address, "/@") {
		return "", false
	}
	if host, p, err := net.SplitHostPort(address); err == nil {
		return net.JoinHostPort(host, p), host != "" && p != ""
	}
	host := strings.Trim(address, "[]")
	if strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", false
	}
	return net.JoinHostPort(host, port), host != ""
}
