package pac

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// script reads a script whose names are those of a plain fiction.
func script(t *testing.T, text string) *Script {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		switch host {
		case "inside.test":
			return []netip.Addr{netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("10.1.2.3")}, nil
		case "six.test":
			return []netip.Addr{netip.MustParseAddr("2001:db8::8")}, nil
		}
		return nil, &net.DNSError{Name: host, IsNotFound: true}
	}
	s.now = func() time.Time { return time.Date(2026, 11, 23, 9, 15, 30, 0, time.UTC) } // a Monday
	return s
}

// says runs a script that answers with the value of an expression.
func says(t *testing.T, expression string) string {
	t.Helper()
	s := script(t, `function FindProxyForURL(url, host) { return String(`+expression+`); }`)
	got, err := s.Find(t.Context(), "https://collector.test/", "collector.test")
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return got
}

func TestFunctions(t *testing.T) {
	time.Local = time.UTC
	for expression, want := range map[string]string{
		`url + host`:               "https://collector.test/collector.test",
		`isPlainHostName("www")`:   "true",
		`isPlainHostName("www.a")`: "false",
		`dnsDomainIs("www.Oakmere.test", ".oakmere.test")`:               "true",
		`dnsDomainIs("www.oakmere.example", ".oakmere.test")`:            "false",
		`localHostOrDomainIs("www", "www.oakmere.test")`:                 "true",
		`localHostOrDomainIs("www.oakmere.test", "www.oakmere.test")`:    "true",
		`localHostOrDomainIs("home.oakmere.test", "www.oakmere.test")`:   "false",
		`isResolvable("inside.test")`:                                    "true",
		`isResolvable("outside.test")`:                                   "false",
		`isResolvable("six.test")`:                                       "false",
		`isResolvableEx("six.test")`:                                     "true",
		`isInNet("inside.test", "10.1.0.0", "255.255.0.0")`:              "true",
		`isInNet("inside.test", "10.2.0.0", "255.255.0.0")`:              "false",
		`isInNet("10.1.9.9", "10.1.0.0", "255.255.0.0")`:                 "true",
		`isInNet("inside.test", "rubbish", "255.255.0.0")`:               "false",
		`isInNetEx("inside.test", "2001:db8::/32")`:                      "true",
		`dnsResolve("inside.test")`:                                      "10.1.2.3",
		`dnsResolve("outside.test")`:                                     "null",
		`dnsResolveEx("inside.test")`:                                    "2001:db8::7;10.1.2.3",
		`sortIpAddressList("10.0.0.2;2001:db8::1;10.0.0.1")`:             "2001:db8::1;10.0.0.1;10.0.0.2",
		`sortIpAddressList("rubbish")`:                                   "false",
		`convert_addr("104.16.41.2")`:                                    "1745889538",
		`isInNet(myIpAddress(), "0.0.0.0", "0.0.0.0")`:                   "true",
		`typeof myIpAddressEx()`:                                         "string",
		`dnsDomainLevels("www.oakmere.test")`:                            "2",
		`shExpMatch("http://home.test/people/index.html", "*/people/*")`: "true",
		`shExpMatch("http://home.test/other/index.html", "*/people/*")`:  "false",
		`shExpMatch("aab", "a*b")`:                                       "true",
		`shExpMatch("a.b", "a?b")`:                                       "true",
		`shExpMatch("a", "a?")`:                                          "false",
		`alert("pupil") === undefined`:                                   "true",
		`getClientVersion()`:                                             "1.0",
		`weekdayRange("MON")`:                                            "true",
		`weekdayRange("TUE", "FRI")`:                                     "false",
		`weekdayRange("SAT", "MON", "GMT")`:                              "true",
		`weekdayRange("RUBBISH")`:                                        "false",
		`dateRange(23)`:                                                  "true",
		`dateRange(24)`:                                                  "false",
		`dateRange("NOV")`:                                               "true",
		`dateRange(2026, "GMT")`:                                         "true",
		`dateRange(2020, 2025)`:                                          "false",
		`dateRange("OCT", "FEB")`:                                        "true",
		`dateRange(1, "DEC", 31, "JAN")`:                                 "false",
		`dateRange(24, "DEC", 2025, 23, "NOV", 2026)`:                    "true",
		`dateRange("OCT", 2026, "NOV", 2026)`:                            "true",
		`dateRange(1, "NOV")`:                                            "false",
		`timeRange(9)`:                                                   "true",
		`timeRange(10, 17)`:                                              "false",
		`timeRange(9, 9)`:                                                "true",
		`timeRange(9, 16, 9, 20)`:                                        "false",
		`timeRange(22, 0, 9, 15)`:                                        "true",
		`timeRange(9, 15, 30, 9, 15, 30, "GMT")`:                         "true",
		`timeRange(9, 15, 31, 9, 15, 40)`:                                "false",
	} {
		if got := says(t, expression); got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}
}

