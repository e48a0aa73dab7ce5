package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/keys"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func initial(t *testing.T) (string, keys.Made) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	made, err := keys.Init(dir, []string{"collector.example.org", "127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	return dir, made
}

func TestInit(t *testing.T) {
	dir, made := initial(t)
	ring, err := protocol.VerifyKeyring(made.Signed, made.Root, 0)
	if err != nil || ring.Epoch != 1 || !ring.Expires.Equal(now.Add(protocol.KeyringLife)) {
		t.Fatalf("keyring %+v, %v", ring, err)
	}
	root, err := keys.OpenRoot(dir)
	if err != nil || protocol.FingerprintOf(root.Public().(ed25519.PublicKey)) != made.Root {
		t.Errorf("root key: %v", err)
	}
	intake, err := keys.OpenIntake(dir)
	if err != nil {
		t.Fatal(err)
	}
	control, err := keys.OpenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Listed(intake, ring.Intake); err != nil {
		t.Error(err)
	}
	if _, err := keys.Listed(control, ring.Control); err != nil {
		t.Error(err)
	}
	if _, err := keys.Listed(intake, ring.Control); !errors.Is(err, keys.ErrNotListed) {
		t.Errorf("an intake key in the role of control: %v", err)
	}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if strings.HasPrefix(d.Name(), ".new") {
			t.Errorf("%s was left behind", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Init(dir, []string{"x"}, now); !errors.Is(err, keys.ErrExists) {
		t.Errorf("init again: %v", err)
	}
	if again, err := keys.OpenRoot(dir); err != nil || !again.Equal(root) {
		t.Errorf("init again changed the root key (%v)", err)
	}
}

func TestFailedInitLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if _, err := keys.Init(dir, nil, now); err == nil {
		t.Fatal("init without a host made a certificate")
	}
	for _, role := range []string{"root", "intake", "control", "sealing", "tls"} {
		if _, err := os.Stat(filepath.Join(dir, role)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was left behind (%v)", role, err)
		}
	}
}

// A process with one role starts where nothing of another role exists.
func TestRolesAreSeparate(t *testing.T) {
	for role, open := range map[string]func(string) error{
		"root":    func(d string) error { _, err := keys.OpenRoot(d); return err },
		"intake":  func(d string) error { _, err := keys.OpenIntake(d); return err },
		"control": func(d string) error { _, err := keys.OpenControl(d); return err },
		"sealing": func(d string) error { _, err := keys.OpenSealing(d); return err },
	} {
		dir, _ := initial(t)
		for _, other := range []string{"root", "intake", "control", "sealing", "tls"} {
			if other != role {
				if err := os.RemoveAll(filepath.Join(dir, other)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := open(dir); err != nil {
			t.Errorf("%s alone: %v", role, err)
		}
		if err := os.RemoveAll(filepath.Join(dir, role)); err != nil {
			t.Fatal(err)
		}
		if err := open(dir); !errors.Is(err, keys.ErrMissing) {
			t.Errorf("%s without its key: %v", role, err)
		}
	}
}

func TestBadKeyFiles(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(path string) error
		want  error
	}{
		"readable by others": {func(p string) error { return os.Chmod(p, 0o640) }, keys.ErrReadable},
		"emptied":            {func(p string) error { return os.WriteFile(p, nil, 0o600) }, keys.ErrDamaged},
		"of another form":    {func(p string) error { return os.WriteFile(p, []byte(`{"seed":"c2hvcnQ="}`), 0o600) }, keys.ErrDamaged},
		"half written":       {func(p string) error { return os.Truncate(p, 30) }, keys.ErrDamaged},
	} {
		dir, _ := initial(t)
		for _, pattern := range []string{"root/*", "intake/*", "control/*", "sealing/*"} {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(found) != 1 {
				t.Fatalf("%s: %q, %v", pattern, found, err)
			}
			if err := c.spoil(found[0]); err != nil {
				t.Fatal(err)
			}
		}
		_, err1 := keys.OpenRoot(dir)
		_, err2 := keys.OpenIntake(dir)
		_, err3 := keys.OpenControl(dir)
		_, err4 := keys.OpenSealing(dir)
		for i, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s, file %d: %v, want %v", name, i, err, c.want)
			}
		}
	}
}

func TestRenew(t *testing.T) {
	dir, made := initial(t)
	root, err := keys.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(300 * 24 * time.Hour)
	next, signed, err := keys.Renew(root, made.Keyring, later)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := protocol.VerifyKeyring(signed, made.Root, made.Keyring.Epoch)
	if err != nil || ring.Epoch != 2 || next.Epoch != 2 || !ring.Expires.Equal(later.Add(protocol.KeyringLife)) ||
		!bytes.Equal(ring.Intake[0], made.Keyring.Intake[0]) || !bytes.Equal(ring.Control[0], made.Keyring.Control[0]) {
		t.Errorf("renewed to %+v, %v", ring, err)
	}
	other, _ := initial(t)
	wrong, err := keys.OpenRoot(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := keys.Renew(wrong, made.Keyring, later); !errors.Is(err, protocol.ErrRoot) {
		t.Errorf("with another collector's root key: %v", err)
	}
	if _, _, err := keys.Renew(root, protocol.Keyring{}, later); err == nil {
		t.Error("a keyring without keys was signed")
	}
}

func TestSealingKeys(t *testing.T) {
	dir, made := initial(t)
	second, err := keys.NewSealing(dir, now.Add(protocol.SealingKeyLife))
	if err != nil {
		t.Fatal(err)
	}
	if !made.Sealing.Retires.Equal(second.Created) || !second.Destroyed.Equal(second.Retires.Add(protocol.SealingKeyGrace)) {
		t.Errorf("the lives do not join: %+v, %+v", made.Sealing.SealingKey, second.SealingKey)
	}
	held, err := keys.OpenSealing(dir)
	if err != nil || len(held) != 2 {
		t.Fatalf("%d sealing keys, %v", len(held), err)
	}
	public, err := envelope.ParsePublicKey(made.Sealing.Public)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := envelope.SealTo(public, "id-key", nil, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := envelope.OpenFrom(held[made.Sealing.ID].Private, "id-key", nil, sealed); err != nil || string(got) != "secret" {
		t.Errorf("read back from its file, the key opens %q, %v", got, err)
	}
	for range 2 {
		if err := keys.DestroySealing(dir, made.Sealing.ID); err != nil {
			t.Fatal(err)
		}
	}
	if held, err = keys.OpenSealing(dir); err != nil || len(held) != 1 || held[second.ID].ID != second.ID {
		t.Errorf("after one was destroyed: %d, %v", len(held), err)
	}
}

func TestTrialCertificate(t *testing.T) {
	dir, made := initial(t)
	pair, err := tls.LoadX509KeyPair(keys.TLSFiles(dir))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil || !bytes.Equal(keys.PinOf(cert), made.Pin) || len(made.Pin) != 32 {
		t.Errorf("pin differs (%v)", err)
	}
	for _, host := range []string{"collector.example.org", "127.0.0.1"} {
		if err := cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if cert.NotBefore.After(now) || cert.NotAfter.Before(now.Add(700*24*time.Hour)) {
		t.Errorf("valid from %v to %v", cert.NotBefore, cert.NotAfter)
	}
}
