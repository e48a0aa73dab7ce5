package e2e

import (
	"crypto/ed25519"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/e2e/browser"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// consolePages are the operator's pages on the private listener, with something that is
// held, set aside, refused, silent, released and about to end on them.
func (g *gallery) consolePages() {
	g.Helper()
	for _, o := range []browser.Options{{}, onPhone} {
		g.open(g.browser.Tab(g, o), sight{name: "console-sign-in", path: g.collector.PrivateURL + "/sign-in"})
	}
	g.operatorSignsIn()
	g.operatorOpens("console-agents-none", "/console/agents", 0)
	g.operatorOpens("console-releases-none", "/console/releases", 0)
	g.trouble()
	g.released()
	g.operatorOpens("console", "/console", 0)
	g.operatorOpens("console-schools", "/console/schools", 0)
	g.operatorOpens("console-schools-second-page", "/console/schools?sort=-name&page=2", 0)
	g.operatorOpens("console-schools-none", "/console/schools?authority="+portaltest.Empty, 0)
	g.operatorOpens("console-schools-error", "/console/schools?word=Fine", 422)
	g.operatorOpens("console-agents", "/console/agents", 0)
	g.operatorOpens("console-batches", "/console/batches", 0)
	g.operatorOpens("console-codes", "/console/codes", 0)
	g.operatorOpens("console-releases", "/console/releases", 0)
	g.operatorOpens("console-upkeep", "/console/upkeep", 0)
	g.operatorOpens("console-account", "/account", 0)
	g.operatorOpens("console-cookies", "/cookies", 0)
	g.operatorOpens("console-accessibility", "/accessibility", 0)
	g.operatorOpens("console-not-found", "/console/nothing", 404)
}

// operatorSignsIn opens both windows of the operator.
func (g *gallery) operatorSignsIn() {
	g.Helper()
	b, err := g.collector.Browse()
	g.must(err)
	b.Base = g.collector.PrivateURL
	g.must(b.SignIn(g.ctx, g.person("operator", "")))
	for _, o := range []browser.Options{{}, onPhone} {
		tab := g.browser.Tab(g, o)
		tab.Carry(b.Base, b.Client.Jar)
		g.console = append(g.console, tab)
	}
}

// operatorOpens has both windows of the operator, those of the last sign-in, look at a
// page.
func (g *gallery) operatorOpens(name, path string, code int) {
	g.Helper()
	for _, tab := range g.console[len(g.console)-2:] {
		g.open(tab, sight{name: name, path: g.collector.PrivateURL + path, code: code})
	}
}

// neglected are the operator's pages when nobody has seen to anything for two months: the
// jobs have, and what people sign is about to end.
func (g *gallery) neglected() {
	g.Helper()
	setClock(g.T, g.clock, time.Until(portaltest.Now().AddDate(0, 0, 70)))
	g.operatorSignsIn()
	for _, page := range []string{"", "/agents", "/releases", "/upkeep"} {
		g.operatorOpens("console-neglected"+strings.ReplaceAll(page, "/", "-"), "/console"+page, 0)
	}
	for i, says := range []string{"The targets metadata of releases expire on Sun 21 Feb", "Daw metadata targets y rhyddhadau i ben Sul 21 Chwef"} {
		tab := g.console[len(g.console)-2+i]
		tab.Open(g.collector.PrivateURL + "/console")
		tab.Says(says)
	}
}

// released is a release that one agent has gone back from and another is kept from, and a
// draft of the next.
func (g *gallery) released() {
	g.Helper()
	w := &world{t: g.T, ctx: g.ctx, dir: g.TempDir(), collector: g.collector}
	o := w.operators()
	o.do("release", "add", o.build("1.1.0"), "--security")
	o.publish("ada", "bea")
	o.do("release", "promote", "1.1.0", "--ring", "early", "--percent", "100")
	o.do("release", "pause")
	o.do("release", "add", o.build("1.2.0"))
	at := portaltest.Now()
	back := []protocol.UpdateSkip{{Version: "1.1.0", Reason: "crashed", Since: at}}
	g.says("wood-01", protocol.Checkin{Version: "1.1.0", Update: &protocol.Update{Ring: "early", Metadata: at.Unix()}})
	g.says("wood-02", protocol.Checkin{Version: "1.0.0", Update: &protocol.Update{Ring: "general", Metadata: at.AddDate(0, 0, -9).Unix(), Skipped: back}})
	g.says("wood-03", protocol.Checkin{Version: "of nobody's"})
}

// says has a school's agent say something, signed by a key of its own.
func (g *gallery) says(school string, said protocol.Checkin) {
	g.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	g.must(err)
	said.Agent = envelope.AgentOf(public)
	signed, err := protocol.Sign(key, protocol.DomainCheckin, said)
	g.must(err)
	body, err := json.Marshal(protocol.Posted{Request: signed})
	g.must(err)
	frame := protocol.Attempt{Message: protocol.MessageCheckin, Sender: protocol.Sender(said.Agent)}.Encode(body, key)
	g.write(func(exec func(string, ...any)) {
		exec("UPDATE agents SET agent = ?, sign_key = ? WHERE school = ?", said.Agent[:], []byte(public), school)
		exec("UPDATE attempts SET agent = ?, checkin = ?, heard_at = ? WHERE school = ?", said.Agent[:], frame, database.Micros(portaltest.Now()), school)
	})
}

// write changes what the collector's database holds.
func (g *gallery) write(do func(exec func(query string, args ...any))) {
	g.Helper()
	db, err := database.Open(g.ctx, "sqlite:"+g.collector.DatabaseFile())
	g.must(err)
	defer func() { g.must(db.Close()) }()
	g.must(db.Write(g.ctx, func(tx *database.Tx) error {
		do(func(query string, args ...any) {
			g.Helper()
			n, err := tx.Exec(g.ctx, query, args...)
			g.must(err)
			if n == 0 {
				g.Errorf("this changed nothing: %s", query)
			}
		})
		return nil
	}))
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
	at := func(d time.Duration) int64 { return database.Micros(portaltest.Now().Add(d)) }
	g.write(func(exec func(string, ...any)) {
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
	})
}

// ofOperator says whether a window shows the console, on which all schools are.
func (g *gallery) ofOperator(tab *browser.Tab) bool { return slices.Contains(g.console, tab) }
