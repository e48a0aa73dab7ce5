package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWritesASchool(t *testing.T) {
	for format, file := range map[string]string{"csv": "pupils.csv", "ctf": "9331234_CTF_9330000_001.xml"} {
		out := filepath.Join(t.TempDir(), "new", "folder")
		var stdout, stderr bytes.Buffer
		code := run([]string{"-pupils", "50", "-seed", "9", "-out", out, "-format", format}, &stdout, &stderr)
		if code != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), "50 pupils") {
			t.Errorf("%s: exit %d, %s%s", format, code, &stdout, &stderr)
		}
		if info, err := os.Stat(filepath.Join(out, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: no %s: %v", format, file, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{}, 2, "-out FOLDER"},
		{[]string{"-out", dir, "-format", "xls"}, 2, "csv or ctf"},
		{[]string{"-out", dir, "-pupils", "0"}, 2, "1 or more"},
		{[]string{"-out", dir, "-pupils", "9999999"}, 2, "200000"},
		{[]string{"-out", dir, "more"}, 2, "flags only"},
		{[]string{"-out", file, "-pupils", "5"}, 1, "make folder"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(tc.args, &stdout, &stderr); code != tc.code || !strings.Contains(stderr.String(), tc.says) {
			t.Errorf("%v: exit %d, %s", tc.args, code, &stderr)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Error("a refused command left files")
	}
}
