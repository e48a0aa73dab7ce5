package openid_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"golang.org/x/oauth2"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/openid"
	"rollbridge/collector/portal/entry"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
)

const (
	client = "rollbridge"
	secret = "a secret of the client"
	portal = "https://portal.example"
)

// A council is the sign-in service of an authority: discovery, keys, a page where
// somebody is signed in at once, and tokens for codes with PKCE.
type council struct {
	*testing.T
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex
	claims map[string]any // of whoever signs in next
	asked  map[string]url.Values
	down   bool
	// signer signs tokens; another than key is a forger.
	signer *rsa.PrivateKey
}

func newCouncil(t *testing.T) *council {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &council{T: t, key: key, signer: key, asked: map[string]url.Values{}}
	standard := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.RS256}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth", c.auth)
	mux.HandleFunc("POST /token", c.token)
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		standard.ServeHTTP(w, r)
	}))
	c.Server = httptest.NewTLSServer(mux)
	t.Cleanup(c.Close)
	standard.SetIssuer(c.URL)
	return c
}

func (c *council) auth(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != client || q.Get("response_type") != "code" || q.Get("redirect_uri") != portal+openid.Path ||
		q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || !strings.Contains(q.Get("scope"), "openid") {
		http.Error(w, "not as it was registered", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	c.mu.Lock()
	c.asked[code] = q
	c.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusSeeOther)
}

func (c *council) token(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, password, basic := r.BasicAuth()
	if !basic {
		id, password = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else if text, err := url.QueryUnescape(password); err == nil {
		password = text
	}
	q, known := c.asked[r.PostFormValue("code")]
	delete(c.asked, r.PostFormValue("code"))
	w.Header().Set("Content-Type", "application/json")
	if id != client || password != secret || !known || oauth2.S256ChallengeFromVerifier(r.PostFormValue("code_verifier")) != q.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant", "error_description": "canary"})
		return
	}
	claims := map[string]any{
		"iss": c.URL, "aud": client, "sub": "person-1", "nonce": q.Get("nonce"), "email": "jo@council.example", "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, c.claims)
	text, err := json.Marshal(claims)
	if err != nil {
		c.Error(err)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": "a", "token_type": "Bearer", "id_token": oidctest.SignIDToken(c.signer, "k", oidc.RS256, string(text)),
	})
}

func (c *council) service() *openid.Service {
	return openid.New(openid.Config{
		Authority: "330", Name: "Northshire", Issuer: c.URL, ClientID: client, Secret: secret, Portal: portal, Client: c.Client(),
	})
}

// answer goes to the service as a browser would and returns what it comes back with.
func (c *council) answer(ctx context.Context, address string) url.Values {
	c.Helper()
	browser := *c.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		c.Fatal(err)
	}
	a, err := browser.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	_ = a.Body.Close()
	back, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(back.String(), portal+openid.Path) {
		c.Fatalf("the service sends the browser to %q with %d, %v", back, a.StatusCode, err)
	}
	return back.Query()
}

func TestWhoComesBack(t *testing.T) {
	c := newCouncil(t)
	forger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	for what, x := range map[string]struct {
		claims map[string]any
		change func(c *council, kept []byte, answer url.Values) []byte
		config func(*openid.Config)
		email  string
		fails  string
	}{
		"somebody":                 {email: "jo@council.example"},
		"an unverified address":    {claims: map[string]any{"email_verified": &no}},
		"verified is not said":     {claims: map[string]any{"email_verified": nil}},
		"not said, but trusted":    {claims: map[string]any{"email_verified": nil}, config: func(c *openid.Config) { c.TrustEmail = true }, email: "jo@council.example"},
		"unverified, but trusted":  {claims: map[string]any{"email_verified": &no}, config: func(c *openid.Config) { c.TrustEmail = true }},
		"no address":               {claims: map[string]any{"email": ""}},
		"for another client":       {claims: map[string]any{"aud": "another"}, fails: "verify the ID token"},
		"by another issuer":        {claims: map[string]any{"iss": "https://elsewhere.example"}, fails: "verify the ID token"},
		"that has run out":         {claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, fails: "verify the ID token"},
		"of another sign-in":       {claims: map[string]any{"nonce": "another"}, fails: "nonce"},
		"without a nonce":          {claims: map[string]any{"nonce": ""}, fails: "nonce"},
		"signed by somebody else":  {change: func(c *council, kept []byte, _ url.Values) []byte { c.signer = forger; return kept }, fails: "verify the ID token"},
		"with another state":       {change: func(_ *council, kept []byte, a url.Values) []byte { a.Set("state", "another"); return kept }, fails: "state"},
		"without a state":          {change: func(_ *council, kept []byte, a url.Values) []byte { a.Del("state"); return kept }, fails: "state"},
		"with a code that is made": {change: func(_ *council, kept []byte, a url.Values) []byte { a.Set("code", "made"); return kept }, fails: "invalid_grant"},
		"refused":                  {change: func(_ *council, kept []byte, a url.Values) []byte { a.Set("error", "access_denied"); return kept }, fails: "access_denied"},
		"refused with a text":      {change: func(_ *council, kept []byte, a url.Values) []byte { a.Set("error", "Canary <b>"); return kept }, fails: "not a word"},
		"with another verifier": {change: func(_ *council, kept []byte, _ url.Values) []byte {
			return []byte(strings.Replace(string(kept), `"verifier":"`, `"verifier":"x`, 1))
		}, fails: "invalid_grant"},
		"too late": {change: func(_ *council, kept []byte, _ url.Values) []byte {
			return []byte(strings.Replace(string(kept), `"until":`, `"until":1,"was":`, 1))
		}, fails: "too late"},
		"with nothing that was kept": {change: func(*council, []byte, url.Values) []byte { return []byte("{}") }, fails: "too late"},
		"with what is damaged":       {change: func(*council, []byte, url.Values) []byte { return []byte("{") }, fails: "damaged"},
		"as another client":          {config: func(c *openid.Config) { c.Secret = "wrong" }, fails: "invalid_grant"},
	} {
		t.Run(what, func(t *testing.T) {
			c.claims, c.signer = x.claims, c.key
			config := openid.Config{Authority: "330", Issuer: c.URL, ClientID: client, Secret: secret, Portal: portal, Client: c.Client()}
			if x.config != nil {
				x.config(&config)
			}
			s := openid.New(config)
			address, kept, err := s.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			answer := c.answer(t.Context(), address)
			if x.change != nil {
				kept = x.change(c, kept, answer)
			}
			who, err := s.Finish(t.Context(), kept, answer)
			if x.fails != "" {
				if err == nil || !strings.Contains(err.Error(), x.fails) || strings.Contains(strings.ToLower(err.Error()), "canary") {
					t.Errorf("got %v, want %q", err, x.fails)
				}
				return
			}
			want := account.Identity{Authority: "330", Subject: c.URL + " person-1", Email: x.email}
			if err != nil || who != want {
				t.Errorf("%+v, %v", who, err)
			}
			if _, err := s.Finish(t.Context(), kept, answer); err == nil {
				t.Error("one answer counts twice")
			}
		})
	}
}

