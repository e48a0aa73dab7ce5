package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A sts is a server with tokens that live for a while.
type sts struct {
	life    time.Duration
	issued  int
	until   time.Time
	token   string
	refuse  int    // status of requests for tokens
	answer  string // of requests for tokens, instead of a good one
	deny    bool   // every token
	expired func(seen int) bool
	seen    int
}

func (s *sts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		if s.refuse != 0 {
			w.WriteHeader(s.refuse)
			return
		}
		s.issued++
		s.token = fmt.Sprintf("Canary-%d", s.issued)
		s.until = time.Now().Add(s.life)
		if s.answer != "" {
			_, _ = w.Write([]byte(s.answer))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"token": s.token, "expires_in": int(s.life / time.Second)})
		return
	}
	s.seen++
	if s.expired != nil && s.expired(s.seen) {
		s.token = "none"
	}
	if s.deny || r.Header.Get("Authorization") != "Idaas "+s.token || s.life > 0 && time.Now().After(s.until) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"Canary"}`))
		return
	}
	page := r.URL.Query().Get("page")
	if page == "4" {
		_, _ = w.Write([]byte(`[]`))
		return
	}
	_, _ = fmt.Fprintf(w, `[{"page":%s,"n":1},{"page":%s,"n":2}]`, page, page)
}

func tokens(t *Token) Auth {
	t.URL = "http://127.0.0.1:8080/token"
	if t.Read == nil {
		t.Read = func(answer any) (string, time.Duration, error) {
			o, _ := answer.(map[string]any)
			token, _ := o["token"].(string)
			seconds, _ := o["expires_in"].(int)
			if token == "" {
				return "", 0, errors.New(canary)
			}
			return token, time.Duration(seconds) * time.Second, nil
		}
	}
	return Auth{Kind: AuthToken, Headers: map[string]string{"Authorization": "Idaas {token}"}, Token: t}
}

var threePages = Request{Paging: Paging{Kind: PagingPage, Page: "page", First: 1}}

func TestToken(t *testing.T) {
	for name, c := range map[string]struct {
		sts    sts
		issued int
		kind   FaultKind
		says   string
	}{
		"one for all":           {sts{life: time.Hour}, 1, "", ""},
		"no life":               {sts{}, 1, "", ""},
		"expires before page 2": {sts{expired: func(n int) bool { return n == 2 }}, 2, "", ""},
		"expires twice":         {sts{expired: func(n int) bool { return n == 2 || n == 4 }}, 3, "", ""},
		"never good":            {sts{deny: true}, 2, Right, "gave a new token and refuses it"},
		"refused":               {sts{refuse: 401}, 0, Right, "does not accept the sign-in to the request for a token (HTTP 401)"},
		"refused as OAuth does": {sts{refuse: 400}, 0, Right, "does not accept the sign-in to the request for a token (HTTP 400)"},
		"forbidden":             {sts{refuse: 403}, 0, Right, "does not accept the sign-in"},
		"unknown":               {sts{refuse: 404}, 0, Data, "a token"},
		"moved":                 {sts{refuse: 302}, 0, Data, "not followed"},
		"busy":                  {sts{refuse: 503}, 0, Down, "the request for a token, tried 6 times"},
		"none":                  {sts{refuse: 204}, 0, Data, "holds no token"},
		"no token":              {sts{answer: `{"error":"Canary"}`}, 1, Data, "holds no token"},
		"a list":                {sts{answer: `[{"token":"Canary"}]`}, 1, Data, "holds no token"},
		"an empty list":         {sts{answer: `[]`}, 1, Data, "holds no token"},
		"a header in the token": {sts{answer: `{"token":"Canary\r\nX: y"}`}, 1, Data, "holds no token"},
		"no JSON":               {sts{answer: `Canary`}, 1, Data, "not well-formed"},
		"a large answer":        {sts{answer: `{"x":["` + strings.Repeat(canary, 100_000) + `","` + strings.Repeat(canary, 100_000) + `"]}`}, 1, Data, "over 1 MiB"},
	} {
		for _, form := range []bool{true, false} {
			t.Run(fmt.Sprint(name, form), func(t *testing.T) {
				s := c.sts
				fields := map[string]string{"username": "a&b", "password": canary + "+ é"}
				token := &Token{JSON: fields}
				if form {
					token = &Token{Form: fields}
				}
				inBubble(t, Settings{}, tokens(token), func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/token" {
						got := map[string]string{}
						if form {
							got["username"], got["password"] = r.PostFormValue("username"), r.PostFormValue("password")
						} else if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
							t.Error(err)
						}
						if got["username"] != "a&b" || got["password"] != canary+"+ é" || r.Method != http.MethodPost || r.Header.Get("Authorization") != "" {
							t.Errorf("the request for a token is another: %v", got)
						}
					}
					s.ServeHTTP(w, r)
				}, func(b *bench) {
					if c.kind != "" {
						b.fault(threePages, c.kind, c.says)
					} else if rows, _ := b.must(threePages); len(rows) != 6 {
						t.Errorf("%d rows", len(rows))
					}
					if s.issued != c.issued {
						t.Errorf("%d tokens", s.issued)
					}
				})
			})
		}
	}
}

// A token is renewed before it is refused, and dropped by Close.
func TestLifeOfToken(t *testing.T) {
	s := sts{life: time.Hour}
	inBubble(t, Settings{}, tokens(&Token{JSON: map[string]string{}}), s.ServeHTTP, func(b *bench) {
		r := Request{Query: map[string][]string{"page": {"1"}}}
		for range 2 {
			if b.must(r); s.issued != 1 {
				t.Errorf("%d tokens", s.issued)
			}
			time.Sleep(58 * time.Minute)
		}
		if b.must(r); s.issued != 2 || s.seen != 3 {
			t.Errorf("%d tokens, %d requests", s.issued, s.seen)
		}
		b.Close()
		if b.must(r); s.issued != 3 {
			t.Errorf("%d tokens", s.issued)
		}
	})
}

func TestBasic(t *testing.T) {
	inBubble(t, Settings{User: "school", Password: canary + ":é"}, Auth{Kind: AuthBasic}, func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "school" || password != canary+":é" {
			t.Error("not signed in")
		}
		_, _ = w.Write([]byte(`[]`))
	}, func(b *bench) { b.must(Request{}) })
}

func TestOpenRefuses(t *testing.T) {
	good := Settings{URL: "https://mis.example/api", User: "u", Password: canary}
	source := func(url string) Auth {
		return Auth{Kind: AuthToken, Token: &Token{URL: url, Read: func(any) (string, time.Duration, error) { return "", 0, nil }}}
	}
	for name, c := range map[string]struct {
		url  string
		auth Auth
		says string
	}{
		"no address":        {"", Auth{Kind: AuthBasic}, "not a web address"},
		"no host":           {"https:///Canary", Auth{Kind: AuthBasic}, "not a web address"},
		"no URL":            {"https://a b/Canary", Auth{Kind: AuthBasic}, "not a web address"},
		"http":              {"http://mis.example/Canary", Auth{Kind: AuthBasic}, "must begin with https://"},
		"http, looks local": {"http://localhost.example/Canary", Auth{Kind: AuthBasic}, "must begin with https://"},
		"other scheme":      {"ftp://127.0.0.1/Canary", Auth{Kind: AuthBasic}, "must begin with https://"},
		"user":              {"https://Canary:Canary@mis.example", Auth{Kind: AuthBasic}, "holds a user name"},
		"query":             {"https://mis.example/?key=Canary", Auth{Kind: AuthBasic}, "question mark"},
		"kind":              {"", Auth{}, "basic, header or token"},
		"no headers":        {"", Auth{Kind: AuthHeader}, "names none"},
		"line break":        {"", Auth{Kind: AuthHeader, Headers: map[string]string{"A": "Canary\nB: c"}}, "cannot be sent"},
		"name of header":    {"", Auth{Kind: AuthHeader, Headers: map[string]string{"Canary:": "c"}}, "cannot be sent"},
		"no token":          {"", Auth{Kind: AuthToken}, "where it comes from"},
		"token over http":   {"", source("http://mis.example/Canary"), "must begin with https://"},
	} {
		set := good
		if c.url != "" || name == "no address" {
			set.URL = c.url
		}
		_, err := Open(set, c.auth)
		var f *Fault
		if !errors.As(err, &f) || f.Kind != Setting || !strings.Contains(f.Text, c.says) || strings.Contains(f.Text, canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, url := range []string{"https://mis.example", "http://127.0.0.1:80/", "http://localhost/x", "http://[::1]:9/"} {
		set := good
		set.URL = url
		if s, err := Open(set, Auth{Kind: AuthBasic}); err != nil {
			t.Errorf("%s: %v", url, err)
		} else {
			s.Close()
		}
	}
	good.User = ""
	if _, err := Open(good, Auth{Kind: AuthBasic}); err == nil {
		t.Error("no user is let through")
	}
}
