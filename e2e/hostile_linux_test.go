package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/collector/keys"
	"rollbridge/e2e/stack"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A hostile answers an agent that enrolled with a real collector, at its address
// and with every key of it: the root's, intake's, control's, those that open.
type hostile struct {
	*world
	root, intake, control ed25519.PrivateKey
	ring                  protocol.Keyring
	open                  map[envelope.KeyID]hpke.PrivateKey
	id                    *identity.Identity
	tree                  string // a directory beside the agent's, with what must not be touched
	decoy                 *decoy

	mu         sync.Mutex
	wish       *wish
	statements []protocol.Signed
	serial     uint64
	batches    []*envelope.Envelope
}

// A wish is what the hostile wants, and what may become of it.
type wish struct {
	name string
	// say makes the statements that stand in every answer.
	say func(h *hostile)
	// page answers in place of the protocol; nil does not.
	page func(h *hostile, w http.ResponseWriter, r *http.Request)
	// reply changes an answer.
	reply func(h *hostile, f *protocol.Frame, r *protocol.Reply)
	// stops says that the agent may stop by it, erases that it erases its own.
	stops, erases bool
}

// A decoy is an address to which nothing may connect.
type decoy struct {
	net.Listener
	mu   sync.Mutex
	came int
}

func newDecoy(t *testing.T) *decoy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &decoy{Listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			d.mu.Lock()
			d.came++
			d.mu.Unlock()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return d
}

// TestHostileCollector: what leaves is never more than the school's yes, nothing
// runs, nobody else is spoken to, nothing outside the data directory changes, and
// the school's own words are obeyed at once, whatever the collector signs.
func TestHostileCollector(t *testing.T) {
	t.Parallel()
	needStrace(t)
	h := newHostile(t)
	snapshot := h.snapshot(h.agent.Dir)
	for _, x := range h.wishes() {
		t.Run(strings.ReplaceAll(x.name, " ", "_"), func(t *testing.T) {
			h.t = t
			h.restore(h.agent.Dir, snapshot)
			h.begin(&x)
			h.grant(&x)
		})
	}
	t.Run("answers_without_an_end", func(t *testing.T) {
		h.t = t
		h.restore(h.agent.Dir, snapshot)
		h.withoutEnd()
	})
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	w := emptyWorld(t, small())
	w.ctx = boundedBy(t, 20*time.Minute)
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	w.enrolAt(stack.Folder("csv", w.folder()), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	w.sync()
	w.must(w.collector.Close())
	h := &hostile{world: w, tree: filepath.Join(w.dir, "tree"), decoy: newDecoy(t), open: map[envelope.KeyID]hpke.PrivateKey{}}
	dir := filepath.Join(w.collector.Dir, "keys")
	var err error
	h.root, err = keys.OpenRoot(dir)
	w.must(err)
	intake, err := keys.OpenIntake(dir)
	w.must(err)
	control, err := keys.OpenControl(dir)
	w.must(err)
	h.intake, h.control = intake[0], control[0]
	sealing, err := keys.OpenSealing(dir)
	w.must(err)
	for id, k := range sealing {
		h.open[id] = k.Private
	}
	h.id, err = identity.Load(w.agent.Dir)
	w.must(err)
	w.must(os.MkdirAll(filepath.Join(h.tree, "etc"), 0o755))
	for _, name := range []string{"etc/passwd", "notes.txt", "state.db", "revoked.json"} {
		w.must(os.WriteFile(filepath.Join(h.tree, name), []byte("planted "+name), 0o644))
	}
	for _, name := range []string{"headteacher.docx", "backup.key"} {
		w.must(os.WriteFile(filepath.Join(w.agent.Dir, name), []byte("planted "+name), 0o600))
	}
	h.listen(dir)
	return h
}

// listen serves where the collector did, with its certificate.
func (h *hostile) listen(dir string) {
	h.t.Helper()
	cert, err := tls.LoadX509KeyPair(keys.TLSFiles(dir))
	h.must(err)
	l, err := tls.Listen("tcp", h.collector.IntakeAddress(), &tls.Config{Certificates: []tls.Certificate{cert}})
	h.must(err)
	server := &http.Server{Handler: http.HandlerFunc(h.serve), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(l) }()
	h.t.Cleanup(func() { server.Close() })
}

func (h *hostile) begin(x *wish) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wish, h.statements, h.batches = x, nil, nil
	h.serial = uint64(time.Now().Add(time.Hour).UnixMilli()) // above all that was obeyed
	h.ring = protocol.Keyring{Root: publicKey(h.root), Epoch: 2, Issued: time.Now(), Expires: time.Now().Add(time.Hour),
		Intake: []protocol.PublicKey{publicKey(h.intake)}, Control: []protocol.PublicKey{publicKey(h.control)}}
	if x.say != nil {
		x.say(h)
	}
}

func publicKey(k ed25519.PrivateKey) protocol.PublicKey {
	return protocol.PublicKey(k.Public().(ed25519.PublicKey))
}