// While the service is down the portal says so, and it needs no restart afterwards.
func TestServiceIsDownForAWhile(t *testing.T) {
	c := newCouncil(t)
	s := c.service()
	c.down = true
	if _, _, err := s.Begin(t.Context()); err == nil || !strings.Contains(err.Error(), "portal.oidc.issuer") {
		t.Errorf("%v", err)
	}
	c.mu.Lock()
	c.down = false
	c.mu.Unlock()
	if _, _, err := s.Begin(t.Context()); err != nil {
		t.Error(err)
	}
}

// An invited person comes in by the pages, and nobody else does.
func TestSignInAtTheService(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		dir := filepath.Join(t.TempDir(), "vault")
		if err := vault.Init(dir); err != nil {
			t.Fatal(err)
		}
		v, err := vault.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.Close() })
		c, st := newCouncil(t), store.New(db)
		if err := st.PutAuthority(t.Context(), store.Authority{Code: "330", Why: "A reason"}); err != nil {
			t.Fatal(err)
		}
		site := &web.Site{DB: db, Store: st, Vault: v, Accounts: account.Open(db, v), Audit: audit.New(db, v)}
		server := webtest.Serve(t, site, entry.Routes(site, c.service()))
		come := func() webtest.Answer {
			b := server.Anybody()
			if a := b.Get("/sign-in"); !strings.Contains(a.Body, "Sign in with Northshire") {
				t.Error("the sign-in page does not lead to the service")
			}
			out := b.Get("/sign-in/service")
			if out.Code != http.StatusSeeOther {
				t.Fatalf("to the service: %d", out.Code)
			}
			answer := c.answer(t.Context(), out.Location)
			a := b.Get(openid.Path + "?" + answer.Encode())
			if again := b.Get(openid.Path + "?" + answer.Encode()); again.Code == http.StatusSeeOther {
				t.Error("one answer lets in twice")
			}
			if a.Code == http.StatusSeeOther {
				if own := b.Get("/account"); own.Code != http.StatusOK || !strings.Contains(own.Body, "own service") || strings.Contains(own.Body, "/account/password") {
					t.Errorf("the own account: %d", own.Code)
				}
				for _, path := range []string{"/account/password", "/account/second-factor", "/account/recovery-codes"} {
					if a := b.Get(path); a.Code != http.StatusNotFound {
						t.Errorf("%s: %d", path, a.Code)
					}
				}
			}
			return a
		}
		if a := come(); a.Code != http.StatusForbidden || !strings.Contains(a.Body, "you were not invited") {
			t.Errorf("a stranger: %d", a.Code)
		}
		if list, err := site.Accounts.List(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("the service made %d people, %v", len(list), err)
		}
		_, err = site.Accounts.Invite(t.Context(), account.User{}, account.Person{
			Name: "jo", Email: "jo@council.example", Role: account.Caller, Authorities: []string{"330"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if a := come(); a.Code != http.StatusSeeOther || a.Location != "/" {
				t.Errorf("an invited person: %d to %q", a.Code, a.Location)
			}
		}
		if a := server.Anybody().Get(openid.Path + "?code=x&state=y"); a.Code != http.StatusBadRequest || !strings.Contains(a.Body, "did not work") {
			t.Errorf("an answer to no question: %d", a.Code)
		}
		if log := server.Log.String(); strings.Contains(log, "jo@council") || strings.Contains(log, "person-1") || strings.Contains(log, "canary") {
			t.Errorf("the log names somebody:\n%s", log)
		}
	})
}
