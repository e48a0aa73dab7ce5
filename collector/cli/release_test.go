package cli_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"debug/elf"
	"debug/pe"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"rollbridge/shared/release"
)

// carry puts a copy of a directory in place of another, as a medium does that is
// carried between two machines: carry FROM TO.
func carry(ts *testscript.TestScript, _ bool, args []string) {
	from, to := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	ts.Check(os.RemoveAll(to))
	ts.Check(os.CopyFS(to, os.DirFS(from)))
}

// program writes what a build leaves: program DIR VERSION OS ARCH [ROOT].
func program(ts *testscript.TestScript, _ bool, args []string) {
	dir, version, system, arch := ts.MkAbs(args[0]), args[1], args[2], args[3]
	ts.Check(os.RemoveAll(dir))
	ts.Check(os.MkdirAll(dir, 0o755))
	var b bytes.Buffer
	if system == "windows" {
		dos := make([]byte, 0x40)
		copy(dos, "MZ")
		binary.LittleEndian.PutUint32(dos[0x3c:], 0x40)
		b.Write(dos)
		b.WriteString("PE\x00\x00")
		ts.Check(binary.Write(&b, binary.LittleEndian, pe.FileHeader{Machine: pe.IMAGE_FILE_MACHINE_AMD64}))
		b.Write(make([]byte, 128))
	} else {
		h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: 64, Shentsize: 64}
		copy(h.Ident[:], elf.ELFMAG)
		h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
		ts.Check(binary.Write(&b, binary.LittleEndian, h))
	}
	fmt.Fprintf(&b, " %s ", version)
	if len(args) > 4 {
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(ts.ReadFile(args[4]))))
	}
	says, err := json.Marshal(map[string]any{"version": version, "go": "go1.26", "os": system, "arch": arch, "state_schema": 1, "data_scope": strings.Repeat("ab", 32)})
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, release.Program(system)), b.Bytes(), 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "release.json"), says, 0o644))
}

// believed reads what is public with go-tuf's own client, which trusts the first root
// and remembers what it has seen.
func believed(ts *testscript.TestScript, _ bool, _ []string) {
	public := ts.MkAbs("data/releases/public")
	s := httptest.NewServer(http.FileServer(http.Dir(public)))
	defer s.Close()
	c, err := config.New(s.URL, []byte(ts.ReadFile("data/releases/public/1.root.json")))
	ts.Check(err)
	c.LocalMetadataDir, c.LocalTargetsDir = ts.MkAbs("client"), ts.MkAbs("client")
	ts.Check(c.SetDefaultFetcherHTTPClient(s.Client()))
	u, err := updater.New(c)
	ts.Check(err)
	ts.Check(u.Refresh())
	for path, t := range u.GetTopLevelTargets() {
		f, err := release.FileOf(path, t)
		ts.Check(err)
		_, b, err := u.DownloadTarget(t, "", "")
		ts.Check(err)
		if sha256.Sum256(b) != f.SHA256 {
			ts.Fatalf("%s is another file", path)
		}
	}
	info, err := u.GetTargetInfo(release.RolloutPath)
	ts.Check(err)
	_, b, err := u.DownloadTarget(info, "", "")
	ts.Check(err)
	_, err = release.ParseRollout(b)
	ts.Check(err)
}

// tokenSigner is an external signer: with "make FILE" it makes its key and writes the
// public half; otherwise it signs what it reads.
func tokenSigner() {
	if err := tokenSign(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func tokenSign() error {
	const file = "token.key"
	if len(os.Args) == 3 && os.Args[1] == "make" {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		private, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			return err
		}
		public, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			return err
		}
		return errors.Join(os.WriteFile(file, private, 0o600), os.WriteFile(os.Args[2], pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600))
	}
	der, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return err
	}
	payload, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(payload)
	sig, err := k.(crypto.Signer).Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return err
	}
	fmt.Println(base64.StdEncoding.EncodeToString(sig))
	return nil
}
