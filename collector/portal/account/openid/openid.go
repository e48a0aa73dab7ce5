// Package openid lets people of one authority sign in at the authority's own
// service, such as its Entra ID, by OpenID Connect.
//
// It guarantees:
//   - The code is exchanged with PKCE and with our own secret, and the answer must
//     carry the state and the nonce of the browser that was sent there.
//   - A token counts only if that issuer signed it for this client and it has not run
//     out.
//   - An e-mail address is passed on only where the service vouches for it.
//
// Who that is here, and whether that person may come in, is account's to decide
// (EnterOpenID): this package makes nobody a user. The second factor is the
// authority's own there.
//
// Start reading at Service.
package openid

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"rollbridge/collector/portal/account"
)

// Path is where the service sends browsers back to, under the portal's address.
const Path = "/sign-in/service/back"

// Config is one service.
type Config struct {
	// Authority is the code of whose service it is.
	Authority string
	// Name is how its people know it.
	Name     string
	Issuer   string
	ClientID string
	Secret   string
	// TrustEmail takes the e-mail address of a token that says nothing of whether it
	// was verified. It is for a service whose administrators alone set addresses.
	TrustEmail bool
	// Portal is the address of the portal, which the service sends browsers back to.
	Portal string
	// Client asks the service; nil is one with a time limit.
	Client *http.Client
}

// patience is how long the service may take to answer.
const patience = 15 * time.Second

// A Service is asked when somebody signs in, not before: the portal starts and
// serves everybody else while it is down.
type Service struct {
	config Config

	mu    sync.Mutex
	found *oidc.Provider // nil until the service has said where it is
}

// New prepares a service.
func New(c Config) *Service {
	if c.Client == nil {
		c.Client = &http.Client{Timeout: patience}
	}
	return &Service{config: c}
}

// Name is how the authority's people know the service.
func (s *Service) Name() string { return s.config.Name }

// An attempt is what must come back from the service.
type attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Until    int64  `json:"until"`
}

// life is how long somebody may take at the service.
const life = 15 * time.Minute

// Begin is where to send a browser, and what to keep, secret, until it comes back.
func (s *Service) Begin(ctx context.Context) (address string, kept []byte, err error) {
	_, oauth, err := s.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	a := attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Until: time.Now().Add(life).Unix()}
	kept, err = json.Marshal(a)
	if err != nil {
		return "", nil, fmt.Errorf("begin at the sign-in service: %w", err)
	}
	return oauth.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), kept, nil
}

// Finish is who came back with an answer, of whom what was kept is. No error holds
// a token, a code or a name.
func (s *Service) Finish(ctx context.Context, kept []byte, answer url.Values) (account.Identity, error) {
	var a attempt
	if err := json.Unmarshal(kept, &a); err != nil {
		return account.Identity{}, errors.New("what was kept of the sign-in is damaged")
	}
	switch {
	case time.Now().Unix() >= a.Until:
		return account.Identity{}, errors.New("the answer came too late")
	case a.State == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(a.State)) != 1:
		return account.Identity{}, errors.New("the answer is to another question: its state is not ours")
	case answer.Get("error") != "":
		return account.Identity{}, fmt.Errorf("the service refused: %s", refusal(answer.Get("error")))
	}
	provider, oauth, err := s.discover(ctx)
	if err != nil {
		return account.Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, s.config.Client)
	tokens, err := oauth.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return account.Identity{}, exchange(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return account.Identity{}, errors.New("the service gave no ID token: is the scope openid allowed there?")
	}
	token, err := provider.Verifier(&oidc.Config{ClientID: s.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return account.Identity{}, fmt.Errorf("verify the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1 {
		return account.Identity{}, errors.New("the ID token is of another sign-in: its nonce is not ours")
	}
	return s.identity(token)
}

// identity is what a verified token says of somebody.
func (s *Service) identity(token *oidc.IDToken) (account.Identity, error) {
	var claims struct {
		Email    string `json:"email"`
		Verified *bool  `json:"email_verified"`
	}
	if err := token.Claims(&claims); err != nil {
		return account.Identity{}, errors.New("the ID token's claims are not understood")
	}
	who := account.Identity{Authority: s.config.Authority, Subject: token.Issuer + " " + token.Subject}
	if claims.Verified != nil && *claims.Verified || claims.Verified == nil && s.config.TrustEmail {
		who.Email = strings.ToLower(strings.TrimSpace(claims.Email))
	}
	return who, nil
}

// discover asks the service, once, where it is asked and what it signs with.
func (s *Service) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		// The keys are fetched later too, so the context of this request must not end them.
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.config.Client), s.config.Issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("find the sign-in service (portal.oidc.issuer): %w", err)
		}
		s.found = found
	}
	return s.found, &oauth2.Config{
		ClientID: s.config.ClientID, ClientSecret: s.config.Secret, Endpoint: s.found.Endpoint(),
		RedirectURL: strings.TrimSuffix(s.config.Portal, "/") + Path, Scopes: []string{oidc.ScopeOpenID, "email"},
	}, nil
}

// refusal is the error word of an answer, if it is one: the rest of an answer is a
// stranger's text.
func refusal(word string) string {
	known := func(r rune) bool { return r == '_' || r >= 'a' && r <= 'z' }
	if len(word) > 40 || strings.ContainsFunc(word, func(r rune) bool { return !known(r) }) {
		return "for a reason that is not a word of the standard"
	}
	return word
}

// exchange says why a code was not taken, without what the service wrote beside.
func exchange(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return fmt.Errorf("exchange the code: the service answered %s", refusal(refused.ErrorCode))
	}
	return fmt.Errorf("exchange the code: %w", err)
}
