package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The same files at another time of theirs give the same tarball, with root's names, the
// one time and rights that do not come from whoever made the files.
func TestTarball(t *testing.T) {
	dir := t.TempDir()
	program, text := filepath.Join(dir, "program"), filepath.Join(dir, "text")
	pack := func(out string, mode os.FileMode) []byte {
		for p, m := range map[string]os.FileMode{program: mode | 0o100, text: mode} {
			if err := os.RemoveAll(p); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(filepath.Base(p)), m); err != nil {
				t.Fatal(err)
			}
		}
		out = filepath.Join(dir, out)
		if err := run([]string{"tar", "-o", out, "-top", "top-1.0.0", text + "=sub/renamed", program}, nil, "1767225600"); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	first := pack("a.tar.gz", 0o644)
	if string(first) != string(pack("b.tar.gz", 0o600)) {
		t.Error("two tarballs of the same files differ")
	}
	f, err := os.Open(filepath.Join(dir, "a.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.Name+" "+h.FileInfo().Mode().String()+" "+h.Uname+" "+h.ModTime.UTC().Format("2006-01-02"))
	}
	want := "top-1.0.0/program -rwxr-xr-x root 2026-01-01\ntop-1.0.0/sub/renamed -rw-r--r-- root 2026-01-01"
	if strings.Join(got, "\n") != want {
		t.Errorf("the tarball holds\n%s", strings.Join(got, "\n"))
	}
}

// release.json is what the program says, but for what it is built for.
func TestRelease(t *testing.T) {
	const said = `{"version": "1.2.0", "go": "go1.26.8", "os": "linux", "arch": "amd64", "state_schema": 3, "data_scope": "abc"}`
	out := filepath.Join(t.TempDir(), "release.json")
	read := func(goos string) (r struct {
		Version, OS, Arch string
		Build             int    `json:"min_os_build"`
		Schema            int    `json:"state_schema"`
		Scope             string `json:"data_scope"`
	}) {
		if err := run([]string{"release", "-os", goos, "-arch", "arm64", "-o", out}, strings.NewReader(said), ""); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(out)
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := read("linux"); r.OS != "linux" || r.Arch != "arm64" || r.Build != 0 || r.Version != "1.2.0" || r.Schema != 3 || r.Scope != "abc" {
		t.Errorf("linux: %+v", r)
	}
	if r := read("windows"); r.OS != "windows" || r.Build != lowestBuild {
		t.Errorf("windows: %+v", r)
	}
	for _, short := range []string{"", "{}", `{"version": "1.2.0", "state_schema": 3}`} {
		if err := run([]string{"release", "-os", "linux", "-arch", "amd64", "-o", out}, strings.NewReader(short), ""); err == nil {
			t.Errorf("%q is taken for what a program says", short)
		}
	}
}

// What cannot be made leaves no half of it.
func TestNothingHalf(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{}, {"zip"}, {"sums", dir}, {"tar", "-o", filepath.Join(dir, "a.tar.gz"), filepath.Join(dir, "missing")}, {"release", "-o", filepath.Join(dir, "r.json")},
	} {
		if err := run(args, strings.NewReader(""), "1"); err == nil {
			t.Errorf("%q is no error", args)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
