package e2e

import (
	"os"
	"path/filepath"

	"rollbridge/e2e/stack"
)

// operators are three people with a key each, and the collector that
// serves what two of them sign.
type operators struct {
	*world
	draft string
	root  []byte
}

// operators makes the keys and publishes the first root, by the operators' own
// commands.
func (w *world) operators() *operators {
	w.t.Helper()
	o := &operators{world: w, draft: filepath.Join(w.collector.Dir, "releases", "draft")}
	w.must(os.WriteFile(o.file("passphrase"), []byte("a passphrase of four words\n"), 0o600))
	init := []string{"release", "init"}
	for _, who := range []string{"ada", "bea", "cyd"} {
		o.do("release", "key", o.file(who), "--name", who, "--passphrase-file", o.file("passphrase"))
		init = append(init, "--root-key", o.file(who)+".pub", "--targets-key", o.file(who)+".pub")
	}
	o.do(init...)
	o.publish("ada", "cyd")
	var err error
	o.root, err = os.ReadFile(filepath.Join(w.collector.Dir, "releases", "public", "1.root.json"))
	w.must(err)
	return o
}

func (o *operators) file(name string) string { return filepath.Join(o.dir, name) }

func (o *operators) do(args ...string) string {
	o.t.Helper()
	out, err := o.collector.Command(o.ctx, args...)
	o.must(err)
	return out
}

// publish has people sign the draft, and publishes it.
func (o *operators) publish(who ...string) {
	o.t.Helper()
	for _, name := range who {
		o.do("release", "sign", "--draft", o.draft, "--key", o.file(name), "--passphrase-file", o.file("passphrase"), "--yes")
	}
	o.do("release", "publish")
}

// build makes a program as a release is made, with what the build leaves beside
// it.
func (o *operators) build(version string) (program string) {
	o.t.Helper()
	dir := o.file("build-" + version)
	o.must(os.MkdirAll(dir, 0o755))
	program = filepath.Join(dir, "rollbridge-agent")
	o.must(stack.BuildVersion(o.ctx, "rollbridge/agent", program, stack.Stamp{Version: version, Root: o.root}, "testclock"))
	says, err := stack.Must(o.ctx, program, "", nil, "version", "--json")
	o.must(err)
	o.must(os.WriteFile(filepath.Join(dir, "release.json"), []byte(says), 0o644))
	return program
}
