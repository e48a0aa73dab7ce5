//go:build wine

package wine

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// makeMSI runs the program that makes packages on the programs in dir, and returns
// the MSI.
func makeMSI(t *testing.T, version, arch, dir string, env ...string) string {
	t.Helper()
	out, err := tryMSI(t, version, arch, dir, env...)
	if err != nil {
		t.Fatalf("make an MSI: %v\n%s", err, out)
	}
	if signs := len(env) > 0; strings.Contains(out, "not signed") == signs {
		t.Errorf("signed: %v; it says %q", signs, out)
	}
	return filepath.Join(dir, "rollbridge-agent_"+version+"_windows_"+arch+".msi")
}

func tryMSI(t *testing.T, version, arch, dir string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./installer/windows", "-version", version, "-arch", arch, "-programs", dir, "-out", dir)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(append(os.Environ(), "SOURCE_DATE_EPOCH=1790000000"), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// small puts two small programs of Windows into a new directory: what a package is
// made of does not matter here.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	must(t, os.WriteFile(source, []byte("package main\n\nfunc main() { println(\"small\") }\n"), 0o600))
	for _, name := range []string{"rollbridge-agent.exe", "rollbridge-collector.exe"} {
		goCommand(t, []string{"GOOS=windows", "GOARCH=amd64"}, "build", "-trimpath", "-o", filepath.Join(dir, name), source)
	}
	return dir
}

// tool runs a tool that has to succeed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// table is the rows of a table of an MSI, by their first column.
func table(t *testing.T, msi, name string) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(tool(t, "msiinfo", "export", msi, name), "\r", ""), "\n"), "\n")
	for _, line := range lines[min(3, len(lines)):] { // names, types, keys
		cells := strings.Split(line, "\t")
		rows[cells[0]] = cells[1:]
	}
	return rows
}

var property = regexp.MustCompile(`\[([A-Za-z0-9_]+)\]`)

