package e2e

import (
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// posted gives a form of the public page, as the head teacher's telephone does.
func (w *world) posted(path string, form url.Values) (int, string) {
	w.t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	res, err := client.PostForm("https://"+w.collector.IntakeAddress()+path, form)
	w.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	w.must(err)
	return res.StatusCode, string(text)
}

// stops are `school list --stopped --json`.
func (w *world) stops() (list []struct {
	By        string
	Destroyed *time.Time
}) {
	w.t.Helper()
	out, err := w.collector.Command(w.ctx, "school", "list", "--stopped", "--json")
	w.must(err)
	w.must(json.Unmarshal([]byte(out), &list))
	return list
}

func (w *world) hidden(what string) {
	w.t.Helper()
	r, err := w.collector.Try(w.ctx, "compare", schoolID, "--reveal", "--json")
	w.must(err)
	if r.Code == 0 || r.Stdout != "" || !strings.Contains(r.Stderr, "stopped by the school") {
		w.t.Errorf("%s: what the school sent is shown: exit %d, %s", what, r.Code, r.Stderr)
	}
}

// TestStoppedByCode loses a school's machine: the head teacher's code stops the
// school on the public page; yesterday's database brings nothing back; on day 30
// everything is destroyed, killed again and again on the way, and the
// certificate proves it.
func TestStoppedByCode(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.asked = record.Datasets()
	w.must(w.school.WriteCSV(w.folder()))
	clock := filepath.Join(t.TempDir(), "clock")
	setClock(t, clock, 0)
	enrolment := w.setUpCollector(stack.CollectorOptions{Clock: clock})
	code := w.enrolWithSafe(enrolment)
	w.sync()
	database := w.collector.DatabaseFile()
	w.must(w.collector.Close())
	backup, err := os.ReadFile(database)
	w.must(err)
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	form := url.Values{"code": {strings.ToLower(strings.ReplaceAll(code, "-", " "))}, "action": {"revoke"}}

	if status, page := w.posted("/stop", form); status != http.StatusOK || !strings.Contains(page, "Your word is received") {
		t.Fatalf("HTTP %d: %s", status, page)
	}
	w.must(stack.Await(w.ctx, "the school to be stopped", func() (bool, error) { return len(w.stops()) == 1, nil }))
	w.hidden("stopped")
	if got := w.stops()[0]; got.By != "code" || got.Destroyed != nil {
		t.Errorf("the operator is told %+v", got)
	}
	if status, body := w.posted("/stop/certificate", form); status != http.StatusConflict || !strings.Contains(body, "destroyed_on") {
		t.Errorf("a certificate before day 30: HTTP %d %s", status, body)
	}
	// The machine is found again: it hears that it must stop.
	if r, err := w.agent.Try(w.ctx, "sync"); err != nil || r.Code == 0 {
		t.Errorf("the stopped agent goes on: exit %d, %v", r.Code, err)
	}
	_, err = w.collector.Command(w.ctx, "fsck")
	w.must(err)

	w.must(w.collector.Close())
	for _, name := range []string{database, database + "-wal", database + "-shm"} {
		w.must(os.RemoveAll(name))
	}
	w.must(os.WriteFile(database, backup, 0o600))
	p, err := stack.Start(programs.Collector, w.collector.LogFile(), w.collector.Env(), "serve", "--role", "portal")
	w.must(err)
	select {
	case <-p.Exited():
	case <-w.ctx.Done():
		t.Fatal("a portal alone shows what a restored database has forgotten to hide")
	}
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	w.hidden("restored")
	_, err = w.collector.Command(w.ctx, "fsck")
	w.must(err)
	w.must(w.collector.Close())

	setClock(t, clock, 30*24*time.Hour+time.Minute)
	for wait := 20 * time.Millisecond; wait < time.Second; wait *= 2 {
		p, err := stack.Start(programs.Collector, w.collector.LogFile(), w.collector.Env(), "serve", "--role", "jobs")
		w.must(err)
		select {
		case <-p.Exited():
		case <-time.After(wait): // the moment of the kill
		}
		p.Kill()
		_, err = w.collector.Command(w.ctx, "fsck")
		w.must(err)
	}
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	w.must(stack.Await(w.ctx, "the data to be destroyed", func() (bool, error) { return w.stops()[0].Destroyed != nil, nil }))
	w.certified(form)
	db := openDatabase(t, w, "")
	var left int
	w.must(db.QueryRowContext(w.ctx, "SELECT (SELECT COUNT(*) FROM pupils) + (SELECT COUNT(*) FROM records) + (SELECT COUNT(*) FROM record_history) + (SELECT COUNT(*) FROM quarantine)").Scan(&left))
	if keys, _ := filepath.Glob(filepath.Join(w.collector.Dir, "keys", "vault", "hold-*.key*")); left != 0 || len(keys) != 0 {
		t.Errorf("%d rows and the keys %v are left", left, keys)
	}
	_, err = w.collector.Command(w.ctx, "fsck")
	w.must(err)
}

// enrolWithSafe enrols an agent, and gives the code for the head teacher's safe.
func (w *world) enrolWithSafe(enrolment string) (code string) {
	w.t.Helper()
	agent, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), stack.Folder("csv", w.folder()), stack.AgentOptions{})
	w.must(err)
	w.agent = agent
	safe := filepath.Join(w.dir, "safe.txt")
	out, err := agent.Command(w.ctx, "enrol", enrolment, "--accept", "--revocation-code-file", safe)
	w.must(err)
	phrase, err := stack.PhraseIn(out)
	w.must(err)
	w.confirm(phrase)
	text, err := os.ReadFile(safe)
	w.must(err)
	return strings.TrimSpace(string(text))
}

// certified fetches the certificate with the code and proves it.
func (w *world) certified(form url.Values) {
	w.t.Helper()
	status, body := w.posted("/stop/certificate", form)
	file, err := protocol.ParseCertificateFile([]byte(body))
	if err != nil || status != http.StatusOK {
		w.t.Fatalf("HTTP %d, %v", status, err)
	}
	text, err := os.ReadFile(filepath.Join(w.collector.Dir, "keys", "control", "root.fingerprint"))
	w.must(err)
	root, err := hex.DecodeString(strings.TrimSpace(string(text)))
	w.must(err)
	c, err := file.Verify(protocol.Fingerprint(root))
	w.must(err)
	if c.By != protocol.StoppedByCode || c.Children != len(w.school.LookedAfter()) || c.Records == 0 || c.Head.Sequence == 0 || c.Destroyed.Sub(c.Hidden) < protocol.DestroyAfter {
		w.t.Errorf("the certificate says %+v of %d children", c, len(w.school.LookedAfter()))
	}
}
