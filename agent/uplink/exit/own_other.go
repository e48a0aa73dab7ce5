//go:build !windows

package exit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

// keytabs says whether Kerberos keys can be given as a file.
const keytabs = true

// windows has settings of its own only on Windows.
type windows struct{}

func (windows) ask(context.Context, string) (choice, bool, error) { return choice{}, false, nil }

// own says whether a login can be made without a name: by a ticket that the
// account of the agent already has.
func (*Way) own(s Scheme) bool {
	if s != Kerberos {
		return false
	}
	_, err := os.Stat(ticketCache())
	return err == nil
}

func (*Way) beginOwnNTLM(h hop) (login, error) {
	return nil, &Fault{Kind: LoginWanted, Text: fmt.Sprintf("the proxy %s wants a login by NTLM", h), Hint: "set uplink.proxy_user and uplink.proxy_password"}
}

// ticketCache and krbConfig are where Kerberos keeps them on this system.
func ticketCache() string {
	if name := os.Getenv("KRB5CCNAME"); name != "" {
		return strings.TrimPrefix(name, "FILE:")
	}
	return fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid())
}

func krbConfig() (*config.Config, error) {
	file := os.Getenv("KRB5_CONFIG")
	if file == "" {
		file = "/etc/krb5.conf"
	}
	c := config.New()
	if _, err := os.Stat(file); err == nil {
		var partly config.UnsupportedDirective
		if c, err = config.Load(file); err != nil && !errors.As(err, &partly) {
			return nil, fmt.Errorf("%s cannot be read", file)
		}
	}
	// A domain that the file does not place is found in the DNS, as Windows' are.
	c.LibDefaults.DNSLookupKDC = true
	return c, nil
}

// beginKerberos gets a ticket for the proxy. The library takes no context: it
// is left to its own limits (5 s for each answer) when ctx ends.
func (w *Way) beginKerberos(ctx context.Context, h hop) (login, error) {
	type result struct {
		token []byte
		err   error
	}
	done := make(chan result, 1)
	go func() {
		token, err := w.ticket(h)
		done <- result{token, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, r.err
		}
		return &steps{first: r.token}, nil
	case <-ctx.Done():
		return nil, noTicket(h, "no domain controller answered in time", nil)
	}
}

func (w *Way) ticket(h hop) (token []byte, err error) {
	defer func() {
		// The library reads files and answers that are cut off beyond their end.
		if r := recover(); r != nil {
			token, err = nil, noTicket(h, "the cache of tickets, the keytab or the domain's answer is damaged", nil)
		}
	}()
	if net.ParseIP(h.host()) != nil {
		return nil, noTicket(h, "Kerberos knows proxies by name, and this one is given as a number", nil)
	}
	c, why, err := w.kerberosClient(h)
	if err != nil {
		return nil, noTicket(h, why, err)
	}
	defer c.Destroy()
	if err := c.AffirmLogin(); err != nil {
		return nil, w.unticketed(h, err)
	}
	first, err := spnego.SPNEGOClient(c, "HTTP/"+strings.ToLower(h.host())).InitSecContext()
	if err != nil {
		return nil, w.unticketed(h, err)
	}
	token, err = first.Marshal()
	if err != nil {
		return nil, noTicket(h, "the ticket cannot be used", err)
	}
	return token, nil
}

// kerberosClient is set up with the key, the password or the tickets that there
// are; why words an error.
func (w *Way) kerberosClient(h hop) (c *client.Client, why string, err error) {
	conf, err := krbConfig()
	if err != nil {
		return nil, err.Error(), err
	}
	user, password := w.account(h)
	if user == "" {
		cache, err := credentials.LoadCCache(ticketCache())
		if err != nil {
			return nil, "the cache of tickets cannot be read", err
		}
		c, err = client.NewFromCCache(cache, conf)
		return c, "the cache of tickets holds none to begin with", err
	}
	name, realm := principal(user, conf.LibDefaults.DefaultRealm)
	if realm == "" {
		return nil, "the realm is not known", errors.New("no realm")
	}
	// FAST is asked for in a form that Active Directory does not answer.
	plain := client.DisablePAFXFAST(true)
	if w.set.Keytab == "" || h.user != nil {
		return client.NewWithPassword(name, realm, password, conf, plain), "", nil
	}
	keys, err := keytab.Load(w.set.Keytab)
	if err != nil {
		return nil, "uplink.proxy_keytab cannot be read", err
	}
	return client.NewWithKeytab(name, realm, keys, conf, plain), "", nil
}

// principal splits name@REALM and DOMAIN\name. A domain without a dot is
// Windows' short name, which is no realm.
func principal(user, otherwise string) (name, realm string) {
	if name, realm, found := strings.Cut(user, "@"); found {
		return name, strings.ToUpper(realm)
	}
	domain, name, found := strings.Cut(user, `\`)
	switch {
	case !found:
		return user, otherwise
	case strings.Contains(domain, "."):
		return name, strings.ToUpper(domain)
	}
	return name, otherwise
}

func noTicket(h hop, why string, err error) *Fault {
	return &Fault{Kind: NoTicket, err: err, Text: fmt.Sprintf("there is no Kerberos ticket for the proxy %s: %s", h, why),
		Hint: "give uplink.proxy_user as name@REALM with uplink.proxy_password or uplink.proxy_keytab, or keep a ticket for the agent's account (kinit, k5start); /etc/krb5.conf names the realm"}
}

// unticketed words what the domain controllers said. The library gives their
// codes (RFC 4120, section 7.5.9) in text only.
func (w *Way) unticketed(h hop, err error) *Fault {
	says := func(code string) bool { return strings.Contains(err.Error(), code) }
	switch {
	case says("KDC_ERR_PREAUTH_FAILED"), says("KDC_ERR_C_PRINCIPAL_UNKNOWN"), says("KDC_ERR_CLIENT_REVOKED"), says("KDC_ERR_KEY_EXPIRED"):
		return &Fault{Kind: LoginRefused, err: err, Text: "the domain does not take the name and password, or key, for the proxy's login by Kerberos",
			Hint: "check uplink.proxy_user and uplink.proxy_password or uplink.proxy_keytab, and whether the account is locked or its password has run out"}
	case says("KRB_AP_ERR_SKEW"):
		f := noTicket(h, "this computer's clock and the domain's differ by more than five minutes", err)
		f.Hint = "set this computer's clock right"
		return f
	case says("KDC_ERR_S_PRINCIPAL_UNKNOWN"):
		f := noTicket(h, "the domain does not know it as HTTP/"+strings.ToLower(h.host()), err)
		f.Hint = "name the proxy as the domain knows it (its full name), or ask for that service principal name to be added to its account"
		return f
	case says("no valid existing session"):
		return noTicket(h, "those in the cache have run out", err)
	case says("no KDCs defined"), says("no KDC SRV records"), says("any defined KDCs"), says("no such host"):
		return noTicket(h, "no domain controller is named for the realm, in krb5.conf or in the DNS", err)
	case says("matching key not found"):
		return noTicket(h, "uplink.proxy_keytab has no key for uplink.proxy_user", err)
	}
	return noTicket(h, "the domain controllers do not answer, or refuse", err)
}
