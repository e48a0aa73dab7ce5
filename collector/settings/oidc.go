package settings

import (
	"errors"
	"net/url"
)

// OIDC is an authority's own sign-in service, such as its Entra ID. Without an
// issuer there is none.
type OIDC struct {
	// Authority is the code of the authority whose service it is.
	Authority string `config:"authority"`
	// Name is how its people know it: it stands on the sign-in page.
	Name     string `config:"name"`
	Issuer   string `config:"issuer"`
	ClientID string `config:"client_id"`
	// SecretFile holds the secret that the service gave this client.
	SecretFile string `config:"secret_file"`
	// TrustEmail takes e-mail addresses of which the service does not say whether it
	// verified them.
	TrustEmail bool `config:"trust_email"`
}

// On says whether there is one.
func (o OIDC) On() bool { return o.Issuer != "" }

func (s *Settings) validateOIDC() error {
	o := s.Portal.OIDC
	if !o.On() {
		if o != (OIDC{}) {
			return errors.New("portal.oidc has settings but no issuer: set portal.oidc.issuer to the address of the authority's sign-in service, or remove them")
		}
		return nil
	}
	issuer, err := url.Parse(o.Issuer)
	switch {
	case err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "":
		return errors.New("portal.oidc.issuer must be the https address that the service calls itself, such as https://login.microsoftonline.com/TENANT/v2.0: correct it")
	case o.Authority == "" || o.ClientID == "" || o.SecretFile == "" || o.Name == "":
		return errors.New("portal.oidc needs authority, name, client_id and secret_file beside its issuer: set them")
	case s.Portal.URL == "":
		return errors.New("portal.oidc.issuer is set, and the service cannot send anybody back: set portal.url to the address of the portal")
	}
	return nil
}
