package exit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"rollbridge/agent/uplink/pac"
	"rollbridge/shared/clock"
)

// The script of an address is fetched again after fresh; where that fails, the
// one before it is good for stale.
const (
	fresh     = 30 * time.Minute
	stale     = 24 * time.Hour
	fetchTime = 15 * time.Second
	redirects = 3
)

// A script is where the school's PAC script is, and the last one read there.
type script struct {
	name string // without a query, which might be a secret
	file string
	url  string
	http *http.Client

	mu   sync.Mutex
	last *pac.Script
	read time.Time
	is   fs.FileInfo // of the file that was read
}

func newScript(set Settings, roots *x509.CertPool) *script {
	u := set.scriptURL()
	if u == nil {
		return &script{name: set.PAC, file: set.PAC}
	}
	shown := *u
	shown.RawQuery, shown.Fragment = "", ""
	return &script{name: shown.String(), url: set.PAC, http: &http.Client{
		Timeout: fetchTime,
		// Straight: the script is what says where the proxy is.
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Time: clock.Now},
			MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives:      true,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > redirects {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// ask is the script's answer for an address. The path of what is asked there is
// nobody's business, and left out.
func (s *script) ask(ctx context.Context, address string) ([]hop, error) {
	script, err := s.get(ctx)
	if err != nil {
		return nil, s.fault(ctx, "could not be read", err)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("read the address to reach: %w", err)
	}
	answer, err := script.Find(ctx, "https://"+strings.TrimSuffix(address, ":443")+"/", host)
	if err != nil {
		return nil, s.fault(ctx, "is of no use", err)
	}
	ways, err := pac.Read(answer)
	if err != nil {
		return nil, s.fault(ctx, "is of no use", err)
	}
	return hopsOf(ways), nil
}

func (s *script) fault(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &Fault{Kind: BadScript, err: err,
		Text: fmt.Sprintf("the script that names the proxy, %s, %s: %v", s.name, what, err),
		Hint: "ask whoever looks after the school's proxy, correct uplink.pac, or name the proxy in uplink.proxy"}
}

// get is the script as it is now, or as it was not long ago.
func (s *script) get(ctx context.Context) (*pac.Script, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != "" {
		return s.fromFile()
	}
	age := clock.Now().Sub(s.read)
	if s.last != nil && age >= 0 && age < fresh {
		return s.last, nil
	}
	fetched, err := s.fetch(ctx)
	switch {
	case err == nil:
		s.last, s.read = fetched, clock.Now()
	case s.last != nil && age >= 0 && age < stale:
	default:
		return nil, err
	}
	return s.last, nil
}

// old lets the script be fetched again at the next question.
func (s *script) old() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.read.IsZero() {
		s.read = s.read.Add(-fresh)
	}
}

func (s *script) fromFile() (*pac.Script, error) {
	file, err := os.Open(s.file)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	is, err := file.Stat()
	if err != nil {
		return nil, reason(err)
	}
	if s.last != nil && s.is.ModTime().Equal(is.ModTime()) && s.is.Size() == is.Size() {
		return s.last, nil
	}
	parsed, err := parse(file)
	if err != nil {
		return nil, err
	}
	s.last, s.is = parsed, is
	return parsed, nil
}

func (s *script) fetch(ctx context.Context) (*pac.Script, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, errors.New("it is not an address")
	}
	request.Header.Set("Accept", "application/x-ns-proxy-autoconfig, */*;q=0.5")
	response, err := s.http.Do(request)
	if err != nil {
		return nil, reason(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return parse(response.Body)
}

func parse(r io.Reader) (*pac.Script, error) {
	text, err := io.ReadAll(io.LimitReader(r, pac.MaxBytes+1))
	if err != nil {
		return nil, reason(err)
	}
	return pac.Parse(string(text))
}

// reason is an error without the URL or path that it repeats.
func reason(err error) error {
	var (
		path *fs.PathError
		web  *url.Error
		dns  *net.DNSError
	)
	switch {
	case errors.As(err, &dns):
		return errors.New("the name of its server is not found")
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &web) && web.Timeout():
		return errors.New("its server did not answer in time")
	case errors.As(err, &web):
		return web.Err
	}
	return err
}
