package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/standin"
	"rollbridge/e2e/standin/tds"
	"rollbridge/shared/record"
)

const canary = "ZQJXVKW"

// TestCanary marks every name, number and address of a school and looks for
// the marks wherever the programs have been: promise 1 (nobody else leaves, not
// even the database), promise 6 (sealed from school to vault) and promise 9
// (nothing in logs).
func TestCanary(t *testing.T) {
	wire, err := fault.NewGateway()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	config := small()
	config.Canary = canary
	// The one session that is not encrypted, so that it can be listened to.
	plain := stack.MISOptions{Server: standin.Options{Encryption: tds.Unsupported}}
	w := emptyWorld(t, config)
	w.asked = record.Datasets()
	w.setUpMIS(w.school.TablesSQL, plain)
	code := w.setUpCollector(stack.CollectorOptions{PublicURL: wire.URL()})
	// With the collector's own certificate the gateway sees all that is inside
	// TLS and the agent notices nothing.
	cert, err := tls.LoadX509KeyPair(filepath.Join(w.collector.Dir, "keys/tls/cert.pem"), filepath.Join(w.collector.Dir, "keys/tls/key.pem"))
	w.must(err)
	wire.Serve(w.collector.IntakeAddress(), cert)
	server, heard := w.mis.Server(), newTap(t, w.mis.Instance.Address())
	staged := w.mis.Instance.StandIn() != nil // a real server may insist on encryption
	if staged {
		server.Host, server.Port = "127.0.0.1", heard.port()
	}
	w.agent, err = stack.NewAgent(programs, filepath.Join(w.dir, "agent"), server.Source("sql-views"), stack.AgentOptions{
		Env: []string{"ROLLBRIDGE_LOG_LEVEL=debug"},
	})
	w.must(err)
	t.Cleanup(func() { w.must(w.agent.Close()) })

	var said strings.Builder
	command := func(args ...string) {
		t.Helper()
		out, err := w.agent.Command(w.ctx, args...)
		w.must(err)
		said.WriteString(out)
	}
	phrase, err := w.agent.Enrol(w.ctx, code)
	w.must(err)
	_, err = w.agent.Start(w.ctx)
	w.must(err)
	w.confirm(phrase)

	command("profile", "test")
	command("sync")
	w.same()
	others := w.others()
	day := w.school.Today()
	w.must(w.school.ChangeMark(w.school.LookedAfter()[0].ID, day, demoschool.AM, "I"))
	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[0], day))
	w.must(w.school.LeaveCare(w.school.LookedAfter()[2].ID, day))
	w.write()
	// What previews reveal goes to a person's screen and to no file; this one must
	// leave none. One that reveals nothing may be seen by anybody.
	shown, err := w.agent.Command(w.ctx, "preview", "--reveal")
	w.must(err)
	if len(marks([]byte(shown))) == 0 {
		t.Error("a preview that reveals shows nobody")
	}
	command("preview")
	command("preview", "--format", "jsonl")
	command("sync")
	w.same()
	now := w.others()
	others = slices.DeleteFunc(others, func(n string) bool { return !slices.Contains(now, n) })
	if staged {
		lookedAfter, leaks := crossed(t, heard, others)
		if lookedAfter < 100 {
			t.Errorf("%d marks of looked-after pupils crossed the wire: the tap does not hear", lookedAfter)
		}
		if len(leaks) > 0 {
			t.Errorf("of pupils who are not looked after there crossed the wire: %v", leaks)
		}
	}
	// Records that cannot be right go through quarantine, outcome and status.
	cared := w.school.LookedAfter()
	w.edit(cared[0].ID, "UPN", "B123456789012")
	w.edit(cared[1].ID, "DateOfBirth", "2090-01-01")
	command("sync")
	w.must(stack.Await(w.ctx, "two records to be in quarantine", func() (bool, error) { return w.status().Refused == 2, nil }))
	command("sync")
	command("status")
	w.write()
	command("sync", "--full")
	w.same()
	said.WriteString(w.badDatabase())
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"log"}, {"fsck"}, {"config", "explain"}} {
		command(args...)
	}
	out, err := w.collector.Command(w.ctx, "status", "--json")
	w.must(err)
	said.WriteString(out)
	w.must(w.agent.Close())
	w.must(w.collector.Close())

	onTheWay := 0
	for _, c := range wire.Captured() {
		onTheWay += len(c.Body) + len(c.Reply)
		for _, found := range append(marks(c.Body), marks(c.Reply)...) {
			t.Errorf("inside TLS, a %s: %s", c.Message, found)
		}
	}
	if onTheWay < 10_000 {
		t.Fatalf("only %d bytes were seen on the way: the capture does not work", onTheWay)
	}
	for _, found := range marks([]byte(said.String())) {
		t.Errorf("what commands printed: %s", found)
	}
	files := 0
	w.must(filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(path, w.folder()) || !d.Type().IsRegular() {
			return nil
		}
		files++
		if strings.Contains(strings.ToUpper(path), canary) {
			t.Errorf("a file is named after a pupil: %s", path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range marks(data) {
			t.Errorf("%s: %s", path, found)
		}
		return nil
	}))
	if files < 10 {
		t.Fatalf("only %d files were looked at", files)
	}
	leftInTemporaryFiles(t)
}

