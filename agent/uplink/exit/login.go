package exit

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/go-ntlmssp"
)

// words are the schemes' names on the wire.
var words = map[Scheme]string{Basic: "Basic", NTLM: "NTLM", Kerberos: "Negotiate"}

// strongest is the order in which schemes are tried. One password is shown in
// one way only: what a proxy refused by NTLM it is not told in clear.
var strongest = []Scheme{Kerberos, NTLM, Basic}

// A login is one conversation with one proxy.
type login interface {
	// next is what to say, first without a challenge and then to what the proxy
	// answered; nil if there is nothing more to say.
	next(challenge []byte) ([]byte, error)
	// end forgets keys.
	end()
}

// usable are the schemes that the settings allow, that the proxy offers and for
// which there is an account. A proxy that names none is taken to want Basic.
func (w *Way) usable(h hop, offered []string) []Scheme {
	user, _ := w.account(h)
	var all []Scheme
	for _, s := range strongest {
		set := w.set.Login == "" || w.set.Login == LoginAuto || w.set.Login == string(s)
		named := slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, words[s]) }) || len(offered) == 0 && s == Basic
		if set && named && (user != "" || w.own(s)) {
			all = append(all, s)
		}
	}
	return all
}

// begin prepares a login. An error is a *Fault.
func (w *Way) begin(ctx context.Context, h hop, s Scheme) (login, error) {
	user, password := w.account(h)
	switch {
	case s == Basic:
		return &steps{first: []byte(user + ":" + password)}, nil
	case s == Kerberos:
		return w.beginKerberos(ctx, h)
	case user == "":
		return w.beginOwnNTLM(h)
	}
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return nil, err
	}
	return &steps{first: hello, then: func(challenge []byte) ([]byte, error) {
		return ntlmssp.NewAuthenticateMessage(challenge, user, password, nil)
	}}, nil
}

// refusedFor is how long a password that was refused is not shown again: domains
// lock an account after a few wrong ones within half an hour.
const refusedFor = 30 * time.Minute

// refusals are the logins by password that proxies refused lately.
type refusals struct {
	mu sync.Mutex
	at map[string]refusal // by proxy
}

type refusal struct {
	fault *Fault
	when  time.Time
}

// of is why a login is not tried again yet, nil if it may be.
func (r *refusals) of(h hop) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.at[h.String()]; ok && time.Since(last.when) < refusedFor {
		return last.fault
	}
	return nil
}

func (r *refusals) note(h hop, f *Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[string]refusal{}
	}
	r.at[h.String()] = refusal{f, time.Now()}
}

// steps is a login of one or two steps.
type steps struct {
	first []byte
	then  func(challenge []byte) ([]byte, error)
}

func (s *steps) next(challenge []byte) ([]byte, error) {
	if challenge == nil {
		return s.first, nil
	}
	then := s.then
	if s.then = nil; then == nil {
		return nil, nil
	}
	return then(challenge)
}

func (*steps) end() {}
