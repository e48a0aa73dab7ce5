package entry

import (
	"encoding/base64"
	"errors"
	"net/http"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/vault"
	"rollbridge/shared/logkey"
)

// serviceCookie keeps, sealed, what is needed when the browser comes back from the
// authority's own service. It is a cookie, for nobody has a session then.
const serviceCookie = "__Host-rollbridge-service"

// serviceSeconds is how long somebody may take there.
const serviceSeconds = 15 * 60

var serviceName = vault.Name{Dataset: "sign_in_service"}

func (e *entrance) toService(v *web.Visit) error {
	address, kept, err := e.service.Begin(v.Context())
	if err != nil {
		e.site.Log.Error("the authority's own sign-in service does not answer", logkey.Error, err.Error())
		return e.serviceProblem(v, "entry.service.silent", http.StatusBadGateway)
	}
	key, err := e.site.Vault.Own("sign-in service")
	if err != nil {
		return err
	}
	sealed, err := key.Seal(serviceName, kept)
	if err != nil {
		return err
	}
	setServiceCookie(v, base64.RawURLEncoding.EncodeToString(sealed), serviceSeconds)
	http.Redirect(v.W, v.R, address, http.StatusSeeOther)
	return nil
}

func setServiceCookie(v *web.Visit, value string, age int) {
	http.SetCookie(v.W, &http.Cookie{Name: serviceCookie, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (e *entrance) fromService(v *web.Visit) error {
	kept, err := e.keptForService(v)
	if err != nil {
		return e.serviceProblem(v, "entry.service.again", http.StatusBadRequest)
	}
	setServiceCookie(v, "", -1)
	who, err := e.service.Finish(v.Context(), kept, v.R.URL.Query())
	if err != nil {
		e.site.Log.Warn("a sign-in at the authority's own service failed", logkey.Error, err.Error(), logkey.Address, v.Address())
		return e.serviceProblem(v, "entry.service.again", http.StatusBadRequest)
	}
	u, first, err := e.site.Accounts.EnterOpenID(v.Context(), who)
	if errors.Is(err, account.ErrNoAccess) {
		e.site.Log.Warn("nobody was invited under an identity of the authority's own service", logkey.Address, v.Address())
		return e.serviceProblem(v, "entry.service.stranger", http.StatusForbidden)
	}
	if err != nil {
		return err
	}
	if first {
		if err := e.note(v, u, audit.PersonAccepted); err != nil {
			return err
		}
	}
	if err := e.enter(v, u); err != nil {
		return err
	}
	return v.Redirect(v.AfterSignIn())
}

func (e *entrance) keptForService(v *web.Visit) ([]byte, error) {
	c, err := v.R.Cookie(serviceCookie)
	if err != nil {
		return nil, err
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return nil, err
	}
	key, err := e.site.Vault.Own("sign-in service")
	if err != nil {
		return nil, err
	}
	return key.Open(serviceName, sealed)
}

// serviceProblem shows the sign-in page with what went wrong there.
func (e *entrance) serviceProblem(v *web.Visit, key string, code int) error {
	p := e.signInPage(v, web.Problems{{Field: "name", Text: v.T(key, "Service", e.service.Name())}})
	p.Code = code
	return v.Show(pages, p)
}
