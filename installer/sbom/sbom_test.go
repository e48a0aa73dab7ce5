package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// The bill of this very test program has each of its modules with hash and licence, its
// own hash and the Go that built it, and is the same each time.
func TestBill(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1767225600")
	bill := func(name string) []byte {
		out := filepath.Join(t.TempDir(), name)
		if err := run([]string{"-o", out, "-version", "1.2.0", "-modules", strings.TrimSpace(string(cache)), "-with", "pkg:npm/govuk-frontend@6.6.0=MIT", program}); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	text := bill("a.json")
	if !bytes.Equal(text, bill("b.json")) {
		t.Error("two bills of one program differ")
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	main := bom.Metadata.Component
	if main.Version != "1.2.0" || (*main.Hashes)[0].Value != hex.EncodeToString(sum[:]) || bom.Metadata.Timestamp != "2026-01-01T00:00:00Z" {
		t.Errorf("the program is %+v at %s", main, bom.Metadata.Timestamp)
	}
	info, _ := debug.ReadBuildInfo()
	parts := map[string]cyclonedx.Component{}
	for _, c := range *bom.Components {
		parts[c.PackageURL] = c
	}
	if len(parts) != len(info.Deps)+2 { // and Go itself, and the stylesheet
		t.Errorf("%d parts of a program of %d modules", len(parts), len(info.Deps))
	}
	for _, m := range info.Deps {
		c, there := parts["pkg:golang/"+m.Path+"@"+m.Version]
		if !there || c.Hashes == nil || len((*c.Hashes)[0].Value) != 2*sha256.Size || c.Licenses == nil {
			t.Errorf("%s %s is %+v", m.Path, m.Version, c)
		}
	}
	if c := parts["pkg:npm/govuk-frontend@6.6.0"]; c.Name != "govuk-frontend" || c.Version != "6.6.0" {
		t.Errorf("the stylesheet is %+v", c)
	}
}

// What is no Go program, and a module without a hash, is an error and not a short bill.
func TestNoBill(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := describe(plain, "1", "", time.Now(), nil); err == nil {
		t.Error("a text has a bill")
	}
	if _, err := module(&debug.Module{Path: "example.org/a", Version: "v1.0.0"}, ""); err == nil {
		t.Error("a module without a hash is listed")
	}
}

func TestNamesOf(t *testing.T) {
	const mit = "Permission is hereby granted, free of charge, to any person\nobtaining a copy ... The above copyright notice and this permission notice shall"
	const bsd = "Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions\nare met:"
	for text, want := range map[string]string{
		mit: "MIT", bsd: "BSD-2-Clause", bsd + " Neither the name of": "BSD-3-Clause", "All rights reserved.": "",
		mit + "\n" + bsd: "MIT BSD-2-Clause",
	} {
		if got := strings.Join(namesOf(text), " "); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
