package fault

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"rollbridge/e2e/standin/tds"
)

// A Door is who may come through a Proxy, and how. What is nil is not offered;
// with nothing, everybody may.
type Door struct {
	Basic    *url.Userinfo
	NTLM     *url.Userinfo // the name is DOMAIN\name
	Kerberos *Realm        // whoever has a ticket of it for HTTP/localhost
	// Others are schemes offered that nobody can use.
	Others []string
	// Closes ends the connection after every refusal, as a load balancer does.
	Closes bool
}

// Lock changes who may come in.
func (p *Proxy) Lock(d Door) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.door = d
}

// Shown are the schemes by which somebody tried to come in, in order.
func (p *Proxy) Shown() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// enter says whether a request may pass, and answers it if not.
func (p *Proxy) enter(w http.ResponseWriter, r *http.Request) bool {
	p.mu.Lock()
	door := p.door
	scheme, token, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	if scheme != "" {
		p.shown = append(p.shown, scheme)
	}
	p.mu.Unlock()
	data, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		data = nil
	}
	offers := slices.Clone(door.Others)
	if door.Kerberos != nil {
		offers = append(offers, "Negotiate")
	}
	if door.NTLM != nil {
		offers = append(offers, "NTLM")
	}
	if door.Basic != nil {
		offers = append(offers, `Basic realm="school"`)
	}
	switch {
	case len(offers) == 0,
		scheme == "Basic" && door.Basic != nil && string(data) == plain(door.Basic),
		scheme == "Negotiate" && door.Kerberos != nil && door.Kerberos.admits(data):
		return true
	case scheme == "NTLM" && door.NTLM != nil:
		challenge, pass := p.ntlm(r.RemoteAddr, data, door.NTLM)
		if pass {
			return true
		}
		if challenge != nil {
			offers = []string{"NTLM " + base64.StdEncoding.EncodeToString(challenge)}
		}
	}
	for _, offer := range offers {
		w.Header().Add("Proxy-Authenticate", offer)
	}
	if door.Closes {
		w.Header().Set("Connection", "close")
	}
	p.refuse(w, http.StatusProxyAuthRequired)
	return false
}

// ntlm is one step of NTLM, which belongs to its connection.
func (p *Proxy) ntlm(from string, message []byte, user *url.Userinfo) (challenge []byte, pass bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, ok := p.challenges[from]; ok {
		delete(p.challenges, from)
		password, _ := user.Password()
		return nil, tds.NTLMProves(message, made, user.Username(), password)
	}
	challenge, made, err := tds.NTLMChallenge(message, "SCHULE")
	if err != nil {
		return nil, false
	}
	p.challenges[from] = made
	return challenge, false
}

func plain(u *url.Userinfo) string {
	password, _ := u.Password()
	return u.Username() + ":" + password
}

// admits verifies a Kerberos ticket as a proxy does, with the proxy's own key.
func (r *Realm) admits(token []byte) bool {
	var t spnego.SPNEGOToken
	if t.Unmarshal(token) != nil {
		return false
	}
	ok, _, status := spnego.SPNEGOService(r.proxy).AcceptSecContext(&t)
	return ok && status.Code == gssapi.StatusComplete
}
