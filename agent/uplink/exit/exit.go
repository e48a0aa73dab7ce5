package exit

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Settings are what a school says about its way out (uplink.* in agent.yaml).
type Settings struct {
	// Proxy is http://[user:password@]host:port; "none" or "direct" mean none
	// whatever else says; empty asks the other sources.
	Proxy string `json:"proxy,omitempty"`
	// PAC is the path or the address of a script that names the proxy.
	PAC string `json:"pac,omitempty"`
	// Login is auto (or empty), basic, ntlm, kerberos or none.
	Login string `json:"login,omitempty"`
	// User and Password log in to the proxy where Proxy names nobody: name,
	// DOMAIN\name or name@REALM.
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Keytab is a file with the Kerberos key of User.
	Keytab string `json:"keytab,omitempty"`
	// CAFile names a PEM file of certificates that are trusted besides the
	// system's.
	CAFile string `json:"ca_file,omitempty"`
}

// The values of Settings.Login besides the schemes.
const (
	LoginAuto = "auto"
	LoginNone = "none"
)

// logins are the values of Settings.Login.
var logins = []string{"", LoginAuto, string(Basic), string(NTLM), string(Kerberos), LoginNone}

// Check refuses settings that cannot work, all at once. It opens nothing and
// repeats no secret.
func (s Settings) Check() error {
	var faults []error
	check := func(ok bool, text string) {
		if !ok {
			faults = append(faults, errors.New(text))
		}
	}
	if !s.straight() && s.Proxy != "" {
		_, err := parseProxy(s.Proxy)
		check(err == nil, "uplink.proxy must be http://host:port, or http://user:password@host:port with special characters percent-encoded, or none")
	}
	check(s.PAC == "" || s.scriptURL() != nil || filepath.IsAbs(s.PAC), "uplink.pac must be the full path of a script, or its address as http://host/path or https://host/path without a password")
	check(s.Proxy == "" || s.PAC == "" || s.straight(), "uplink.proxy and uplink.pac are both set: leave one of them empty")
	check(slices.Contains(logins, s.Login), "uplink.proxy_login must be auto, basic, ntlm, kerberos or none")
	check(!strings.ContainsAny(s.User, ":\r\n"), "uplink.proxy_user must not contain a colon")
	check(s.Password == "" || s.User != "", "uplink.proxy_password is set without uplink.proxy_user")
	check(s.Keytab == "" || s.User != "", "uplink.proxy_keytab needs uplink.proxy_user, as name@REALM")
	check(s.Keytab == "" || filepath.IsAbs(s.Keytab), "uplink.proxy_keytab must be a full path")
	check(s.Keytab == "" || keytabs, "uplink.proxy_keytab is not used on Windows: run the service as an account of the domain, or give uplink.proxy_user and uplink.proxy_password")
	return errors.Join(faults...)
}

// straight says whether the settings want no proxy.
func (s Settings) straight() bool { return s.Proxy == "none" || s.Proxy == "direct" }

// scriptURL is the address of the script, nil if it is a file.
func (s Settings) scriptURL() *url.URL {
	u, err := url.Parse(s.PAC)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil
	}
	return u
}

// A Way finds the way out for each address. It may be used concurrently.
type Way struct {
	set     Settings
	roots   *x509.CertPool
	script  *script // nil: none is set
	windows windows
	refused refusals
}

// New checks the settings; it opens nothing. Roots are the certificates that a
// proxy spoken to by TLS and the server of a script are known by; nil means the
// system's.
func New(set Settings, roots *x509.CertPool) (*Way, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	w := &Way{set: set, roots: roots}
	if set.PAC != "" && set.Proxy == "" {
		w.script = newScript(set, roots)
	}
	return w, nil
}

// A hop is one way to go: straight, or to a proxy.
type hop struct {
	scheme  string // "direct", "http", "https", "socks5", or one that is not spoken
	address string // host:port
	user    *url.Userinfo
}

var direct = hop{scheme: "direct"}

var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080"}

// parseProxy reads a proxy's URL. The error does not repeat it.
func parseProxy(text string) (hop, error) {
	u, err := url.Parse(text)
	if err != nil || proxyPorts[u.Scheme] == "" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return hop{}, errors.New("not the address of a proxy")
	}
	return hopOf(u), nil
}

func hopOf(u *url.URL) hop {
	scheme := u.Scheme
	if scheme == "socks5h" {
		scheme = "socks5"
	}
	port := u.Port()
	if port == "" {
		port = proxyPorts[scheme]
	}
	return hop{scheme: scheme, address: net.JoinHostPort(u.Hostname(), port), user: u.User}
}

// String is the proxy without credentials.
func (h hop) String() string {
	if h.scheme == direct.scheme {
		return ""
	}
	return fmt.Sprintf("%s://%s", h.scheme, h.address)
}

func (h hop) host() string {
	host, _, err := net.SplitHostPort(h.address)
	if err != nil {
		return h.address
	}
	return host
}
