package rest

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
)

// Settings say where the MIS is and how much one read may cost it.
type Settings struct {
	// URL is the address below which everything is asked: https, or http if the
	// host is this computer.
	URL string
	// User and Password are for the kind basic of [Auth].
	User, Password string
	// Dial opens the connections, through whatever proxy the school has; what is
	// wrong with that is a *WayError. Nil means straight.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots are the certificates trusted; nil means the system's.
	Roots *x509.CertPool
	// RequestTime bounds one try of a request from dialling to its last byte,
	// with what the caller does with the rows; 0 means 60 seconds.
	RequestTime time.Duration
	// Connections bounds the requests at one time; 0 means 1.
	Connections int
	// AnswerBytes bounds one answer, unpacked; 0 means 512 MiB.
	AnswerBytes int64
	// ReadRequests bounds the requests of a session, tries counted; 0 means 20,000.
	ReadRequests int
	// AnyCase gives the members of answers in small letters, whatever the MIS
	// writes; [Request].Rows are then compared in small letters too.
	AnyCase bool
	// Log hears of tries again; nil means nobody does.
	Log *slog.Logger
}

// The bounds of Settings that are not set.
const (
	DefaultRequestTime  = time.Minute
	DefaultConnections  = 1
	DefaultAnswerBytes  = 512 << 20
	DefaultReadRequests = 20_000
)

// withDefaults is s with every bound set.
func (s Settings) withDefaults() Settings {
	if s.RequestTime <= 0 {
		s.RequestTime = DefaultRequestTime
	}
	if s.Connections <= 0 {
		s.Connections = DefaultConnections
	}
	if s.AnswerBytes <= 0 {
		s.AnswerBytes = DefaultAnswerBytes
	}
	if s.ReadRequests <= 0 {
		s.ReadRequests = DefaultReadRequests
	}
	if s.Dial == nil {
		s.Dial = (&net.Dialer{Timeout: 20 * time.Second}).DialContext
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	return s
}

// address is the URL of a setting, which may carry secrets nowhere but over TLS
// or within this computer. The fault does not repeat it: it may hold a password.
func address(setting, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, &Fault{Kind: Setting, Text: fmt.Sprintf("The %s is not a web address: write it as https://host/path.", setting)}
	case u.User != nil:
		return nil, &Fault{Kind: Setting, Text: fmt.Sprintf("The %s holds a user name: leave it out and give it as a setting of its own.", setting)}
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, &Fault{Kind: Setting, Text: fmt.Sprintf("The %s must begin with https://, so that nobody on the way can read what is sent.", setting)}
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