func (h *hostile) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	x := h.wish
	h.mu.Unlock()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	message := protocol.Message(strings.TrimPrefix(r.URL.Path, "/v1/"))
	f, err := protocol.ParseFrame(data, message)
	if err != nil {
		return
	}
	h.mu.Lock()
	reply := h.answer(f)
	h.mu.Unlock()
	if x.page != nil {
		x.page(h, w, r)
		return
	}
	if x.reply != nil {
		x.reply(h, f, &reply)
	}
	_ = json.NewEncoder(w).Encode(reply)
}

// answer keeps batches and gives every receipt, with the wish's statements.
func (h *hostile) answer(f *protocol.Frame) protocol.Reply {
	receipt := protocol.Receipt{Message: f.Message, Digest: f.Content, Received: time.Now(), Agent: envelope.AgentID(f.Sender)}
	if f.Message == protocol.MessageBatch {
		if e, err := envelope.Parse(f.Body); err == nil {
			h.batches = append(h.batches, e)
			receipt.Generation, receipt.Sequence = e.Header.Generation, e.Header.Sequence
		}
	}
	return protocol.Reply{
		Receipt: h.sign(h.intake, protocol.DomainReceipt, receipt), Keyring: h.sign(h.root, protocol.DomainKeyring, h.ring),
		Statements: h.statements,
	}
}

func (h *hostile) sign(k ed25519.PrivateKey, d protocol.Domain, v any) *protocol.Signed {
	s, err := protocol.Sign(k, d, v)
	if err != nil {
		h.t.Error(err)
	}
	return &s
}

// say adds a statement to this agent with the next serial.
func (h *hostile) say(kind protocol.StatementKind, body any) { h.sayAs(h.control, kind, 0, body) }

func (h *hostile) sayAs(k ed25519.PrivateKey, kind protocol.StatementKind, serial uint64, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		h.t.Error(err)
	}
	if serial == 0 {
		h.serial++
		serial = h.serial
	}
	st := protocol.Statement{Kind: kind, Agent: h.id.Agent(), Serial: serial, Issued: time.Now(), Body: raw}
	if kind == protocol.KindSealingKey {
		st.Agent = envelope.AgentID{}
	}
	h.statements = append(h.statements, *h.sign(k, protocol.DomainStatement, st))
}

// everything is an ask for all that there is, of these authorities.
func askForEverything(authorities ...string) protocol.Ask {
	ask := protocol.Ask{School: schoolID, SchoolName: "S", Operator: "O"}
	for _, code := range authorities {
		q := protocol.AuthorityAsk{Code: code, Name: "A", Why: "W", Datasets: map[record.Dataset][]string{"everybody": {"all"}}}
		for _, d := range record.Datasets() {
			for _, f := range record.Fields(d) {
				q.Datasets[d] = append(q.Datasets[d], f.Name)
			}
		}
		ask.Requests = append(ask.Requests, q)
	}
	return ask
}

// grant lets the agent hear the wish and looks at everything afterwards.
func (h *hostile) grant(x *wish) {
	h.t.Helper()
	before, settings := treeOf(h.t, h.tree), h.read("agent.yaml")
	for range 2 { // what was heard at the end of one sync counts for the next
		h.traced("sync", "--full")
	}
	h.traced("status")
	h.checkBatches()
	if got := treeOf(h.t, h.tree); got != before {
		h.t.Errorf("outside the data directory:\n%s\nbefore:\n%s", got, before)
	}
	if h.read("agent.yaml") != settings {
		h.t.Error("the settings were changed")
	}
	h.decoy.mu.Lock()
	if h.decoy.came > 0 {
		h.t.Error("another address was connected to")
	}
	h.decoy.mu.Unlock()
	if now, err := identity.Load(h.agent.Dir); err == nil && !bytes.Equal(now.IDKey, h.id.IDKey) {
		h.t.Error("the id key was changed, so every pupil would be renamed")
	}
	erased := !exists(filepath.Join(h.agent.Dir, "state.db"))
	if erased != x.erases {
		h.t.Errorf("the agent's state was erased: %v", erased)
	}
	if !erased {
		h.obeysTheSchool(x)
	}
	for _, name := range []string{"headteacher.docx", "backup.key"} {
		if h.read(name) != "planted "+name {
			h.t.Errorf("%s, which is nobody's but the school's, is gone", name)
		}
	}
	if out := h.try(0, "log", "--verify"); !strings.Contains(out, "as it was written") {
		h.t.Errorf("the logbook does not verify:\n%s", out)
	}
}

// obeysTheSchool: pause and revoke work at once, whatever was heard.
func (h *hostile) obeysTheSchool(x *wish) {
	h.t.Helper()
	h.try(0, "pause")
	n := h.count()
	h.try(3, "sync")
	h.try(0, "resume")
	if h.count() != n {
		h.t.Error("a batch was sent during a pause")
	}
	h.begin(&wish{name: "nothing more"})
	if !x.stops {
		r, err := h.agent.Try(h.ctx, "sync", "--full")
		h.must(err)
		if r.Code != 0 {
			h.t.Errorf("with an honest collector again a sync ends with code %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
		}
		h.checkBatches()
	}
	h.try(0, "revoke", "--yes")
	if exists(filepath.Join(h.agent.Dir, "state.db")) || exists(filepath.Join(h.agent.Dir, "identity")) {
		h.t.Error("state or keys are left after a revoke")
	}
}

func (h *hostile) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.batches)
}

