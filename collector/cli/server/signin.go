package server

import (
	"fmt"
	"os"
	"strings"

	"rollbridge/collector/portal/account/openid"
	"rollbridge/collector/portal/entry"
	"rollbridge/collector/settings"
)

// signInService is an authority's own sign-in service; nil where there is none.
func signInService(s settings.Settings) (entry.Service, error) {
	o := s.Portal.OIDC
	if !o.On() {
		return nil, nil
	}
	secret, err := os.ReadFile(o.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("read the secret for the sign-in service (portal.oidc.secret_file): %w", err)
	}
	text := strings.TrimSpace(string(secret))
	if text == "" {
		return nil, fmt.Errorf("%s (portal.oidc.secret_file) is empty: put the secret in that the sign-in service gave this client", o.SecretFile)
	}
	return openid.New(openid.Config{
		Authority: o.Authority, Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, Secret: text, TrustEmail: o.TrustEmail, Portal: s.Portal.URL,
	}), nil
}