func leftInTemporaryFiles(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "rollbridge-agent*"))
	if err != nil || len(found) > 0 {
		t.Errorf("temporary files are left: %v %v", found, err)
	}
}

// badDatabase makes a database answer wrongly in several ways and returns what
// the agent said; SQL Server's own messages would quote what it has read.
func (w *world) badDatabase() string {
	w.t.Helper()
	var said strings.Builder
	fails := func(name string) {
		w.t.Helper()
		r, err := w.agent.Try(w.ctx, "sync")
		w.must(err)
		if r.Code == 0 {
			w.t.Errorf("%s: the database was read as if nothing were wrong", name)
		}
		said.WriteString(r.Stdout + r.Stderr)
	}
	quoted := w.school.LookedAfter()[0].LegalSurname
	for _, fault := range []*tds.Error{
		{Number: 245, State: 1, Class: 16, Message: "Conversion failed when converting the nvarchar value '" + quoted + "' to data type int."},
		{Number: 50000, State: 1, Class: 16, Message: "Access to " + quoted + " is not allowed."},
	} {
		if w.mis.Instance.StandIn() == nil {
			continue // on a real server only what can be done to its tables
		}
		undo := w.mis.Instance.StandIn().Stage(standin.Fault{Contains: "[rollbridge].contact", AtRow: 1, Error: fault})
		fails(fault.Message[:10])
		undo()
	}
	w.must(w.mis.Run(w.ctx, "UPDATE mis.SessionMark SET Session = 'XX' WHERE Session = 'AM' AND StudentID = "+w.school.LookedAfter()[0].ID))
	fails("a session that is none")
	w.write()
	w.must(w.mis.Run(w.ctx, "DROP VIEW rollbridge.contact"))
	fails("a view is missing")
	w.same()
	return said.String()
}

// others are what identifies everybody whom no provisioned authority looks after.
func (w *world) others() (numbers []string) {
	for p := range w.school.Pupils() {
		if !w.school.Provisioned(p) {
			numbers = append(numbers, p.UPN, p.FormerUPN, p.ULN)
		}
	}
	return slices.DeleteFunc(numbers, func(n string) bool { return n == "" })
}

// crossed looks at what has crossed the wire between MIS and agent: how many
// marks of looked-after pupils, and what there is of anybody else.
func crossed(t *testing.T, heard *tap, others []string) (lookedAfter int, leaks []string) {
	t.Helper()
	messages, err := heard.messages()
	if err != nil {
		t.Fatal(err)
	}
	all := bytes.ToUpper(bytes.Join(messages, []byte("\n")))
	if n := bytes.Count(all, wide(canary+demoschool.CanaryNot)); n > 0 {
		leaks = append(leaks, fmt.Sprintf("%d marks", n))
	}
	for _, number := range others {
		if bytes.Contains(all, []byte(number)) || bytes.Contains(all, wide(number)) {
			leaks = append(leaks, "a number")
		}
	}
	return bytes.Count(all, wide(canary+demoschool.CanaryLookedAfter)), leaks
}

