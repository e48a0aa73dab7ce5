package cli

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rollbridge/agent/delta"
	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/shared/codes"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A life is an enrolled school that has sent something, without a collector:
// the keys that would be the collector's are here.
type life struct {
	dir                   string
	id                    *identity.Identity
	root, intake, control ed25519.PrivateKey
	box                   *outbox.Outbox
	book                  *logbook.Book
}

func newKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(nil)
	return key, err
}

func public(k ed25519.PrivateKey) protocol.PublicKey {
	return protocol.PublicKey(k.Public().(ed25519.PublicKey))
}

// lives is `lives DIR`: two batches, of which the first has a receipt, about a
// child with MIS id 101 and the UPN that is set as $UPN, and one with id 102.
func lives(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lives DIR")
	}
	l := &life{dir: ts.MkAbs(args[0])}
	upn, upnErr := codes.MakeUPN("801200001001")
	ts.Check(errors.Join(upnErr, l.enrol(), l.send(upn.Reveal())))
	ts.Setenv("UPN", upn.Reveal())
	certificate, err := l.certificate()
	ts.Check(errors.Join(err, os.WriteFile(ts.MkAbs("certificate.json"), certificate, 0o600)))
	ts.Check(errors.Join(l.box.Close(), l.book.Close()))
}

func (l *life) enrol() (err error) {
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		return err
	}
	for _, key := range []*ed25519.PrivateKey{&l.root, &l.intake, &l.control} {
		made, err := newKey()
		if err != nil {
			return err
		}
		*key = made
	}
	if l.id, err = identity.Create(l.dir); err != nil {
		return err
	}
	root := protocol.FingerprintOf(l.root.Public().(ed25519.PublicKey))
	if l.book, err = logbook.Create(l.dir, l.id.Logbook, l.id.Agent(), root); err != nil {
		return err
	}
	if l.box, err = outbox.Open(l.dir, l.book, outbox.Options{}); err != nil {
		return err
	}
	keyring, err := l.keyring()
	if err != nil {
		return err
	}
	seal, err := envelope.GenerateKey()
	if err != nil {
		return err
	}
	return l.box.Update(func(f *outbox.Facts) error {
		f.Collector.Root, f.Generation, f.Keyring, f.Enrolled, f.Confirmed = root, 1, keyring, true, true
		text := seal.PublicKey().Bytes()
		f.SealingKey = protocol.SealingKey{ID: envelope.KeyIDOf(text), Public: text}
		return nil
	}, outbox.Entry{Event: outbox.EventKeyring, Data: keyring})
}

func (l *life) keyring() (protocol.Signed, error) {
	return protocol.Sign(l.root, protocol.DomainKeyring, protocol.Keyring{Root: public(l.root), Epoch: 1, Expires: time.Now().Add(time.Hour),
		Intake: []protocol.PublicKey{public(l.intake)}, Control: []protocol.PublicKey{public(l.control)}})
}

func (l *life) send(upn string) error {
	keys := delta.Keys{Local: l.id.LocalKey, ID: l.id.IDKey}
	mark := func(id string) delta.Mark { return keys.MarkOf(record.NewPupilID(l.id.IDKey, id)) }
	byUPN, _ := keys.MarkOfUPN(upn)
	marks := func(id string) delta.Sent {
		return delta.Sent{Pupil: mark(id), Authority: "330", Dataset: record.DatasetAttendance, Upserts: 1}
	}
	counts := func(n int) []delta.Count {
		return []delta.Count{{Authority: "330", Dataset: record.DatasetAttendance, Upserts: n, Pupils: n}}
	}
	var receipted envelope.Link
	for n, r := range []delta.Result{
		{Sent: []delta.Sent{marks("101"), marks("102")}, Counts: counts(2),
			Aliases: []delta.Alias{{Alias: keys.MarkOfMIS("101"), Pupil: mark("101")}, {Alias: keys.MarkOfMIS("102"), Pupil: mark("102")}, {Alias: byUPN, Pupil: mark("101")}}},
		{Sent: []delta.Sent{marks("102")}, Counts: counts(1)},
	} {
		r.Manifest.Full = n == 0
		head, err := l.box.Head()
		if err != nil {
			return err
		}
		r.Base = head
		items, err := l.box.Seal(r, l.id.Sign)
		if err != nil {
			return err
		}
		if n == 0 {
			receipted = items[0].Link
		}
	}
	receipt, err := protocol.Sign(l.intake, protocol.DomainReceipt, protocol.Receipt{Message: protocol.MessageBatch,
		Agent: l.id.Agent(), Generation: 1, Sequence: receipted.Sequence, Digest: receipted.Digest, Received: time.Now()})
	return errors.Join(err, l.box.Attempted(receipted), l.box.Receipted(receipted, receipt))
}

func (l *life) certificate() ([]byte, error) {
	keyring, err1 := l.keyring()
	signed, err2 := protocol.Sign(l.control, protocol.DomainCertificate, protocol.Certificate{Collector: "Operator", School: "Oakmere", Agent: l.id.Agent(), Records: 3, Children: 2})
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return json.Marshal(protocol.CertificateFile{Keyring: keyring, Certificate: signed})
}

// edit is `edit FILE OLD NEW`: one change, which must be there to make.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	name := ts.MkAbs(args[0])
	text, err := os.ReadFile(name)
	ts.Check(err)
	if !strings.Contains(string(text), args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(name, []byte(strings.Replace(string(text), args[1], args[2], 1)), 0o600))
}

func TestSaveNewNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "other")
	for name, plant := range map[string]func(path string) error{
		"a file":           func(path string) error { return os.WriteFile(path, []byte("kept"), 0o644) },
		"a link":           func(path string) error { return os.Symlink(target, path) },
		"a directory":      func(path string) error { return os.Mkdir(path, 0o755) },
		"taken meanwhile":  nil,
		"a broken writing": nil,
	} {
		path := filepath.Join(dir, name)
		write := func(w io.Writer) error { _, err := w.Write([]byte("new")); return err }
		var err error
		switch name {
		case "a link":
			if runtime.GOOS == "windows" {
				continue // only administrators may make one
			}
			if err := plant(path); err != nil {
				t.Fatal(err)
			}
			err = saveNew(path, write)
		case "taken meanwhile":
			err = saveNew(path, func(w io.Writer) error { return errors.Join(write(w), os.WriteFile(path, []byte("kept"), 0o644)) })
		case "a broken writing":
			err = saveNew(path, func(w io.Writer) error { return errors.Join(write(w), errors.New("broken")) })
		default:
			if err := plant(path); err != nil {
				t.Fatal(err)
			}
			err = saveNew(path, write)
		}
		if err == nil {
			t.Errorf("%s: written", name)
		}
		if text, err := os.ReadFile(path); err == nil && string(text) != "kept" {
			t.Errorf("%s: the file is now %q", name, text)
		}
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("a link was followed")
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".rollbridge-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
