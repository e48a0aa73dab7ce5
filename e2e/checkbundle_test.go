package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"rollbridge/agent/school"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
)

// TestBundleHoldsNothing marks every value of a school, and every setting that
// could name a person, a place or a secret, and looks for the marks in the
// bundle of a school where as much as possible goes wrong.
func TestBundleHoldsNothing(t *testing.T) {
	t.Parallel()
	mark := canary + demoschool.CanaryNot
	config := small()
	config.Canary = canary
	w := emptyWorld(t, config)
	exports := filepath.Join(w.dir, mark+"exports")
	w.must(os.Mkdir(exports, 0o755))
	w.must(w.school.WriteCSV(exports))
	code := w.setUpCollector(stack.CollectorOptions{})
	user := url.UserPassword(mark+"user", mark+"proxy")
	const host = "collector.test:8443"
	proxy, err := fault.NewProxy(user, map[string]string{host: w.collector.IntakeAddress(), strings.TrimPrefix(w.collector.PublicURL, "https://"): w.collector.IntakeAddress()})
	w.must(err)
	t.Cleanup(func() { _ = proxy.Close() })
	w.dir = filepath.Join(w.dir, mark)
	w.enrolAt(stack.Folder("csv", exports), code, stack.AgentOptions{Env: []string{
		"ROLLBRIDGE_UPLINK_PROXY=" + proxy.URL(user), "ROLLBRIDGE_UPLINK_PROXY_PASSWORD=" + mark + "pass", "ROLLBRIDGE_UPLINK_PROXY_USER=" + mark + "name",
		"ROLLBRIDGE_LOG_LEVEL=debug",
	}})
	revocation, err := os.ReadFile(filepath.Join(w.agent.Dir, school.RevocationCodeName))
	if err != nil {
		revocation = nil // kept until it is printed
	}
	_, err = w.agent.Command(w.ctx, "sync")
	w.must(err)
	_, err = w.agent.Start(w.ctx)
	w.must(err)
	pupils := filepath.Join(exports, demoschool.PupilsCSV)
	text, err := os.ReadFile(pupils)
	w.must(err)
	w.must(os.WriteFile(pupils, text[:len(text)/2], 0o644))
	_, err = w.agent.Try(w.ctx, "sync")
	w.must(err)

	file := filepath.Join(t.TempDir(), "support.zip")
	r, err := w.agent.Try(w.ctx, "check", "--bundle", file)
	w.must(err)
	if r.Code != 3 {
		t.Errorf("check ended with %d, want 3:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	data, err := os.ReadFile(file)
	w.must(err)
	parts := unzipped(t, data)
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "about.json check.json log.json logbook.json settings.json status.json" {
		t.Errorf("the bundle holds %s", got)
	}
	secrets := w.secretsOf(code, strings.TrimSpace(string(revocation)))
	secrets["where the files are"] = exports
	secrets["the proxy"] = strings.TrimPrefix(proxy.URL(nil), "http://")
	for _, leak := range leaks(data, parts, secrets) {
		t.Error(leak)
	}
	// What it is for is in it.
	for name, words := range map[string][]string{
		"check.json":  {`"id": "dataset"`, `"cause": "data"`, `"id": "proxy"`},
		"status.json": {`"state": "active"`, `"upserts"`}, "logbook.json": {`"event": "sealed"`, `"event": "receipt`},
		"log.json": {`"level": "`, `"message": "`}, "settings.json": {`"value": "debug"`, `"key": "uplink.proxy"`}, "about.json": {runtime.GOOS},
	} {
		for _, word := range words {
			if !strings.Contains(parts[name], word) {
				t.Errorf("%s does not hold %s:\n%.600s", name, word, parts[name])
			}
		}
	}
	w.neverReplaces(file, data)
}

// neverReplaces writes the bundle once more to the same place, and to one that
// is not there.
func (w *world) neverReplaces(file string, data []byte) {
	w.t.Helper()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		w.t.Errorf("the bundle has mode %v, %v", info.Mode(), err)
	}
	for _, to := range []string{file, filepath.Join(filepath.Dir(file), "no", "where.zip")} {
		r, err := w.agent.Try(w.ctx, "check", "--bundle", to)
		w.must(err)
		if r.Code != 1 || !strings.Contains(r.Stderr, "write the bundle") {
			w.t.Errorf("a bundle to %s ended with %d: %s", to, r.Code, r.Stderr)
		}
	}
	now, err := os.ReadFile(file)
	w.must(err)
	if !bytes.Equal(now, data) {
		w.t.Error("the bundle was replaced")
	}
	left, err := os.ReadDir(filepath.Dir(file))
	w.must(err)
	if len(left) != 1 {
		w.t.Errorf("%d files lie beside the bundle", len(left)-1)
	}
}

// secretsOf are what a bundle must not hold of an enrolled agent, apart from
// marked values.
func (w *world) secretsOf(code, revocation string) map[string]string {
	w.t.Helper()
	secrets := map[string]string{
		"the enrolment code": code[4:40], "the collector": strings.TrimPrefix(w.collector.PublicURL, "https://"),
		"the school's name": demoschool.SchoolName, "the data directory": w.agent.Dir, "the school": schoolID,
	}
	if revocation != "" {
		secrets["the revocation code"] = revocation
	}
	if name, err := os.Hostname(); err == nil && len(name) > 4 {
		secrets["the computer's name"] = name
	}
	keys := filepath.Join(w.agent.Dir, "identity")
	all, err := os.ReadDir(keys)
	w.must(err)
	for _, k := range all {
		key, err := os.ReadFile(filepath.Join(keys, k.Name()))
		w.must(err)
		secrets["key "+k.Name()] = string(key[len(key)-24:])
	}
	return secrets
}

func unzipped(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		parts[f.Name] = string(text)
	}
	return parts
}

// leaks looks for marks and secrets in a zip: in its bytes, and in what they
// unpack to.
func leaks(data []byte, parts map[string]string, secrets map[string]string) (found []string) {
	all := map[string][]byte{"the file": data}
	for name, text := range parts {
		all[name] = []byte(name + "\n" + text)
	}
	for name, text := range all {
		for _, m := range marks(text) {
			found = append(found, name+" holds "+m)
		}
		lower := bytes.ToLower(text)
		for what, secret := range secrets {
			for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))[:len(secret)], url.PathEscape(secret)} {
				if bytes.Contains(lower, bytes.ToLower([]byte(form))) {
					found = append(found, fmt.Sprintf("%s holds %s", name, what))
					break
				}
			}
		}
	}
	return found
}

// TestBundleScanSees shows that the scan finds what it is for.
func TestBundleScanSees(t *testing.T) {
	secrets := map[string]string{"a secret": "s3cret-of-the-head", "an address": net.JoinHostPort("127.0.0.1", "40123")}
	for _, planted := range []string{canary + demoschool.CanaryNot, "s3cret-of-the-head", "127.0.0.1:40123", hex.EncodeToString([]byte("s3cret-of-the-head"))} {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		f, err := z.Create("check.json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, strings.Repeat("{}\n", 200)+planted); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if len(leaks(out.Bytes(), unzipped(t, out.Bytes()), secrets)) == 0 {
			t.Errorf("the scan does not see %s", planted)
		}
	}
}
