package update

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/agent/uplink"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// Limits bound what a repository may do to an agent.
type Limits struct {
	// File is the longest that one file of metadata may take, Program a program.
	File, Program time.Duration
	// Stall is how long nothing may come.
	Stall time.Duration
}

// DefaultLimits let 40 MB through a line of 64 kbit/s.
var DefaultLimits = Limits{File: 5 * time.Minute, Program: 2 * time.Hour, Stall: time.Minute}

// The sizes that metadata may have. Targets of a thousand releases for four
// platforms have 3 MB.
const (
	maxRoot      = 512 << 10
	maxTimestamp = 64 << 10
	maxSnapshot  = 256 << 10
	maxTargets   = 8 << 20
)

// A fetcher asks one repository for files, during one check.
type fetcher struct {
	ctx    context.Context
	site   *uplink.Site
	base   *url.URL
	limits Limits
	// kept answers instead of the network for a file that is held since an earlier
	// check; what it gives is checked like everything else.
	kept func(name string) []byte
	// got are the files that were had, by name.
	got map[string][]byte
	// date is what the server's clock says, which nothing proves.
	date time.Time
}

func (f *fetcher) host() string { return f.base.Hostname() }

// DownloadFile implements the library's fetcher. A missing later root is the end
// of the list of roots: that is the only file for which not to be there means
// anything. Stores of objects answer 403 for what is missing.
func (f *fetcher) DownloadFile(address string, limit int64, _ time.Duration) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	name := path.Base(u.Path)
	if data := f.kept(name); data != nil {
		f.got[name] = data
		return data, nil
	}
	data, status, err := f.get(u, name, limit)
	if err != nil {
		return nil, err
	}
	root := strings.HasSuffix(name, "."+metadata.ROOT+".json")
	switch {
	case root && (status == http.StatusNotFound || status == http.StatusForbidden):
		return nil, &metadata.ErrDownloadHTTP{StatusCode: http.StatusNotFound, URL: name}
	case status != http.StatusOK:
		return nil, f.status(name, status)
	case !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return nil, fault(protocol.UpdateNotMetadata, nil, exempt(f.host()), "%s answers with a page of something else instead of the metadata of updates (%s)", f.host(), name)
	}
	f.got[name] = data
	return data, nil
}

// status words an answer other than 200.
func (f *fetcher) status(name string, status int) *Fault {
	switch {
	case status >= 500 || status == http.StatusTooManyRequests:
		return fault(protocol.UpdateUnreachable, nil, again, "the repository of updates at %s is out of order (HTTP %d)", f.host(), status)
	case status >= 300 && status < 400:
		return fault(protocol.UpdateRefused, nil, "set updates.url to the address that it sends on to", "%s sends on to another address instead of giving out %s (HTTP %d)", f.host(), name, status)
	case status == http.StatusNotFound:
		return fault(protocol.UpdateRefused, nil, "check updates.url, or tell the collector's operator; the agent goes on as it is", "%s has no %s: it is no repository of updates, or not a whole one (HTTP 404)", f.host(), name)
	}
	return fault(protocol.UpdateRefused, nil, "ask for the host to be allowed, or tell the collector's operator; the agent goes on as it is", "%s does not give out %s (HTTP %d)", f.host(), name, status)
}

// get reads one file of metadata.
func (f *fetcher) get(u *url.URL, name string, limit int64) (data []byte, status int, err error) {
	ctx, cancel := context.WithTimeoutCause(f.ctx, f.limits.File, f.slow(name))
	defer cancel()
	body, status, err := f.open(ctx, u, name, limit)
	if err != nil || body == nil {
		return nil, status, err
	}
	defer body.Close()
	data, err = io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return nil, status, f.broken(ctx, err)
	case int64(len(data)) > limit:
		return nil, status, f.tooLarge(name, limit)
	}
	return data, status, nil
}

func (f *fetcher) slow(name string) *Fault {
	return fault(protocol.UpdateTooSlow, nil, again, "%s did not come from %s in time", name, f.host())
}

func (f *fetcher) tooLarge(name string, limit int64) *Fault {
	return fault(protocol.UpdateTooLarge, nil, tellOperator, "%s from %s is larger than the %d bytes that it may have", name, f.host(), limit)
}

// open asks for a file and returns its body, which ends with an error where
// nothing comes for too long. The body is nil for any status but 200.
func (f *fetcher) open(ctx context.Context, u *url.URL, name string, limit int64) (io.ReadCloser, int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watched{f: f, ctx: ctx, cancel: cancel, name: name}
	w.timer = time.AfterFunc(f.limits.Stall, func() { cancel(f.slow(name)) })
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, 0, err
	}
	request.Header.Set("User-Agent", "rollbridge-agent/"+version.Version)
	response, err := f.site.HTTP().Do(request)
	if err != nil {
		err = f.broken(ctx, err)
		w.end()
		return nil, 0, err
	}
	w.body = response.Body
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		f.date = date
	}
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, response.StatusCode, w.Close()
	case response.ContentLength > limit:
		return nil, response.StatusCode, errors.Join(f.tooLarge(name, limit), w.Close())
	}
	return w, response.StatusCode, nil
}

// broken words an error of the network. Whoever ended the context decides: a
// limit has its own words, the caller's end stays what it is.
func (f *fetcher) broken(ctx context.Context, err error) error {
	if ended := f.ctx.Err(); ended != nil {
		return ended
	}
	if worded, ok := errors.AsType[*Fault](err); ok {
		return worded
	}
	if late, ok := errors.AsType[*Fault](context.Cause(ctx)); ok {
		return late
	}
	return onTheWay(f.site.Explain(err))
}

// watched is a body that may not stall.
type watched struct {
	f      *fetcher
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	body   io.ReadCloser
	name   string
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	if n > 0 {
		w.timer.Reset(w.f.limits.Stall)
	}
	if err != nil && err != io.EOF {
		err = w.f.broken(w.ctx, err)
	}
	return n, err
}

func (w *watched) end() {
	w.timer.Stop()
	w.cancel(nil)
}

func (w *watched) Close() error {
	w.end()
	return w.body.Close()
}
