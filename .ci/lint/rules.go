package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// importRule forbids files below from to import anything below not.
type importRule struct {
	from, not string
	except    string // a place below from that the rule does not bind
	tests     bool   // binds test files as well
	why       string
}

var importRules = slices.Concat([]importRule{
	{from: "agent", not: "collector", tests: true, why: "what runs in a school must not carry the collector's code; share through shared"},
	{from: "collector", not: "agent", tests: true, why: "the two sides know each other by messages only; share through shared"},
	{from: "shared", not: "agent", tests: true, why: "shared is what both sides build on; it must not know either"},
	{from: "shared", not: "collector", tests: true, why: "shared is what both sides build on; it must not know either"},
	{from: "configs", not: "agent", why: "configs only embeds files"},
	{from: "configs", not: "collector", why: "configs only embeds files"},
	{from: "docs", not: "agent", why: "docs only embeds pages"},
	{from: "docs", not: "collector", why: "docs only embeds pages"},
	{from: "agent/mis/sqlserver", not: "shared/record", tests: true, why: "it takes queries and gives cells; pupils are known to agent/mis only"},
	{from: "", not: "e2e", except: "e2e", why: "no product code may depend on the test harness or the demo school"},
	{from: "", not: "github.com/spf13/viper", except: "shared/config", tests: true, why: "viper drops unbound variables and unknown keys; shared/config guards against that and nothing else does"},

	{from: "collector/intake", not: "collector/apply", why: "intake faces the internet and must hold nothing that opens or decides"},
	{from: "collector/intake", not: "collector/vault", why: "intake faces the internet and must hold nothing that opens or decides"},
	{from: "collector/intake", not: "collector/store", why: "intake's database role reaches the inbox only, so its code does too"},
	{from: "collector/intake", not: "collector/portal", why: "a step imports steps to its left only"},
	{from: "collector/apply", not: "collector/intake", why: "apply must run where intake does not; what they share is the inbox"},
	{from: "collector/apply", not: "collector/portal", why: "a step imports steps to its left only"},
	{from: "collector/store", not: "collector/intake", why: "store is storage: the steps use it, it uses none of them"},
	{from: "collector/store", not: "collector/apply", why: "store is storage: the steps use it, it uses none of them"},
	{from: "collector/store", not: "collector/portal", why: "store is storage: the steps use it, it uses none of them"},
}, leftOnly("agent", "mis", "scope", "delta", "outbox", "logbook", "uplink"),
	apart("collector/portal", "entry", "today", "calls", "schools", "children", "reports", "people", "schoolpage", "console"))

// apart makes the rules of a package's sections, which know what they share and not each
// other; what they share knows none of them.
func apart(of string, sections ...string) (rules []importRule) {
	for _, section := range sections {
		for _, other := range sections {
			if section != other {
				rules = append(rules, importRule{from: of + "/" + section, not: of + "/" + other,
					why: "a section of the portal leads to another by an address; what two of them need belongs to neither"})
			}
		}
		rules = append(rules, importRule{from: of + "/web", not: of + "/" + section, tests: true, why: "web is what the sections share; it must not know any of them"})
	}
	return rules
}

// leftOnly makes the rules of a side whose steps are given from left to right. Tests may
// reach across: a step is often best tried with its successor.
func leftOnly(side string, steps ...string) (rules []importRule) {
	for i, step := range steps {
		for _, right := range steps[i+1:] {
			rules = append(rules, importRule{from: side + "/" + step, not: side + "/" + right,
				why: "a record goes " + strings.Join(steps, " > ") + "; a step imports steps to its left only"})
		}
	}
	return rules
}

// sourceRule looks at one file.
type sourceRule struct {
	name  string
	why   string
	check func(*module, file) []breach
}

// breach is a line that breaks a rule and what it does there.
type breach struct {
	line int
	what string
}

var sourceRules = []sourceRule{
	{"cgo", "the product is pure Go: it is built for four platforms from any one of them", usesCgo},
	{"printing", "only programs and their cli packages talk to a terminal; return the text or log with slog", prints},
	{"exiting", "only main exits, so that everything else can clean up and be tested; return an error", exits},
	{"old log", "log lines go through log/slog with the keys of shared/logkey", usesOldLog},
	{"skipped test", "a skipped test guards nothing; test what can be tested, or mark the line `//ci:needs PROGRAM` with a program that .ci/run installs", skips},
}

const (
	commentWhy = "a package comment is a short manual: what it guarantees, what it never does, where to start reading"
	cgoDepWhy  = "it has no Go without cgo, so the product would not build"
	noWhyWhy   = "each direct dependency has its reason in docs/dependencies.md, its path in backquotes"
)

// check returns every broken rule as "file:line: what: why", sorted by place.
func (m *module) check() []string {
	var found []string
	for _, f := range m.files {
		var here []breach
		for _, r := range importRules {
			here = append(here, r.check(m, f)...)
		}
		for _, r := range sourceRules {
			for _, b := range r.check(m, f) {
				here = append(here, breach{b.line, b.what + ": " + r.why})
			}
		}
		slices.SortFunc(here, func(a, b breach) int { return cmp.Compare(a.line, b.line) })
		for _, b := range here {
			found = append(found, fmt.Sprintf("%s:%d: %s", f.path, b.line, b.what))
		}
	}
	for _, dir := range m.uncommented() {
		found = append(found, fmt.Sprintf("%s: no package comment: %s", cmp.Or(dir, "."), commentWhy))
	}
	for _, dep := range m.cgoDep {
		found = append(found, fmt.Sprintf("%s needs cgo: %s", dep, cgoDepWhy))
	}
	for _, dep := range m.noWhy {
		found = append(found, fmt.Sprintf("go.mod: %s has no reason: %s", dep, noWhyWhy))
	}
	return found
}

func (r importRule) check(m *module, f file) (found []breach) {
	if f.test && !r.tests || !within(f.dir, r.from) || r.except != "" && within(f.dir, r.except) {
		return nil
	}
	for path, line := range m.imports(f) {
		if within(path, r.not) {
			found = append(found, breach{line, fmt.Sprintf("%s imports %s: %s", cmp.Or(f.dir, "the top"), path, r.why)})
		}
	}
	return found
}

// uncommented returns the packages of which no file says what they are. A package of
// tests only says it in a test file.
func (m *module) uncommented() []string {
	said, product := map[string]bool{}, map[string]bool{}
	for _, f := range m.files {
		product[f.dir] = product[f.dir] || !f.test
	}
	for _, f := range m.files {
		if f.test && product[f.dir] {
			continue
		}
		said[f.dir] = said[f.dir] || f.syntax.Doc != nil && strings.TrimSpace(f.syntax.Doc.Text()) != ""
	}
	var missing []string
	for dir, ok := range said {
		if !ok {
			missing = append(missing, dir)
		}
	}
	slices.Sort(missing)
	return missing
}
