package stack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// A Person is somebody who may sign in to the portal, with what only that person
// knows. Make one with Collector.Join, and a browser for it with Collector.As or,
// without signing in, Collector.Browse:
//
//	clerk, err := c.Join(ctx, stack.Person{Name: "clerk", Role: "caller", Authorities: []string{"330"}})
//	b, err := c.As(ctx, clerk)
//	page, err := b.Get(ctx, "/schools")
//
// The roles are administrator, caller, viewer, caseload, operator and school (with
// School). Real browsers take Password, and Code for the second step.
type Person struct {
	Name        string
	Role        string
	Authorities []string
	School      string

	Password string
	Key      string // of the second factor
	Recovery []string

	// used is the half-minute of the newest code that was given out.
	used int64
}

// password is everybody's own.
const password = "three random words"

// step is how long a code counts.
const step = 30 * time.Second

// Join invites a person by `user invite` and takes every step of the first sign-in
// over the portal's pages.
func (c *Collector) Join(ctx context.Context, p Person) (*Person, error) {
	args := []string{"user", "invite", p.Name, "--role", p.Role}
	for _, a := range p.Authorities {
		args = append(args, "--authority", a)
	}
	if p.School != "" {
		args = append(args, "--school", p.School)
	}
	out, err := c.Command(ctx, args...)
	if err != nil {
		return nil, err
	}
	return c.Accept(ctx, p, strings.TrimSpace(out))
}

// Accept takes every step of the first sign-in of a person who was invited, with
// the one-time password that the person was given.
func (c *Collector) Accept(ctx context.Context, p Person, oneTime string) (*Person, error) {
	b, err := c.Browse()
	if err != nil {
		return nil, err
	}
	p.Password = password
	if err := b.follow(ctx, "/password", "/sign-in", "name", p.Name, "password", oneTime); err != nil {
		return nil, err
	}
	if err := b.follow(ctx, "/second-factor", "/password", "password", password, "again", password); err != nil {
		return nil, err
	}
	page, err := b.Get(ctx, "/second-factor")
	if err != nil {
		return nil, err
	}
	keys := keyText.FindAllStringSubmatch(page.Body, -1)
	if len(keys) != 1 {
		return nil, errors.New("the page of the second factor shows no key")
	}
	p.Key = strings.ReplaceAll(keys[0][1], " ", "")
	code, err := c.Code(ctx, &p)
	if err != nil {
		return nil, err
	}
	if err := b.follow(ctx, "/recovery-codes", "/second-factor", "code", code); err != nil {
		return nil, err
	}
	if page, err = b.Get(ctx, "/recovery-codes"); err != nil {
		return nil, err
	}
	for _, m := range keyText.FindAllStringSubmatch(page.Body, -1) {
		p.Recovery = append(p.Recovery, m[1])
	}
	return &p, nil
}

var keyText = regexp.MustCompile(`class="portal-key">([^<]+)</code>`)

// As is a browser in which a person is signed in to the portal.
func (c *Collector) As(ctx context.Context, p *Person) (*Browser, error) {
	b, err := c.Browse()
	if err != nil {
		return nil, err
	}
	return b, b.SignIn(ctx, p)
}

// SignIn signs a person in with password and code.
func (b *Browser) SignIn(ctx context.Context, p *Person) error {
	if err := b.follow(ctx, "/sign-in/code", "/sign-in", "name", p.Name, "password", p.Password); err != nil {
		return err
	}
	code, err := b.collector.Code(ctx, p)
	if err != nil {
		return err
	}
	page, err := b.Post(ctx, "/sign-in/code", "code", code)
	if err == nil && page.Code != http.StatusSeeOther {
		err = fmt.Errorf("sign in: the code was answered with %d", page.Code)
	}
	return err
}

// Code is one that the app of a person shows and that was not given out before,
// by the collector's clock. The collector takes the next one early, so that only
// the third in one half-minute waits.
func (c *Collector) Code(ctx context.Context, p *Person) (code string, err error) {
	err = Await(ctx, "a code that was not used yet", func() (bool, error) {
		now, err := c.now()
		if err != nil {
			return false, err
		}
		at := max(now.Unix()/int64(step/time.Second), p.used+1)
		if at > now.Unix()/int64(step/time.Second)+1 {
			return false, nil
		}
		p.used = at
		code, err = totp.GenerateCode(p.Key, time.Unix(at*int64(step/time.Second), 0))
		return err == nil, err
	})
	return code, err
}

// now is the collector's time.
func (c *Collector) now() (time.Time, error) {
	for _, e := range c.env {
		file, found := strings.CutPrefix(e, "ROLLBRIDGE_TEST_CLOCK=")
		if !found {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return time.Time{}, fmt.Errorf("read the collector's clock: %w", err)
		}
		text := strings.TrimSpace(string(data))
		if offset, err := time.ParseDuration(text); err == nil {
			return time.Now().Add(offset), nil
		}
		return time.Parse(time.RFC3339, text)
	}
	return time.Now(), nil
}

// A Browser keeps cookies, believes the trial certificate and follows no redirect
// by itself.
type Browser struct {
	Client *http.Client
	// Base is the address of the portal, without a slash at the end.
	Base string

	collector *Collector
}

// Browse is a browser of somebody who is not signed in to the portal.
func (c *Collector) Browse() (*Browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a browser: %w", err)
	}
	return &Browser{Base: c.PortalURL, collector: c, Client: &http.Client{
		Jar:           jar,
		Timeout:       time.Minute,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// A Page is what came back.
type Page struct {
	Code     int
	Location string // of a redirect
	Header   http.Header
	Body     string
}

// Get asks for a page.
func (b *Browser) Get(ctx context.Context, path string) (Page, error) {
	return b.do(ctx, http.MethodGet, path, nil)
}

// Post sends a form of names, each followed by its value.
func (b *Browser) Post(ctx context.Context, path string, pairs ...string) (Page, error) {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(ctx, http.MethodPost, path, form)
}

func (b *Browser) do(ctx context.Context, method, path string, form url.Values) (Page, error) {
	r, err := http.NewRequestWithContext(ctx, method, b.Base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	got, err := b.Client.Do(r)
	if err != nil {
		return Page{}, fmt.Errorf("open %s: %w", path, err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		return Page{}, fmt.Errorf("open %s: %w", path, err)
	}
	return Page{Code: got.StatusCode, Location: got.Header.Get("Location"), Header: got.Header, Body: string(body)}, nil
}

// follow sends a form that is to lead to a page.
func (b *Browser) follow(ctx context.Context, to, path string, pairs ...string) error {
	page, err := b.Post(ctx, path, pairs...)
	if err == nil && page.Location != to {
		err = fmt.Errorf("the form of %s was answered with %d and leads to %q, not to %s", path, page.Code, page.Location, to)
	}
	return err
}
