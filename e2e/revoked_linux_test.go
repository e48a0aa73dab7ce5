package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"

	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/standin"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// A revoking is a world whose agent is about to be revoked, again and again from
// copies of one directory, with the network unplugged by the gateway.
type revoking struct {
	*world
	gateway *fault.Gateway
	full    string // the directory with everything in it

	mu   sync.Mutex
	seen []protocol.Message
	fate fault.Fate
}

func newRevoking(t *testing.T) *revoking {
	t.Helper()
	gateway, err := fault.NewGateway()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Close() })
	r := &revoking{world: emptyWorld(t, small()), gateway: gateway}
	r.setUpMIS(r.school.TablesSQL, stack.MISOptions{Staged: true})
	code := r.setUpCollector(stack.CollectorOptions{PublicURL: gateway.URL()})
	gateway.Serve(r.collector.IntakeAddress(), r.trialCertificate())
	gateway.Decide(func(s fault.Seen) fault.Fate {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, s.Message)
		return r.fate
	})
	r.agent, err = stack.NewAgent(programs, filepath.Join(r.dir, "agent"), r.source(), stack.AgentOptions{})
	r.must(err)
	out, err := r.agent.Command(r.ctx, "enrol", code, "--accept")
	r.must(err)
	phrase, err := stack.PhraseIn(out)
	r.must(err)
	r.confirm(phrase)
	r.sync()
	r.line(fault.CutRequest)
	r.anotherMark(1)
	if _, err := r.agent.Try(r.ctx, "sync"); err != nil {
		t.Fatal(err)
	}
	r.plant(out)
	r.full = r.agent.Dir + ".full"
	r.must(os.Rename(r.agent.Dir, r.full))
	return r
}

// line sets how the line is from now on.
func (r *revoking) line(f fault.Fate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fate = f
}

// sent are the messages since the last call.
func (r *revoking) sent() []protocol.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

var revocationCode = regexp.MustCompile(`safe: ([0-9A-Z-]{29})`)

// plant leaves in the directory what crashes may leave there.
func (r *revoking) plant(enrolled string) {
	r.t.Helper()
	at := func(name string) string { return filepath.Join(r.agent.Dir, name) }
	key := func(name string) []byte {
		data, err := os.ReadFile(at("identity/" + name))
		r.must(err)
		return data
	}
	m := revocationCode.FindStringSubmatch(enrolled)
	if m == nil {
		r.t.Fatal("no revocation code was printed")
	}
	r.must(os.WriteFile(at("revocation.code"), []byte(m[1]), 0o600))
	r.must(os.WriteFile(at("enrol.json"), append([]byte(`{"name":"enrol","message":"`), base64.StdEncoding.EncodeToString(key("local.key"))+`"}`...), 0o600))
	r.must(os.WriteFile(at(".secret-1234"), key("sign.key"), 0o600))
	r.must(os.WriteFile(at(".logbook-1234"), key("logbook.key"), 0o600))
	r.must(os.Mkdir(at(".identity-1234"), 0o700))
	r.must(os.WriteFile(at(".identity-1234/id.key"), key("id.key"), 0o600))
}

// secrets are the bytes of a directory that no revoke may leave: each key, each
// hash, each envelope, the code. The logbook's key is not among them.
func (r *revoking) secrets(dir string) map[string][]byte {
	r.t.Helper()
	found := map[string][]byte{}
	for _, name := range []string{"sign.key", "receive.key", "id.key", "local.key"} {
		data, err := os.ReadFile(filepath.Join(dir, "identity", name))
		r.must(err)
		found[name] = data
	}
	code, err := os.ReadFile(filepath.Join(dir, "revocation.code"))
	r.must(err)
	found["revocation code"] = code
	db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, &bbolt.Options{ReadOnly: true})
	r.must(err)
	defer db.Close()
	r.must(db.View(func(tx *bbolt.Tx) error {
		for _, bucket := range []string{"state", "envelopes"} {
			n := 0
			err := tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
				n++
				for part, data := range map[string][]byte{"key": k, "value": v} {
					if len(data) >= 32 {
						found[fmt.Sprintf("%s %d %s", bucket, n, part)] = bytes.Clone(data[len(data)-32:])
					}
				}
				return nil
			})
			if err != nil || n == 0 {
				return fmt.Errorf("%d things in bucket %s: %w", n, bucket, errors.Join(err))
			}
		}
		return nil
	}))
	return found
}