func (h *hostile) read(name string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.agent.Dir, name))
	h.must(err)
	return string(text)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// treeOf lists a directory with what is in every file.
func treeOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %s %s\n", path, info.Mode(), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	execCall    = regexp.MustCompile(`execve\("([^"]*)"`)
	connectCall = regexp.MustCompile(`connect\(.*(?:sin_port=htons\((\d+)\)|sun_path="([^"]*)")`)
	writeCall   = regexp.MustCompile(`(?:openat\([A-Z_0-9]*<([^>]*)>, "([^"]*)", [^)]*O_(?:WRONLY|RDWR|CREAT)|(?:unlinkat|mkdirat|renameat2?|linkat|fchmodat|fchownat)\([A-Z_0-9]*<([^>]*)>, "([^"]*)"|(?:unlink|rename|mkdir|rmdir|chmod|truncate)()\("([^"]*)")`)
)

// traced runs a command and reads off its system calls that it started nothing,
// spoke to nobody but the collector and its own socket, and wrote only below its
// data directory.
func (h *hostile) traced(args ...string) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "trace")
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "strace", append([]string{"-f", "-y", "-qq", "-s", "512", "-o", file, "-e", "signal=none", "-e",
		"trace=execve,connect,openat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,chmod,fchmodat,fchownat,truncate,linkat,symlinkat",
		h.agent.Programs.Agent}, args...)...)
	cmd.Env = append(stack.Environment(), h.agent.Env()...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		h.t.Fatalf("%v did not end: %v\n%s", args, err, out)
	}
	for _, found := range marks(out) {
		h.t.Errorf("%s was printed", found)
	}
	text, err := os.ReadFile(file)
	h.must(err)
	_, port, err := net.SplitHostPort(h.collector.IntakeAddress())
	h.must(err)
	began := 0
	for line := range strings.Lines(string(text)) {
		if m := execCall.FindStringSubmatch(line); m != nil {
			if began++; began > 1 {
				h.t.Errorf("a process was started: %s", line)
			}
		}
		if m := connectCall.FindStringSubmatch(line); m != nil && m[1] != port && !strings.HasPrefix(m[2], h.agent.Dir) {
			h.t.Errorf("somebody else was spoken to: %s", line)
		}
		if m := writeCall.FindStringSubmatch(line); m != nil {
			path := m[2] + m[4] + m[6]
			if !filepath.IsAbs(path) {
				path = filepath.Join(m[1]+m[3]+m[5], path)
			}
			if !strings.HasPrefix(path, h.agent.Dir) && !strings.HasPrefix(path, "/dev/null") {
				h.t.Errorf("something was written outside the data directory: %s", line)
			}
		}
	}
	if began == 0 {
		h.t.Fatalf("strace saw nothing of %v:\n%s", args, out)
	}
}

// checkBatches opens all that left and compares it with the school's yes.
func (h *hostile) checkBatches() {
	h.t.Helper()
	allowed := map[record.Dataset]bool{record.DatasetPupil: true, record.DatasetContact: true, record.DatasetAttendance: true}
	upns := map[string]bool{}
	for _, p := range h.school.LookedAfter() {
		upns[p.UPN] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.batches {
		key, there := h.open[e.Header.SealingKey]
		if !there {
			h.t.Fatal("a batch is sealed to a key that nobody knows")
		}
		plain, err := e.Open(key)
		h.must(err)
		var m protocol.Manifest
		h.must(protocol.ReadBody(plain, &m, func(o protocol.Op) error {
			if o.Remove != "" {
				return nil
			}
			if !allowed[o.Dataset] {
				h.t.Errorf("a %s record left", o.Dataset)
				return nil
			}
			h.checkFields(o)
			if o.Dataset == record.DatasetPupil {
				var p record.Pupil
				if err := json.Unmarshal(o.Record, &p); err != nil {
					return err
				}
				if !p.InCare || p.ByRoster || !slices.Contains(h.school.Authorities(), p.CareAuthority) || !upns[p.UPN] {
					h.t.Error("a pupil left whom no provisioned authority looks after")
				}
			}
			return nil
		}))
		for _, u := range m.Roster {
			if u.Sent > 0 || u.Accepted > 0 {
				h.t.Errorf("by a roster that the school never accepted: %+v", u)
			}
		}
	}
}

func (h *hostile) checkFields(o protocol.Op) {
	var fields map[string]json.RawMessage
	h.must(json.Unmarshal(o.Record, &fields))
	for _, f := range record.Fields(o.Dataset) {
		if _, there := fields[f.Name]; there && f.Sensitive {
			h.t.Errorf("%s of %s left, which nobody allowed", f.Name, o.Dataset)
		}
	}
}