func TestExComesFirst(t *testing.T) {
	s := script(t, `function FindProxyForURL() { return "DIRECT"; } function FindProxyForURLEx() { return "PROXY six:1"; }`)
	if got, err := s.Find(t.Context(), "https://x/", "x"); err != nil || got != "PROXY six:1" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNothingStays(t *testing.T) {
	s := script(t, `var n = 0; function FindProxyForURL() { return "PROXY p" + (++n); }`)
	for range 2 {
		if got, err := s.Find(t.Context(), "https://x/", "x"); err != nil || got != "PROXY p1" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestScriptSeesNothing(t *testing.T) {
	for _, name := range []string{"require", "process", "console", "fetch", "XMLHttpRequest", "setTimeout", "ActiveXObject"} {
		if got := says(t, "typeof "+name); got != "undefined" {
			t.Errorf("%s is a %s", name, got)
		}
	}
}

func TestWrongScripts(t *testing.T) {
	for text, want := range map[string]string{
		"<html>sign in</html>":                                     "a page",
		"function (":                                               "SyntaxError",
		"/*" + strings.Repeat("x", MaxBytes):                       "larger",
		"var x = 1":                                                ErrNone.Error(),
		"function FindProxyForURL() {}":                            ErrAnswer.Error(),
		"function FindProxyForURL() { return 7 }":                  ErrAnswer.Error(),
		"function FindProxyForURL() { return nowhere }":            "nowhere is not defined",
		"function FindProxyForURL() { throw new Array(900) + '' }": "…",
		"function f() { return f() } function FindProxyForURL() { return f() }":                                           "",
		"function FindProxyForURL() { for (var i = 0; ; i++) dnsResolve('n' + i) }":                                       ErrNames.Error(),
		"function FindProxyForURL() { try { for (var i = 0; ; i++) dnsResolve('n' + i) } catch (e) { return 'DIRECT' } }": ErrNames.Error(),
		"function FindProxyForURL() { var a = []; while (true) a.push('pupil'.repeat(100000)) }":                          ErrMemory.Error(),
	} {
		s, err := Parse(text)
		if err == nil {
			s.lookup = script(t, "").lookup
			_, err = s.Find(t.Context(), "https://x/", "x")
		}
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}

// A loop is broken into wherever it stands when the question is given up.
func TestLoop(t *testing.T) {
	for name, loop := range map[string]string{
		"in a function": `function FindProxyForURL() { while (true); }`,
		"outside":       `while (true); function FindProxyForURL() { return "DIRECT"; }`,
		"caught":        `function FindProxyForURL() { while (true) { try { while (true); } catch (e) {} finally { continue; } } }`,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		s := script(t, loop)
		done := make(chan error)
		go func() {
			_, err := s.Find(ctx, "https://x/", "x")
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, ErrSlow) || s.stuck.Load() {
			t.Errorf("%s: %v, stuck %t", name, err, s.stuck.Load())
		}
	}
}

// A lookup that takes for ever ends with the script's time, and a step that
// cannot be left makes the script unusable, not the caller wait.
func TestTimeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		s := script(t, `function FindProxyForURL() { for (var i = 0; i < 20; i++) dnsResolve("n" + i); return "DIRECT"; }`)
		s.lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start := time.Now()
		if _, err := s.Find(t.Context(), "https://x/", "x"); !errors.Is(err, ErrSlow) || time.Since(start) > maxTime+grace {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		s.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
			<-never
			return nil, nil
		}
		asked := 0
		for range 2 {
			if _, err := s.Find(t.Context(), "https://x/", "x"); !errors.Is(err, ErrSlow) {
				t.Errorf("%v", err)
			}
			asked++
		}
		if took := time.Since(start); took > 2*(maxTime+grace) {
			t.Errorf("a script that is stuck was run again: %s", took)
		}
		close(never)
	})
}

func TestRead(t *testing.T) {
	for answer, want := range map[string][]Way{
		"":                                   {{"direct", ""}},
		" DIRECT ":                           {{"direct", ""}},
		"PROXY a:8080; direct;":              {{"http", "a:8080"}, {"direct", ""}},
		"PROXY a;HTTPS b;SOCKS5 c;SOCKS d:9": {{"http", "a:80"}, {"https", "b:443"}, {"socks5", "c:1080"}, {"socks4", "d:9"}},
		"PROXY [2001:db8::1]:3128":           {{"http", "[2001:db8::1]:3128"}},
		"PROXY 2001:db8::1":                  {{"http", "[2001:db8::1]:80"}},
	} {
		got, err := Read(answer)
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %v\n%s", answer, err, cmp.Diff(want, got))
		}
	}
	for _, answer := range []string{";", "PROXY", "PROXY a b", "proxy.test:8080", "QUIC a:1", "PROXY http://a:1", "PROXY u:geheim@a:1", "PROXY u@a:1", "PROXY a/b:1", "PROXY :80", "DIRECT x"} {
		if ways, err := Read(answer); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v, %v", answer, ways, err)
		}
	}
}