// scan names each secret that is anywhere in a directory, as it stands or in
// hexadecimal, base64, zstd or gzip, one in the other.
func (r *revoking) scan(dir string, secrets map[string][]byte) (found map[string]bool) {
	r.t.Helper()
	found = map[string]bool{}
	r.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range append(decoded(data, 3), []byte(path)) {
			for name, secret := range secrets {
				if bytes.Contains(text, secret) {
					found[name] = true
				}
			}
		}
		return nil
	}))
	return found
}

var (
	hexRun    = regexp.MustCompile(`[0-9a-fA-F]{32,}`)
	base64Run = regexp.MustCompile(`[0-9A-Za-z+/_-]{20,}`)
)

// decoded is data and whatever can be unpacked from it, so many layers deep.
func decoded(data []byte, depth int) [][]byte {
	all := [][]byte{data}
	if depth == 0 {
		return all
	}
	inner := streams(data)
	for _, run := range hexRun.FindAll(data, -1) {
		if out, err := hex.DecodeString(string(run[:len(run)/2*2])); err == nil {
			inner = append(inner, out)
		}
	}
	for _, run := range base64Run.FindAll(data, -1) {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for n := len(run); n >= len(run)-3; n-- { // a run may end within four characters
				if out, err := enc.DecodeString(string(run[:n])); err == nil {
					inner = append(inner, out)
					break
				}
			}
		}
	}
	for _, i := range inner {
		all = append(all, decoded(i, depth-1)...)
	}
	return all
}

// copied is an agent with a copy of everything.
func (r *revoking) copied(name string) *stack.Agent {
	r.t.Helper()
	dir := filepath.Join(r.dir, "agent-"+name)
	r.must(os.MkdirAll(dir, 0o700))
	r.must(exec.CommandContext(r.ctx, "cp", "-aT", r.full, dir).Run())
	a, err := stack.NewAgent(programs, dir, r.source(), stack.AgentOptions{})
	r.must(err)
	r.t.Cleanup(func() { _ = a.Close() })
	return a
}

// remain are the files that item by item may be left after a revoke, besides
// the settings and locks, which hold nothing. A service that still tries to tell
// the collector counts its tries in revoke.json, through a file beside it that is
// there for a moment.
func (r *revoking) remain(a *stack.Agent, want ...string) {
	r.t.Helper()
	slices.Sort(want)
	ctx, cancel := context.WithTimeout(r.ctx, 20*time.Second)
	defer cancel()
	err := stack.Await(ctx, "what a revoke leaves", func() (bool, error) {
		left, err := remains(a.Dir)
		if err == nil && !slices.Equal(left, want) {
			err = fmt.Errorf("what remains is %v, want %v", left, want)
		}
		return err == nil, err
	})
	if err != nil {
		r.t.Error(err)
	}
}

func remains(dir string) (left []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		switch e.Name() {
		case "agent.yaml", "lock", "service.lock", "control.sock", "filler":
		default:
			left = append(left, e.Name())
		}
	}
	return left, err
}

// destroyed checks all that a revoke promises of this machine.
func (r *revoking) destroyed(a *stack.Agent, secrets map[string][]byte) {
	r.t.Helper()
	if found := r.scan(a.Dir, secrets); len(found) > 0 {
		r.t.Errorf("%d secrets are left: %v", len(found), found)
	}
	r.remain(a, "logbook.jsonl", "logbook.key", "revoke.json", "revoked")
	var st struct {
		State string
		Waits bool `json:"revoke_waits"`
	}
	r.must(a.Status(r.ctx, &st))
	if st.State != "revoked" || !st.Waits {
		r.t.Errorf("status %+v: no message waits for the collector", st)
	}
	out, err := a.Command(r.ctx, "log", "--json")
	r.must(err)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); !strings.Contains(lines[len(lines)-1], `"destroyed"`) || strings.Count(out, `"event":"revoked"`) != 1 {
		r.t.Errorf("the logbook ends with %s", lines[len(lines)-1])
	}
	_, err = a.Command(r.ctx, "log", "--verify")
	r.must(err)
}

// onlyRevokes checks what was sent since.
func (r *revoking) onlyRevokes() {
	r.t.Helper()
	for _, m := range r.sent() {
		if m != protocol.MessageRevoke {
			r.t.Errorf("a %q was sent after the revoke", m)
		}
	}
}

