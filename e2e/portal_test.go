package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/collector/vault"
	"rollbridge/e2e/browser"
	"rollbridge/e2e/stack"
)

// needChromium says where a test in a browser cannot run.
func needChromium(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("chromium is not installed") //ci:needs chromium
	}
}

// A gallery is a collector with something of everything in it, as it is on a Monday
// morning, people of every kind, and a browser.
type gallery struct {
	*testing.T
	ctx       context.Context
	collector *stack.Collector
	clock     string
	data      *portaltest.World
	browser   *browser.Browser
	people    map[string]*stack.Person
	schools   string // where hosted agents are
	hosted    *hosting

	shots   string // where pictures go; empty for none
	windows map[string]*browser.Tab
	console []*browser.Tab // the windows of the operator
	seen    []string       // the paths of pages that were looked at
}

func newGallery(t *testing.T) *gallery {
	t.Helper()
	g := &gallery{T: t, ctx: boundedBy(t, 40*time.Minute), people: map[string]*stack.Person{}, windows: map[string]*browser.Tab{}}
	dir := t.TempDir()
	g.clock, g.schools = filepath.Join(dir, "clock"), filepath.Join(dir, "schools")
	g.must(os.Mkdir(g.schools, 0o700))
	setClock(t, g.clock, time.Until(portaltest.Now()))
	secret := filepath.Join(dir, "secret")
	g.must(os.WriteFile(secret, []byte("s"), 0o600))
	var err error
	g.collector, err = stack.NewCollector(g.ctx, programs, filepath.Join(dir, "collector"), stack.CollectorOptions{Clock: g.clock, Env: []string{
		"ROLLBRIDGE_COLLECTOR_HOSTED_PROGRAM=" + programs.Agent, "ROLLBRIDGE_COLLECTOR_HOSTED_SCHOOLS=" + g.schools,
		// An authority's own sign-in service, which does not answer.
		"ROLLBRIDGE_COLLECTOR_PORTAL_URL=https://portal.example.org", "ROLLBRIDGE_COLLECTOR_PORTAL_OIDC_ISSUER=https://127.0.0.1:1/council",
		"ROLLBRIDGE_COLLECTOR_PORTAL_OIDC_AUTHORITY=" + portaltest.Busy, "ROLLBRIDGE_COLLECTOR_PORTAL_OIDC_NAME=the council", "ROLLBRIDGE_COLLECTOR_PORTAL_OIDC_CLIENT_ID=rollbridge",
		"ROLLBRIDGE_COLLECTOR_PORTAL_OIDC_SECRET_FILE=" + secret,
	}})
	g.must(err)
	t.Cleanup(func() {
		if err := g.collector.Close(); err != nil {
			t.Errorf("end the collector: %v", err)
		}
	})
	g.fill()
	_, err = g.collector.Start(g.ctx, "")
	g.must(err)
	g.browser = browser.Start(t)
	return g
}

func (g *gallery) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// fill puts everything into the collector's database while nobody else has it.
func (g *gallery) fill() {
	g.Helper()
	db, err := database.Open(g.ctx, "sqlite:"+g.collector.DatabaseFile())
	g.must(err)
	v, err := vault.Open(filepath.Join(g.collector.Dir, "keys", "vault"))
	g.must(err)
	g.data = portaltest.Fill(g, db, v)
	g.must(v.Close())
	g.must(db.Close())
}

// person is somebody who has signed in once, for each name once.
func (g *gallery) person(role, authority string) *stack.Person {
	g.Helper()
	name := role + "-" + authority
	if p, there := g.people[name]; there {
		return p
	}
	p := stack.Person{Name: name, Role: role}
	switch role {
	case "school":
		p.School = authority
	case "operator":
	default:
		p.Authorities = []string{authority}
	}
	joined, err := g.collector.Join(g.ctx, p)
	g.must(err)
	g.people[name] = joined
	return joined
}

// signedIn is a browser of somebody without a window.
func (g *gallery) signedIn(role, authority string) *stack.Browser {
	g.Helper()
	b, err := g.collector.As(g.ctx, g.person(role, authority))
	g.must(err)
	return b
}

// tab is a window in which somebody is signed in; role "" is nobody.
func (g *gallery) tab(role, authority string, o browser.Options) *browser.Tab {
	g.Helper()
	tab := g.browser.Tab(g, o)
	if role == "" {
		return tab
	}
	b := g.signedIn(role, authority)
	tab.Carry(b.Base, b.Client.Jar)
	return tab
}

// userID is the number of a person, by which addresses name people.
func (g *gallery) userID(role, authority string) (id string) {
	g.Helper()
	p := g.person(role, authority)
	db, err := database.Open(g.ctx, "sqlite:"+g.collector.DatabaseFile())
	g.must(err)
	defer func() { g.must(db.Close()) }()
	g.must(db.Read(g.ctx, func(tx *database.Tx) error {
		return tx.QueryRow(g.ctx, "SELECT id FROM users WHERE name = ?", p.Name).Scan(&id)
	}))
	return id
}