// TestTapHears shows that the tap hears who is not looked after when a reader
// asks for everybody.
func TestTapHears(t *testing.T) {
	config := small()
	config.Canary = canary
	w := emptyWorld(t, config)
	w.setUpMIS(w.school.TablesSQL, stack.MISOptions{Server: standin.Options{Encryption: tds.Unsupported}})
	heard := newTap(t, w.mis.Instance.Address())
	dsn, err := w.mis.AdministratorDSN()
	w.must(err)
	db, err := sql.Open("sqlserver", strings.Replace(dsn, w.mis.Instance.Address(), heard.listener.Addr().String(), 1))
	w.must(err)
	defer db.Close()
	rows, err := db.QueryContext(w.ctx, "SELECT LegalSurname, UPN FROM mis.Student")
	w.must(err)
	for rows.Next() {
	}
	w.must(errors.Join(rows.Err(), rows.Close()))
	if w.mis.Instance.StandIn() == nil {
		return // a real server may insist on encryption: there is nothing to hear
	}
	if _, leaks := crossed(t, heard, w.others()); len(leaks) < 50 {
		t.Errorf("of everybody the tap heard only %d things", len(leaks))
	}
}

// wide is a text in UTF-16, as TDS and Windows write it.
func wide(text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// marks finds the canary in data as it stands, in UTF-16 and base64, and in
// every zstd or gzip stream inside it.
func marks(data []byte) []string {
	var found []string
	upper := bytes.ToUpper(data)
	for _, verdict := range []string{demoschool.CanaryNot, demoschool.CanaryLookedAfter} {
		for form, needle := range forms(canary + verdict) {
			haystack := data
			if form == "plain" || form == "UTF-16" {
				haystack = upper
			}
			if bytes.Contains(haystack, needle) {
				found = append(found, fmt.Sprintf("a mark %s, %s", verdict, form))
			}
		}
	}
	for _, stream := range streams(data) {
		for _, inner := range marks(stream) {
			found = append(found, inner+", compressed")
		}
	}
	return found
}

func forms(text string) map[string][]byte {
	f := map[string][]byte{"plain": []byte(text), "UTF-16": wide(text)}
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), text...))
		// What depends on neighbouring bytes is cut off at both ends.
		f[fmt.Sprintf("base64 shifted by %d", shift)] = []byte(encoded[4 : len(encoded)-4])
	}
	return f
}

const mostUnpacked = 16 << 20

func streams(data []byte) [][]byte {
	var all [][]byte
	for _, magic := range [][]byte{{0x28, 0xb5, 0x2f, 0xfd}, {0x1f, 0x8b, 0x08}} {
		for at := 0; ; {
			i := bytes.Index(data[at:], magic)
			if i < 0 {
				break
			}
			at += i
			if out := unpack(data[at:], len(magic) == 4); len(out) > 0 {
				all = append(all, out)
			}
			at++
		}
	}
	return all
}

func unpack(data []byte, isZstd bool) []byte {
	var r io.Reader
	if isZstd {
		z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostUnpacked))
		if err != nil {
			return nil
		}
		defer z.Close()
		r = z
	} else {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil
		}
		r = z
	}
	// What comes after the stream is not of it: an error at the end is expected.
	out, _ := io.ReadAll(io.LimitReader(r, mostUnpacked))
	return out
}

// TestCanaryScanSees shows that the scan finds what it is for.
func TestCanaryScanSees(t *testing.T) {
	secret := []byte("x," + canary + "LACMarchbanks,y")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(secret); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	junk := []byte("junk before and after")
	around := func(b []byte) []byte { return append(append(append([]byte(nil), junk...), b...), junk...) }
	for name, data := range map[string][]byte{
		"plain": around(secret), "lower case": around(bytes.ToLower(secret)), "gzip": around(zipped.Bytes()), "UTF-16": around(wide(string(secret))),
		"zstd":   around(enc.EncodeAll(secret, nil)),
		"base64": around([]byte(base64.StdEncoding.EncodeToString(secret))), "base64 shifted": around([]byte(base64.StdEncoding.EncodeToString(append([]byte("a"), secret...)))),
		"gzip in zstd": around(enc.EncodeAll(around(zipped.Bytes()), nil)),
	} {
		if len(marks(data)) == 0 {
			t.Errorf("the scan does not see a mark that is %s", name)
		}
	}
	if found := marks([]byte("ZQJXVK LAC NOT nothing here")); len(found) > 0 {
		t.Errorf("the scan sees what is not there: %v", found)
	}
}