// TestRevokeLeavesNothing revokes with the network unplugged and the service in
// whatever state: nothing is left but what issue and design name.
func TestRevokeLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	secrets := r.secrets(r.full)
	if found := r.scan(r.full, secrets); len(found) != len(secrets) || len(secrets) < 50 {
		t.Fatalf("before the revoke the scan finds %d of %d secrets: it does not see", len(found), len(secrets))
	}
	for _, c := range []struct {
		name string
		// begin brings the agent into its state and returns what ends it.
		begin func(r *revoking, a *stack.Agent) (end func())
	}{
		{"not running", func(*revoking, *stack.Agent) func() { return func() {} }},
		{"running", func(r *revoking, a *stack.Agent) func() { r.serve(a); return func() {} }},
		{"paused", func(r *revoking, a *stack.Agent) func() {
			_, err := a.Command(r.ctx, "pause", "--until", "3d")
			r.must(err)
			r.serve(a)
			return func() {}
		}},
		{"reading", (*revoking).reading},
		{"uploading", (*revoking).uploading},
		{"uploading by a command", (*revoking).uploadingByCommand},
		{"hung", (*revoking).hung},
		{"crashed", func(r *revoking, a *stack.Agent) func() {
			p := r.serve(a)
			p.Kill()
			return func() {}
		}},
		{"a key gone", func(r *revoking, a *stack.Agent) func() {
			r.must(os.Remove(filepath.Join(a.Dir, "identity", "id.key")))
			return func() {}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			a := r.copied(strings.ReplaceAll(c.name, " ", "-"))
			end := c.begin(r, a)
			out, err := a.Try(r.ctx, "revoke", "--yes")
			r.must(err)
			if out.Code != 0 {
				t.Fatalf("revoke ended with %d:\n%s%s", out.Code, out.Stdout, out.Stderr)
			}
			r.sent()
			end()
			r.destroyed(a, secrets)
			again, err := a.Try(r.ctx, "revoke", "--yes")
			r.must(err)
			if again.Code != 0 || !strings.Contains(again.Stdout, "before") {
				t.Errorf("a second revoke ended with %d:\n%s%s", again.Code, again.Stdout, again.Stderr)
			}
			r.must(a.Close())
			r.destroyed(a, secrets)
			r.onlyRevokes()
			r.line(fault.CutRequest)
		})
	}
}

func (r *revoking) serve(a *stack.Agent) *stack.Process {
	r.t.Helper()
	p, err := a.Start(r.ctx)
	r.must(err)
	r.must(stack.Await(r.ctx, "the service to have the school open", func() (bool, error) {
		out, err := a.Try(r.ctx, "fsck")
		return out.Code == 0, err
	}))
	return p
}

// reading revokes while the MIS does not answer.
func (r *revoking) reading(a *stack.Agent) func() {
	r.t.Helper()
	asked := make(chan struct{})
	undo := r.mis.Instance.StandIn().Stage(standin.Fault{Contains: readsContacts, Hang: true, Times: 1, Do: func() { close(asked) }})
	r.serve(a)
	done := r.inBackground(a, "sync")
	r.awaited(asked, "the MIS to be asked")
	return func() {
		r.awaited(done, "the sync to end")
		undo()
	}
}

func (r *revoking) inBackground(a *stack.Agent, args ...string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if out, err := a.Try(r.ctx, args...); err != nil || out.Code == 0 {
			r.t.Errorf("%v went on in spite of the revoke: %v", args, err)
		}
	}()
	return done
}

func (r *revoking) awaited(c <-chan struct{}, what string) {
	r.t.Helper()
	select {
	case <-c:
	case <-r.ctx.Done():
		r.t.Fatalf("waited for %s in vain", what)
	}
}

// uploading revokes while a batch is on its way and no answer comes.
func (r *revoking) uploading(a *stack.Agent) func() {
	r.t.Helper()
	r.serve(a)
	return r.posting(a)
}

// uploadingByCommand is the same with a command that holds the state.
func (r *revoking) uploadingByCommand(a *stack.Agent) func() { return r.posting(a) }

func (r *revoking) posting(a *stack.Agent) func() {
	r.t.Helper()
	r.sent()
	r.line(fault.Hang)
	done := r.inBackground(a, "sync")
	r.must(stack.Await(r.ctx, "something to be sent", func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.seen) > 0, nil
	}))
	return func() {
		r.awaited(done, "the sync to end")
		r.line(fault.CutRequest)
	}
}

