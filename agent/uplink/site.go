package uplink

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// A Site is a server beside the collector that is reached on the same way out of
// the school, such as a repository of releases. What it says is proved by whoever
// asks it: it may be spoken to without TLS.
type Site struct{ client *Client }

// NewSite checks the route and prepares the way; it sends nothing. Errors hold
// no credentials.
func NewSite(r Route) (*Site, error) {
	base, err := url.Parse(r.URL)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Hostname() == "" {
		return nil, errors.New("the address must be https://host[:port] or http://host[:port]")
	}
	client, err := newClient(base, r)
	if err != nil {
		return nil, err
	}
	return &Site{client}, nil
}

// HTTP asks the site. It follows no redirect, tries once, and has no limit of
// its own for size or time. Its errors may hold the address.
func (s *Site) HTTP() *http.Client { return s.client.http.HTTPClient }

// Explain turns an error of HTTP into a *Fault, in words and without the
// address's path; that of a cancelled context stays what it is.
func (s *Site) Explain(err error) error { return s.client.explain(err, time.Time{}) }

// Close drops idle connections.
func (s *Site) Close() { s.client.Close() }
