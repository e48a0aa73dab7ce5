package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds each step; a page that takes longer is broken.
const patience = 3 * time.Minute

// A Browser is one Chromium without a window.
type Browser struct{ ctx context.Context }

// Start runs Chromium until the test ends.
func Start(t testing.TB) *Browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(
		chromedp.NoSandbox, // which needs rights that a container has not; only our own pages are opened
		chromedp.Flag("ignore-certificate-errors", true), // the trial certificate is its own authority
		chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(patience), // a busy machine starts it slowly
	))
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits for Chromium to end
			t.Logf("end chromium: %v", err)
		}
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return &Browser{ctx}
}

// Options are how somebody looks at pages. The zero Options are a wide screen with
// JavaScript in English.
type Options struct {
	Width, Height int
	NoScript      bool
	Language      string // of Accept-Language
}

// A Tab is one window of its own, with cookies of its own.
type Tab struct {
	testing.TB
	ctx     context.Context
	options Options
	status  int
	saved   chan *browser.EventDownloadProgress // the last of each file

	mutex      sync.Mutex
	complaints []string
}

// Tab opens an empty window until the test ends.
func (b *Browser) Tab(t testing.TB, o Options) *Tab {
	t.Helper()
	if o.Width == 0 {
		o.Width, o.Height = 1366, 768
	}
	if o.Language == "" {
		o.Language = "en-GB"
	}
	tab := &Tab{TB: t, options: o, saved: make(chan *browser.EventDownloadProgress, 8)}
	var cancel context.CancelFunc
	tab.ctx, cancel = chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.hear))
	t.Cleanup(cancel)
	if err := chromedp.Do(tab.ctx); err != nil { // without a time limit, which would be the window's
		t.Fatalf("open a window: %v", err)
	}
	tab.Size(o.Width, o.Height)
	tab.do(chromedp.Func(func(ctx context.Context, c *chromedp.Target) error {
		_, err := cdp.Call(ctx, c, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": o.Language}})
		return err
	}))
	tab.noScript(o.NoScript)
	return tab
}

func (t *Tab) noScript(off bool) {
	t.Helper()
	t.do(chromedp.Func(func(ctx context.Context, c *chromedp.Target) error {
		_, err := cdp.Call(ctx, c, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
		return err
	}))
}

// Size makes the window another size; a narrow one is a phone's.
func (t *Tab) Size(width, height int) {
	t.Helper()
	t.do(chromedp.Func(func(ctx context.Context, c *chromedp.Target) error {
		_, err := cdp.Call(ctx, c, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: int64(width), Height: int64(height), DeviceScaleFactor: 1, Mobile: width < 500,
		})
		return err
	}))
}

// hear keeps what the browser complains about. An answer with an error is expected by
// whoever asks for a page, so only those to what a page loads by itself count.
func (t *Tab) hear(event any) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if e.Type != network.ResourceTypeDocument && e.Response.Status >= 400 {
			t.complaints = append(t.complaints, fmt.Sprintf("%s: %d", e.Response.URL, e.Response.Status))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			t.complaints = append(t.complaints, e.Entry.Text)
		}
	case *browser.EventDownloadProgress:
		if e.State != browser.DownloadProgressStateInProgress {
			t.saved <- e
		}
	case *runtime.EventExceptionThrown:
		t.complaints = append(t.complaints, e.ExceptionDetails.Text)
	}
}

func (t *Tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval runs an expression in the page.
func eval[T any](t *Tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	await := true
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, func(p *runtime.EvaluateParams) { p.AwaitPromise = &await }))
	if err != nil {
		t.Fatalf("%.60s: %v", expression, err)
	}
	return value
}

// leave does what leads to another page, and waits until that is loaded.
func (t *Tab) leave(step chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		t.Fatalf("load a page: %v", err)
	}
	t.status = 0
	if answer != nil {
		t.status = int(answer.Status)
	}
	t.quiet()
}

// Open goes to an address and returns the status of the answer.
func (t *Tab) Open(url string) int {
	t.Helper()
	t.leave(chromedp.Navigate(url))
	return t.status
}