// TestTables looks at what Windows Installer is told, and Wine does not heed.
func TestTables(t *testing.T) {
	dir := small(t)
	for arch, template := range map[string]string{"amd64": "x64;1033", "arm64": "Arm64;1033"} {
		t.Run(arch, func(t *testing.T) {
			msi := makeMSI(t, "2.3.4-rc.1", arch, dir)
			if summary := tool(t, "msiinfo", "suminfo", msi); !strings.Contains(summary, "Template: "+template+"\n") || !strings.Contains(summary, "2.3.4-rc.1") {
				t.Errorf("the summary is\n%s", summary)
			}
			properties := table(t, msi, "Property")
			for name, want := range map[string]string{
				"ALLUSERS": "1", "ProductVersion": "2.3.4", "REBOOT": "ReallySuppress", "MSIRESTARTMANAGERCONTROL": "Disable",
				"MsiHiddenProperties": strings.Join(hiddenProperties, ";"), "UpgradeCode": "{6C2D6F9E-0F58-4B7E-9B43-2C7B1B0E6D51}",
			} {
				if got := properties[name]; len(got) != 1 || got[0] != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if file := table(t, msi, "File")["AgentProgram"]; file[3] != "2.3.4.0" {
				t.Errorf("the program's file is %q", file)
			}
			if len(table(t, msi, "MsiFileHash")["AgentProgram"]) > 0 {
				t.Error("the program has a version and a hash")
			}
			if rows := table(t, msi, "Registry"); len(rows) > 0 {
				t.Errorf("it writes %q into the registry", rows)
			}
			actions(t, msi, strings.Split(properties["SecureCustomProperties"][0], ";"))
		})
	}
}

// actions checks that each action runs as SYSTEM, that no value is asked for that a
// repair, which anybody may begin, could give, and that no command with a hidden
// property gets into a log: it is hidden, and the action cannot fail, since the
// command of one that fails is logged.
func actions(t *testing.T, msi string, secure []string) {
	t.Helper()
	const installedFile, rollback, inScript, asSystem, anyEnd, hideTarget = 0x12, 0x100, 0x400, 0x800, 0x40, 0x2000
	sequence := table(t, msi, "InstallExecuteSequence")
	rows := table(t, msi, "CustomAction")
	if len(rows) < 8 {
		t.Fatalf("there are only the actions %q", rows)
	}
	for name, row := range rows {
		kind, err := strconv.Atoi(row[0])
		must(t, err)
		if kind&(installedFile|inScript|asSystem) != installedFile|inScript|asSystem || row[1] != "AgentProgram" || !strings.HasPrefix(row[2], "msi ") {
			t.Errorf("%s does not run the installed program as SYSTEM: %q", name, row)
		}
		if back := kind&rollback != 0; back != slices.Contains([]string{"StartAgain", "Undo"}, name) || back && kind&anyEnd == 0 {
			t.Errorf("%s on the way back: %q", name, row)
		}
		when := sequence[name]
		if len(when) == 0 {
			t.Errorf("%s is never done", name)
			continue
		}
		for _, m := range property.FindAllStringSubmatch(row[2], -1) {
			if !slices.Contains(secure, m[1]) {
				t.Errorf("%s needs %s, which Windows Installer does not hand on", name, m[1])
			}
			if m[1] != "LOGBOOK" && !strings.HasPrefix(when[0], "NOT Installed") {
				t.Errorf("%s takes %s when %q", name, m[1], when[0])
			}
			if slices.Contains(hiddenProperties, m[1]) && kind&(hideTarget|anyEnd) != hideTarget|anyEnd {
				t.Errorf("%s shows %s in a log: type %#x", name, m[1], kind)
			}
			if !strings.Contains(row[2], "["+m[1]+"] \"") {
				t.Errorf("%s: a last backslash of %s would escape the quote: %s", name, m[1], row[2])
			}
		}
	}
	place := func(action string) int {
		n, err := strconv.Atoi(sequence[action][1])
		must(t, err)
		return n
	}
	order := []string{
		"LaunchConditions", "InstallInitialize", "RemoveExistingProducts", "StartAgain", "Stop", "Remove", "StopServices", "RemoveFiles", "InstallFiles",
		"Undo", "SetUp", "Settle", "Start", "Enrol", "InstallFinalize",
	}
	if !slices.IsSortedFunc(order, func(a, b string) int { return place(a) - place(b) }) {
		t.Errorf("the order is %v", sequence)
	}
	for _, once := range []string{"Remove", "StopServices", "DeleteServices"} {
		if when := sequence[once][0]; !strings.Contains(when, "NOT UPGRADINGPRODUCTCODE") || !strings.Contains(when, `REMOVE="ALL"`) {
			t.Errorf("an upgrade would do %s: %s", once, when)
		}
	}
}

// TestPackagesAreReproducible builds twice, in other places and at other times.
func TestPackagesAreReproducible(t *testing.T) {
	var before []byte
	for range 2 {
		dir := small(t)
		var all []byte
		for _, path := range []string{makeMSI(t, "1.2.3", "amd64", dir), filepath.Join(dir, "rollbridge-agent.exe"), filepath.Join(dir, "rollbridge-collector.exe")} {
			b, err := os.ReadFile(path)
			must(t, err)
			all = append(all, b...)
		}
		if before != nil && !bytes.Equal(before, all) {
			t.Error("two builds differ")
		}
		before = all
	}
}

// TestPrograms say of themselves what they are, in the way of Windows.
func TestProgramsSayWhatTheyAre(t *testing.T) {
	dir := small(t)
	makeMSI(t, "1.2.3-rc.1", "amd64", dir)
	makeMSI(t, "1.2.4", "amd64", dir) // one that has a version gets another
	for name, title := range map[string]string{"rollbridge-agent.exe": "Rollbridge agent", "rollbridge-collector.exe": "Rollbridge collector"} {
		to := t.TempDir()
		cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=.ci/tools.mod", "go-winres", "extract", "--dir", to, filepath.Join(dir, name))
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(to, "winres.json"))
		must(t, err)
		var found struct {
			Version map[string]map[string]struct {
				Fixed map[string]string
				Info  map[string]map[string]string
			} `json:"RT_VERSION"`
			Manifest map[string]map[string]map[string]any `json:"RT_MANIFEST"`
		}
		must(t, json.Unmarshal(text, &found))
		v := found.Version["#1"]["0409"]
		if v.Fixed["file_version"] != "1.2.4.0" || v.Fixed["product_version"] != "1.2.4.0" || v.Info["0409"]["ProductVersion"] != "1.2.4" || v.Info["0409"]["FileDescription"] != title || v.Info["0409"]["OriginalFilename"] != name {
			t.Errorf("%s says of itself\n%s", name, text)
		}
		if m := found.Manifest["#1"]["0409"]; m["long-path-aware"] != true || m["execution-level"] != "" /* as who starts it */ {
			t.Errorf("%s wants\n%s", name, text)
		}
	}
}

