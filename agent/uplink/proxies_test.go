package uplink

import (
	"errors"
	"net/url"
	"path/filepath"
	"testing"

	"rollbridge/agent/uplink/exit"
	"rollbridge/e2e/fault"
)

// door is a proxy that knows the way to a collector as collector.test.
func door(t *testing.T, c *collector, d fault.Door) *fault.Proxy {
	t.Helper()
	p, err := fault.NewProxy(nil, map[string]string{"example.com:443": c.server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	p.Lock(d)
	return p
}

// A post goes through a proxy that wants NTLM, and its faults are those of the
// uplink.
func TestPostThroughNTLM(t *testing.T) {
	c := newCollector(t, good)
	user := url.UserPassword(`SCHULE\roll`, "geheim")
	p := door(t, c, fault.Door{NTLM: user})
	route := Route{URL: "https://example.com", Roots: c.pool(), Exit: exit.Settings{Proxy: p.URL(nil), User: user.Username(), Password: "geheim"}}
	if h, err := c.agent(route).post(t); err != nil || h.Receipt == nil {
		t.Fatalf("%+v, %v", h, err)
	}
	for kind, change := range map[FaultKind]func(){
		ProxySecret: func() { route.Exit.Password = "falsch" },
		ProxyLogin:  func() { route.Exit.Login = exit.LoginNone },
		ProxyCloses: func() {
			route.Exit.User, route.Exit.Password = user.Username(), "geheim"
			p.Lock(fault.Door{NTLM: user, Closes: true})
		},
		ProxyScript: func() { route.Exit = exit.Settings{PAC: filepath.Join(t.TempDir(), "none.pac")} },
		ProxyDown:   func() { route.Exit = exit.Settings{Proxy: "http://no-such-host.invalid"} },
	} {
		p.Lock(fault.Door{NTLM: user})
		route.Exit = exit.Settings{Proxy: p.URL(nil), User: user.Username(), Password: "geheim"}
		change()
		h, err := c.agent(route).post(t)
		wantFault(t, h, err, kind)
	}
}

// Proxies opens the way and says it, and the collector hears nothing.
func TestProxies(t *testing.T) {
	c := newCollector(t, good)
	user := url.UserPassword("roll", "geheim")
	p := door(t, c, fault.Door{Basic: user})
	route := Route{URL: "https://example.com", Exit: exit.Settings{Proxy: p.URL(user)}}
	report, err := Proxies(t.Context(), route)
	if err != nil || report.Source != exit.FromSetting || len(report.Hops) != 1 || report.Hops[0] != (exit.Hop{Proxy: p.URL(nil), Tried: true, Login: exit.Basic}) {
		t.Errorf("%+v, %v", report, err)
	}
	if p.Tunnels("example.com:443") != 1 || len(c.frames) > 0 {
		t.Errorf("%d tunnels, %d messages", p.Tunnels("example.com:443"), len(c.frames))
	}
	route.Exit.Proxy = p.URL(nil)
	report, err = Proxies(t.Context(), route)
	var f *Fault
	if !errors.As(err, &f) || f.Kind != ProxyLogin || len(report.Hops) != 1 || report.Hops[0].Fault == nil {
		t.Errorf("without a login: %+v, %v", report, err)
	}
	route.Exit.Proxy = "none"
	route.URL = "https://no-such-host.invalid"
	if report, err = Proxies(t.Context(), route); !errors.As(err, &f) || f.Kind != NoName || !report.Hops[0].Tried {
		t.Errorf("no such name: %+v, %v", report, err)
	}
}