// hung stops the service's process in its tracks: its socket is there, it holds
// the state, and it never answers.
func (r *revoking) hung(a *stack.Agent) func() {
	r.t.Helper()
	p := r.serve(a)
	r.must(syscall.Kill(p.PID(), syscall.SIGSTOP))
	return func() {
		select {
		case <-p.Exited():
		case <-r.ctx.Done():
			r.t.Error("the hung service goes on")
		}
		r.serve2(a)
	}
}

// serve2 starts a service that finds a revoked school.
func (r *revoking) serve2(a *stack.Agent) {
	r.t.Helper()
	_, err := a.Start(r.ctx)
	r.must(err)
}

// TestRevokeStateLocked revokes while something that is no agent holds the
// state: nothing is read, the person is told, and the next try does it.
func TestRevokeStateLocked(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	secrets := r.secrets(r.full)
	a := r.copied("locked")
	lock, err := os.OpenFile(filepath.Join(a.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	r.must(err)
	defer lock.Close()
	r.must(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	out, err := a.Try(r.ctx, "revoke", "--yes")
	r.must(err)
	if out.Code == 0 || !strings.Contains(out.Stderr, "stop the service") {
		t.Errorf("revoke ended with %d:\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	r.must(lock.Close())
	if out, err = a.Try(r.ctx, "sync"); err != nil || out.Code == 0 {
		t.Errorf("the school is read although the marker says no: %d, %v", out.Code, err)
	}
	_, err = a.Command(r.ctx, "revoke", "--yes")
	r.must(err)
	r.destroyed(a, secrets)
}

// TestRevokeHalfDeleted revokes what somebody has begun to delete by hand: what
// can still be said is said, and the rest goes.
func TestRevokeHalfDeleted(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	secrets := r.secrets(r.full)
	for _, c := range []struct {
		name    string
		gone    []string
		message bool
	}{
		{"other keys", []string{"identity/receive.key", "identity/id.key", "identity/local.key"}, true},
		{"logbook", []string{"logbook.jsonl"}, true},
		{"logbook and its key", []string{"logbook.jsonl", "identity/logbook.key"}, true},
		{"state", []string{"state.db"}, false},
		{"keys", []string{"identity"}, false},
		{"locks", []string{"lock", "service.lock"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			a := r.copied(strings.ReplaceAll(c.name, " ", "-"))
			for _, name := range c.gone {
				r.must(os.RemoveAll(filepath.Join(a.Dir, name)))
			}
			out, err := a.Try(r.ctx, "revoke", "--yes")
			r.must(err)
			if said := strings.Contains(out.Stderr, "phone"); c.message == said || (out.Code == 0) != c.message {
				t.Errorf("revoke ended with %d:\n%s%s", out.Code, out.Stdout, out.Stderr)
			}
			if found := r.scan(a.Dir, secrets); len(found) > 0 {
				t.Errorf("secrets are left: %v", found)
			}
			if _, err := os.Stat(filepath.Join(a.Dir, "revoke.json")); (err == nil) != c.message {
				t.Errorf("a message is left: %v", err)
			}
			again, err := a.Try(r.ctx, "revoke", "--yes")
			r.must(err)
			if again.Code != 0 {
				t.Errorf("a second revoke ended with %d: %s", again.Code, again.Stderr)
			}
		})
	}
}

// TestRevokeDiskFull revokes where nothing can be written any more.
func TestRevokeDiskFull(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	secrets := r.secrets(r.full)
	disk := smallDisk(t, filepath.Join(r.dir, "agent-disk"), 8<<20)
	if disk == nil {
		return // an ordinary user's limit of file sizes leaves no room that deleting makes
	}
	a := r.copied("disk")
	r.must(disk.Fill(0))
	out, err := a.Try(r.ctx, "revoke", "--yes")
	r.must(err)
	if out.Code != 0 {
		t.Fatalf("revoke ended with %d:\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	r.destroyed(a, secrets)
}

// TestRevokeKilled ends the revoke at each of its steps: the next one finishes
// it, and no message is lost.
func TestRevokeKilled(t *testing.T) {
	t.Parallel()
	needStrace(t)
	r := newRevoking(t)
	secrets := r.secrets(r.full)
	kills := 0
	for _, call := range []string{"unlinkat", "renameat", "fsync", "write", "openat"} {
		step := 1
		if call == "openat" || call == "write" {
			step = 7 // the runtime's own are among them
		}
		for n := step; ; n += step {
			a := r.copied(fmt.Sprintf("%s-%d", call, n))
			env := append(a.Env(), "GOMAXPROCS=1")
			out, err := stack.Run(r.ctx, "strace", "", env, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call,
				"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n), a.Programs.Agent, "revoke", "--yes")
			r.must(err)
			if out.Code == 0 {
				break
			}
			kills++
			_, err = a.Command(r.ctx, "revoke", "--yes")
			r.must(err)
			r.destroyed(a, secrets)
			if t.Failed() {
				t.Fatalf("killed at %s %d", call, n)
			}
			r.must(os.RemoveAll(a.Dir))
		}
	}
	if kills < 20 {
		t.Errorf("the revoke was ended only %d times", kills)
	}
	r.onlyRevokesOrCommands()
}

// onlyRevokesOrCommands forgets what was sent before the revokes.
func (r *revoking) onlyRevokesOrCommands() { r.sent() }

// TestRevokeIsDelivered plugs the network in: the service delivers the one
// message and is then silent, whatever is asked of it.
func TestRevokeIsDelivered(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	a := r.copied("delivered")
	_, err := a.Command(r.ctx, "revoke", "--yes")
	r.must(err)
	r.sent()
	r.line(fault.Pass)
	r.serve2(a)
	r.word(status.Stopped)
	r.must(stack.Await(r.ctx, "the receipt to be kept", func() (bool, error) {
		var st struct {
			Waits bool `json:"revoke_waits"`
		}
		err := a.Status(r.ctx, &st)
		return !st.Waits, err
	}))
	if got := r.sent(); !slices.Equal(got, []protocol.Message{protocol.MessageRevoke}) {
		t.Errorf("sent %v, want one revoke", got)
	}
	r.remain(a, "logbook.jsonl", "logbook.key", "revoke.json", "revoked")
	left, err := os.ReadFile(filepath.Join(a.Dir, "revoke.json"))
	r.must(err)
	if bytes.Contains(left, []byte("attempts")) {
		t.Error("the message is kept after it was delivered")
	}
	out, err := a.Command(r.ctx, "log", "--json")
	r.must(err)
	if strings.Count(out, `"event":"revoke_received"`) != 1 {
		t.Error("the logbook does not hold the receipt")
	}
	for _, args := range [][]string{{"sync"}, {"status"}, {"log", "--verify"}, {"pause"}, {"resume"}, {"fsck"}, {"revoke", "--yes"}, {"preview"}} {
		_, err := a.Try(r.ctx, args...)
		r.must(err)
	}
	// That nothing comes cannot be awaited: some turns of the service's loop.
	ctx, cancel := context.WithTimeout(r.ctx, 4*time.Second)
	defer cancel()
	<-ctx.Done()
	r.must(a.Close())
	if got := r.sent(); len(got) > 0 {
		t.Errorf("after the delivery there were sent %v", got)
	}
	_, err = a.Command(r.ctx, "revoke", "--yes", "--delete-logbook")
	r.must(err)
	r.remain(a, "revoke.json", "revoked")
}

// TestRevokedScanSees shows that the scan finds what it is for.
func TestRevokedScanSees(t *testing.T) {
	secret := bytes.Repeat([]byte{0x91, 0x03, 0xfe, 0x55}, 8)
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &revoking{world: &world{t: t}}
	for name, data := range map[string][]byte{
		"plain": secret, "hex": []byte("x " + hex.EncodeToString(secret)), "base64": []byte(`{"k":"` + base64.StdEncoding.EncodeToString(secret) + `"}`),
		"base64 url": []byte(base64.RawURLEncoding.EncodeToString(secret)), "zstd": enc.EncodeAll(append([]byte("before"), secret...), nil),
		"base64 of hex": []byte(base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(secret)))),
	} {
		dir := t.TempDir()
		r.must(os.WriteFile(filepath.Join(dir, "f"), data, 0o600))
		if len(r.scan(dir, map[string][]byte{"it": secret})) != 1 {
			t.Errorf("the scan does not see a secret in %s", name)
		}
	}
	if dir := t.TempDir(); len(r.scan(dir, map[string][]byte{"it": secret})) != 0 {
		t.Error("the scan sees what is not there")
	}
}