// Send sends the first form of the page's main part as it stands, and returns the status
// of the answer.
func (t *Tab) Send() int {
	t.Helper()
	return t.Click("main form[method=post] button[type=submit], main form[method=post] button:not([type])")
}

// Click clicks what a selector finds first, which leads to another page, and returns the
// status of the answer.
func (t *Tab) Click(selector string) int {
	t.Helper()
	if !t.Has(selector) {
		t.Fatalf("%s: there is no %s", t.Path(), selector)
	}
	t.leave(chromedp.Func(func(ctx context.Context, c *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](fmt.Sprintf("document.querySelector(%q).click(), true", selector))(ctx, c)
		return err
	}))
	return t.status
}

// Has says whether a selector finds anything.
func (t *Tab) Has(selector string) bool {
	t.Helper()
	return eval[bool](t, fmt.Sprintf("!!document.querySelector(%q)", selector))
}

// Pick ticks a box or chooses a radio button.
func (t *Tab) Pick(selector string) {
	t.Helper()
	if !t.Has(selector) {
		t.Fatalf("%s: there is no %s", t.Path(), selector)
	}
	eval[bool](t, fmt.Sprintf("document.querySelector(%q).click(), true", selector))
}

// Set puts a text into the input of an id.
func (t *Tab) Set(id, text string) {
	t.Helper()
	if !t.Has("#" + id) {
		t.Fatalf("%s: there is no input %s", t.Path(), id)
	}
	eval[bool](t, fmt.Sprintf("document.getElementById(%q).value = %q, true", id, text))
}

// Status is that of the last page.
func (t *Tab) Status() int { return t.status }

func (t *Tab) quiet() {
	t.Helper()
	t.mutex.Lock()
	complaints := t.complaints
	t.complaints = nil
	t.mutex.Unlock()
	for _, c := range complaints {
		t.Errorf("%s: the browser complains: %s", t.Path(), c)
	}
}

// Narrow says that this is a phone's window.
func (t *Tab) Narrow() bool { return t.options.Width < 500 }

// Title is the page's.
func (t *Tab) Title() string { t.Helper(); return eval[string](t, "document.title") }

// Text is what can be read on the page.
func (t *Tab) Text() string { t.Helper(); return eval[string](t, "document.body.innerText") }

// HTML is the page as it stands.
func (t *Tab) HTML() string { t.Helper(); return eval[string](t, "document.documentElement.outerHTML") }

// Path is where the page is, with its query.
func (t *Tab) Path() string {
	t.Helper()
	return eval[string](t, "location.pathname + location.search")
}

// Says fails where the page does not say each of the texts.
func (t *Tab) Says(texts ...string) {
	t.Helper()
	page := t.Text()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Fatalf("%s does not say %q:\n%s", t.Path(), text, page)
		}
	}
}

// Await waits until the page says a text by itself.
func (t *Tab) Await(text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](fmt.Sprintf("document.body.innerText.includes(%q)", text))); err != nil {
		t.Fatalf("%s does not come to say %q: %v\n%s", t.Path(), text, err, t.Text())
	}
}

// Carry takes over the cookies of somebody who has signed in, so that not every look at a
// page signs in by itself.
func (t *Tab) Carry(base string, jar http.CookieJar) {
	t.Helper()
	at, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	t.do(chromedp.Func(func(ctx context.Context, c *chromedp.Target) error {
		for _, k := range jar.Cookies(at) {
			yes, secure := true, at.Scheme == "https"
			if _, err := cdp.Call(ctx, c, network.SetCookie, network.SetCookieParams{Name: k.Name, Value: k.Value, URL: base, Path: "/", Secure: &secure, HTTPOnly: &yes}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// TextOf is what can be read in what a selector finds first.
func (t *Tab) TextOf(selector string) string {
	t.Helper()
	return eval[string](t, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// ValueOf is what stands in the input of an id.
func (t *Tab) ValueOf(id string) string {
	t.Helper()
	return eval[string](t, fmt.Sprintf("document.getElementById(%q).value", id))
}
