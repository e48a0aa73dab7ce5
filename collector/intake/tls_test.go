package intake_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/intake"
	"rollbridge/collector/keys"
	"rollbridge/shared/protocol"
)

func TestCertificateFiles(t *testing.T) {
	dir := t.TempDir()
	pin, err := keys.NewTrialTLS(dir, []string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificates, err := intake.Files(keys.TLSFiles(dir))
	if err != nil {
		t.Fatal(err)
	}
	config := certificates.Config()
	served := func() []byte {
		c, err := config.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return keys.PinOf(c.Leaf)
	}
	if !bytes.Equal(served(), pin) || config.MinVersion != tls.VersionTLS12 {
		t.Error("another certificate, or an older TLS, is served")
	}
	cert, key := keys.TLSFiles(t.TempDir())
	if _, err := intake.Files(cert, key); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("missing files: %v", err)
	}
	other := t.TempDir()
	if _, err := keys.NewTrialTLS(other, []string{"x"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	_, strange := keys.TLSFiles(other)
	mine, _ := keys.TLSFiles(dir)
	if _, err := intake.Files(mine, strange); err == nil {
		t.Error("a certificate with another's key was accepted")
	}
	// Damaged while running: the last good one stays.
	if err := os.WriteFile(mine, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(served(), pin) {
		t.Error("a damaged file took the certificate away")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	w := newWorld(t, db, db)
	for version, accepted := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", strings.TrimPrefix(w.address, "https://"), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if err == nil {
			c.Close()
		}
		if (err == nil) != accepted {
			t.Errorf("TLS %x: %v", version, err)
		}
	}
}

// A full disk costs nothing but time: a signed later, and the same batch goes
// in once there is room.
func TestFullDisk(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	w := newWorld(t, db, db)
	a := w.agent("confirmed", false)
	batch := a.seal()
	pages := func(n string) {
		t.Helper()
		if err := db.Write(t.Context(), func(tx *database.Tx) error {
			var got int
			return tx.QueryRow(t.Context(), "PRAGMA max_page_count = "+n).Scan(&got)
		}); err != nil {
			t.Fatal(err)
		}
	}
	pages("1") // stands in for the disk: SQLite answers with the same code
	full := func() bool {
		got := w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, batch))
		return got.answer != nil && got.answer.Why == protocol.LaterBusy && got.answer.RetryAfter >= 600
	}
	// Free pages inside the file take the first batches.
	for range 200 {
		if full() {
			break
		}
		batch = a.seal()
	}
	if !full() {
		t.Fatal("the disk never became full")
	}
	before := w.count("SELECT COUNT(*) FROM inbox")
	pages("1000000")
	w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, batch)).mustReceipt(t)
	if after := w.count("SELECT COUNT(*) FROM inbox"); after != before+1 {
		t.Errorf("%d rows before, %d after there was room", before, after)
	}
}

// A body that stops half-way is no message, and costs its sender only.
// One sender that sends slowly on many connections is answered later, signed;
// the others do not notice.
func TestSlowSenderHoldsItsOwnPlaceOnly(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	w := newWorld(t, db, db)
	slow, other := w.agent("confirmed", false), w.agent("confirmed", false)
	batch := slow.seal()
	var open []net.Conn
	for range 3 {
		frame := slow.frame(protocol.MessageBatch, batch)
		c, err := tls.Dial("tcp", strings.TrimPrefix(w.address, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		if _, err := fmt.Fprintf(c, "POST /v1/batch HTTP/1.1\r\nHost: intake\r\nContent-Length: %d\r\n\r\n%s", len(frame), frame[:len(frame)-1]); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool {
		got := w.post(protocol.MessageBatch, slow.frame(protocol.MessageBatch, []byte("not an envelope")))
		got.mustLater(t, got.answer.Why)
		return got.answer.Why == protocol.LaterBusy
	})
	w.post(protocol.MessageBatch, other.frame(protocol.MessageBatch, other.seal())).mustReceipt(t)
	for _, c := range open {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	}
	await(t, func() bool {
		return w.post(protocol.MessageBatch, slow.frame(protocol.MessageBatch, batch)).receipt != nil
	})
}

func TestBodyCutOnTheWay(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	w := newWorld(t, db, db)
	a := w.agent("confirmed", false)
	frame := a.frame(protocol.MessageBatch, a.seal())
	c, err := tls.Dial("tcp", strings.TrimPrefix(w.address, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.address+"/v1/batch", bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if err := req.Write(&whole); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(whole.Bytes()[:whole.Len()-100]); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	await(t, func() bool { return w.refused("cut") == 1 })
	if n := w.count("SELECT COUNT(*) FROM inbox"); n != 0 {
		t.Errorf("%d rows of half a message", n)
	}
	w.post(protocol.MessageBatch, frame).mustReceipt(t)
}
