package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Auth says how requests are signed in.
type Auth struct {
	// Kind is basic (User and Password of the settings), header or token.
	Kind string
	// Headers are sent with each request; with kind token, {token} in a value
	// stands for the token.
	Headers map[string]string
	// Token says where tokens come from; for kind token only.
	Token *Token
}

// The kinds of Auth.
const (
	AuthBasic  = "basic"
	AuthHeader = "header"
	AuthToken  = "token"
)

// A Token is asked for before the first request, when its life is nearly over,
// and once more when the MIS refuses it.
type Token struct {
	// URL is where it is posted for, with Form or else with JSON. It may be of
	// another host than the MIS.
	URL        string
	Form, JSON map[string]string
	// Read takes the token out of the answer, decoded as rows are; life 0 means
	// until it is refused. Its error is not shown: it could quote the answer.
	Read func(answer any) (token string, life time.Duration, err error)
}

// signing is an Auth that was checked, with the token of the session.
type signing struct {
	Auth
	kind           string
	user, password string
	source         *url.URL

	mu    sync.Mutex // held while a token is asked for
	token string
	until time.Time // zero: until it is refused
}

func newSigning(set Settings, auth Auth) (*signing, error) {
	a := &signing{Auth: auth, kind: auth.Kind, user: set.User, password: set.Password}
	for name, value := range auth.Headers {
		if !headerName(name) || !headerValue(value) {
			return nil, &Fault{Kind: Setting, Text: "A header of the sign-in cannot be sent: its name may hold letters, digits and hyphens, and its value no line break. Check the user name, the password or key in the settings, and the profile."}
		}
	}
	switch auth.Kind {
	case AuthBasic:
		if set.User == "" || strings.Contains(set.User, ":") {
			return nil, &Fault{Kind: Setting, Text: "The MIS asks for a user name, without a colon in it, and a password: give them in the settings."}
		}
	case AuthHeader:
		if len(auth.Headers) == 0 {
			return nil, &Fault{Kind: Setting, Text: "The profile signs in by headers and names none."}
		}
	case AuthToken:
		if auth.Token == nil || auth.Token.Read == nil {
			return nil, &Fault{Kind: Setting, Text: "The profile signs in by a token and does not say where it comes from."}
		}
		var err error
		if a.source, err = address("address that gives the token", auth.Token.URL); err != nil {
			return nil, err
		}
	default:
		return nil, &Fault{Kind: Setting, Text: fmt.Sprintf("The profile signs in by %q: it must be basic, header or token.", auth.Kind)}
	}
	return a, nil
}

func headerName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func headerValue(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// set signs the headers of one request.
func (a *signing) set(h http.Header, token string) {
	if a.kind == AuthBasic {
		r := http.Request{Header: h}
		r.SetBasicAuth(a.user, a.password)
	}
	for name, value := range a.Headers {
		if a.kind == AuthToken {
			value = strings.ReplaceAll(value, "{token}", token)
		}
		h.Set(name, value)
	}
}

// forget drops a token that was refused, unless it has been renewed since; ""
// stands for any.
func (a *signing) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if token == "" || token == a.token {
		a.token = ""
	}
}

// token is one that should still live, asked for if there is none; "" if the MIS
// wants none.
func (s *Session) token(ctx context.Context) (string, error) {
	a := s.auth
	if a.kind != AuthToken {
		return "", nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && (a.until.IsZero() || time.Now().Before(a.until)) {
		return a.token, nil
	}
	c := &call{session: s, ctx: ctx, what: "a token", bare: true, form: a.Token.Form != nil, read: s.readToken}
	if c.form {
		form := url.Values{}
		for name, value := range a.Token.Form {
			form.Set(name, value)
		}
		c.post = []byte(form.Encode())
	} else {
		post, err := json.Marshal(a.Token.JSON)
		if err != nil {
			return "", fmt.Errorf("write the request for a token: %w", err)
		}
		c.post = post
	}
	if err := c.do(a.source); err != nil {
		return "", err
	}
	return a.token, nil
}

// readToken keeps the token of an answer. It is renewed a little before its end.
func (s *Session) readToken(body io.Reader) error {
	nothing := dataFault("The answer to the request for a token holds no token that can be used. Check the user name, the password or key in the settings; if they are right, ask the supplier of the MIS.")
	if body == nil {
		return nothing
	}
	d := newDecoder(body, maxEnvelope, s.set.AnyCase, maphash.MakeSeed())
	d.emit = func(any) error { return nothing } // a list
	answer, _, err := d.answer(nil)
	if err != nil {
		return err
	}
	token, life, err := s.auth.Token.Read(answer)
	if err != nil || token == "" || !headerValue(token) || life < 0 {
		return nothing
	}
	s.auth.token, s.auth.until = token, time.Time{}
	if life > 0 {
		s.auth.until = time.Now().Add(life - min(life/10, time.Minute))
	}
	return nil
}