// TestSignatures signs by the key of a throwaway authority.
func TestSignatures(t *testing.T) {
	dir, keys, others := small(t), t.TempDir(), t.TempDir()
	authority := throwaway(t, keys)
	stranger := throwaway(t, others)
	msi := makeMSI(t, "1.2.3", "amd64", dir, "ROLLBRIDGE_SIGN_CERTIFICATE="+filepath.Join(keys, "signer.pem"), "ROLLBRIDGE_SIGN_KEY="+filepath.Join(keys, "signer.key"))
	for _, path := range []string{msi, filepath.Join(dir, "rollbridge-agent.exe"), filepath.Join(dir, "rollbridge-collector.exe")} {
		name := filepath.Base(path)
		if out, err := verify(t.Context(), path, authority); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if out, err := verify(t.Context(), path, stranger); err == nil {
			t.Errorf("%s verifies against another authority\n%s", name, out)
		}
		b, err := os.ReadFile(path)
		must(t, err)
		for _, at := range []int{len(b) / 3, len(b) / 2} {
			changed := bytes.Clone(b)
			changed[at] ^= 1
			other := filepath.Join(t.TempDir(), name)
			must(t, os.WriteFile(other, changed, 0o600))
			if out, err := verify(t.Context(), other, authority); err == nil {
				t.Errorf("%s verifies with another byte %d\n%s", name, at, out)
			}
		}
	}
	// What is in the package is what is beside it.
	tool(t, "msiextract", "-C", others, msi)
	extracted, err := filepath.Glob(filepath.Join(others, "Rollbridge", "rollbridge-agent.exe"))
	if err != nil || len(extracted) != 1 {
		t.Fatalf("in the package there is %q, %v", extracted, err)
	}
	inside, err := os.ReadFile(extracted[0])
	must(t, err)
	beside, err := os.ReadFile(filepath.Join(dir, "rollbridge-agent.exe"))
	must(t, err)
	if !bytes.Equal(inside, beside) {
		t.Error("the program in the package is not the one beside it")
	}
	if out, err := tryMSI(t, "1.2.3", "amd64", dir, "ROLLBRIDGE_SIGN_KEY="+filepath.Join(keys, "signer.key")); err == nil || !strings.Contains(out, "CERTIFICATE") {
		t.Errorf("with a key and no certificate: %v %s", err, out)
	}
}

func verify(ctx context.Context, path, authority string) ([]byte, error) {
	return exec.CommandContext(ctx, "osslsigncode", "verify", "-CAfile", authority, "-in", path).CombinedOutput()
}

// throwaway makes an authority and one who signs programs, and returns the file of
// the authority's certificate.
func throwaway(t *testing.T, dir string) string {
	t.Helper()
	now := time.Now()
	sign := func(name string, number int64, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, usage x509.KeyUsage, extended []x509.ExtKeyUsage) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		c := &x509.Certificate{
			SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			KeyUsage: usage, ExtKeyUsage: extended, BasicConstraintsValid: true, IsCA: parent == nil,
		}
		if parent == nil {
			parent, parentKey = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
		must(t, err)
		c, err = x509.ParseCertificate(der)
		must(t, err)
		return c, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	root, rootKey, rootPEM := sign("A throwaway authority", 1, nil, nil, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil)
	_, key, signerPEM := sign("A throwaway publisher", 2, root, rootKey, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, text := range map[string][]byte{
		"authority.pem": rootPEM, "signer.pem": signerPEM, "signer.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	return filepath.Join(dir, "authority.pem")
}
