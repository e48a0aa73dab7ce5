package e2e

import (
	"path/filepath"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/e2e/browser"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// consolePages are the operator's pages on the private listener, with something that is
// held, set aside, refused, silent and about to end on them. They are in English.
func (g *gallery) consolePages() {
	g.Helper()
	b, err := g.collector.Browse()
	g.must(err)
	b.Base = g.collector.PrivateURL
	stranger := g.browser.Tab(g, browser.Options{})
	g.open(stranger, sight{name: "console-sign-in", path: b.Base + "/sign-in"})
	g.must(b.SignIn(g.ctx, g.person("operator", "")))
	tab := g.browser.Tab(g, browser.Options{})
	g.console = tab
	tab.Carry(b.Base, b.Client.Jar)
	open := func(name, path string, code int) {
		g.Helper()
		g.open(tab, sight{name: name, path: b.Base + path, code: code})
	}
	open("console-agents-none", "/console/agents", 0)
	g.trouble()
	open("console", "/console", 0)
	open("console-schools", "/console/schools", 0)
	open("console-schools-second-page", "/console/schools?sort=-name&page=2", 0)
	open("console-schools-none", "/console/schools?authority="+portaltest.Empty, 0)
	open("console-schools-error", "/console/schools?word=Fine", 422)
	open("console-agents", "/console/agents", 0)
	open("console-batches", "/console/batches", 0)
	open("console-codes", "/console/codes", 0)
	open("console-releases", "/console/releases", 0)
	open("console-upkeep", "/console/upkeep", 0)
	open("console-account", "/account", 0)
	open("console-not-found", "/console/nothing", 404)
}

// trouble gives the operator something to do: an agent that waits for a yes, one that is
// silent, codes, batches that wait or are set aside, and records that were refused.
func (g *gallery) trouble() {
	g.Helper()
	folder := g.TempDir()
	school := demoschool.New(small())
	g.must(school.WriteCSV(folder))
	for _, id := range []string{"waits", "silent"} {
		code, err := g.collector.AddSchool(g.ctx, stack.School{ID: id, Name: "School that " + id, Authorities: []string{portaltest.Good}})
		g.must(err)
		agent, err := stack.NewAgent(programs, filepath.Join(g.TempDir(), id), stack.Folder("csv", folder), stack.AgentOptions{Clock: g.clock})
		g.must(err)
		phrase, err := agent.Enrol(g.ctx, code)
		g.must(err)
		w := &world{t: g.T, ctx: g.ctx, collector: g.collector}
		if id == "silent" {
			w.confirmOf(id, phrase)
		}
	}
	db, err := database.Open(g.ctx, "sqlite:"+g.collector.DatabaseFile())
	g.must(err)
	defer func() { g.must(db.Close()) }()
	at := func(d time.Duration) int64 { return database.Micros(portaltest.Now().Add(d)) }
	g.must(db.Write(g.ctx, func(tx *database.Tx) error {
		exec := func(query string, args ...any) {
			g.Helper()
			_, err := tx.Exec(g.ctx, query, args...)
			g.must(err)
		}
		exec("UPDATE attempts SET heard_at = ? WHERE school = 'silent'", at(-30*time.Hour))
		for n, ends := range []time.Duration{time.Hour, -time.Hour} {
			exec("INSERT INTO codes (school, code_id, public_key, offer, created_at, expires_at) VALUES ('ash', ?, ?, ?, ?, ?)",
				[]byte{byte(0xa0 + n)}, []byte("k"), []byte("o"), at(-71*time.Hour), at(ends))
		}
		for n, state := range []string{"set_aside", "set_aside"} {
			exec(`INSERT INTO inbox (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, receipt, state)
				VALUES ('lime', ?, 1, ?, ?, ?, 1, 1, ?, 3000, ?, ?)`, []byte("a"), n+100, []byte{byte(n)}, []byte{0}, at(-time.Hour), []byte("r"), state)
		}
		for _, key := range []string{"k1", "k2"} {
			exec(`INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES ('ash', 'contact', ?, 1, '["Phones:too_long"]', ?, ?)`, key, []byte("x"), at(-time.Hour))
		}
		return nil
	}))
}

// ofOperator says whether a window shows the console, on which all schools are.
func (g *gallery) ofOperator(tab *browser.Tab) bool { return tab == g.console }
