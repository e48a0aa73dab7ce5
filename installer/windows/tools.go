package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// A program is one that goes to Windows.
type program struct{ file, title string }

// The agent first: it is what the MSI installs.
var programs = []program{
	{"rollbridge-agent.exe", "Rollbridge agent"},
	{"rollbridge-collector.exe", "Rollbridge collector"},
}

// lowestBuild is that of the oldest Windows: 10 and Server 2016, version 1607.
const lowestBuild = 14393

// tools run the programs of others.
type tools struct {
	environ []string
	work    string // a directory for what is made on the way
	at      time.Time
}

// run runs a program; what it says is shown only if it fails.
func (t tools) run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(append([]string(nil), t.environ...), "TZ=UTC", "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// still runs a program for which the time stands still.
func (t tools) still(ctx context.Context, dir, name string, args ...string) error {
	return t.run(ctx, dir, "faketime", append([]string{"-f", t.at.Format(time.DateTime), name}, args...)...)
}

// stamp puts a version into a program, that of one that has one in its place.
func (t tools) stamp(ctx context.Context, path string, p program, v version) error {
	text, err := json.Marshal(resources(p, v))
	if err != nil {
		return fmt.Errorf("describe %s: %w", p.file, err)
	}
	list := filepath.Join(t.work, p.file+".json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return fmt.Errorf("describe %s: %w", p.file, err)
	}
	err = t.run(ctx, "", "go", "tool", "-modfile=.ci/tools.mod", "go-winres", "patch", "--no-backup", "--delete", "--authenticode", "remove", "--in", list, path)
	if err != nil {
		return fmt.Errorf("put the version into %s: %w", p.file, err)
	}
	return nil
}

// resources is what Windows shows of a file, and that it knows long paths.
func resources(p program, v version) map[string]any {
	type m = map[string]any
	return m{
		"RT_VERSION": m{"#1": m{"0409": m{
			"fixed": m{"file_version": v.file, "product_version": v.file},
			"info": m{"0409": m{
				"CompanyName": "Rollbridge", "ProductName": "Rollbridge", "FileDescription": p.title, "FileVersion": v.full, "ProductVersion": v.full,
				"InternalName": strings.TrimSuffix(p.file, ".exe"), "OriginalFilename": p.file, "LegalCopyright": "Copyright the Rollbridge authors",
			}},
		}}},
		"RT_MANIFEST": m{"#1": m{"0409": m{
			"description": p.title, "minimum-os": "win10", "execution-level": "as invoker", "long-path-aware": true,
		}}},
	}
}

//go:embed agent.wxs
var wxs string

// pack makes the MSI and returns its path.
func (o order) pack(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp(o.tools.work, "msi-")
	if err != nil {
		return "", fmt.Errorf("make the MSI: %w", err)
	}
	sum, err := o.copy(filepath.Join(o.programs, programs[0].file), filepath.Join(dir, programs[0].file))
	if err == nil {
		_, err = o.copy(o.licence, filepath.Join(dir, "LICENSE.txt"))
	}
	if err == nil {
		err = o.source(filepath.Join(dir, "agent.wxs"))
	}
	if err != nil {
		return "", fmt.Errorf("make the MSI: %w", err)
	}
	const made = "made.msi"
	for _, step := range [][]string{
		// wixl knows no arm64; the two packages differ in their description only.
		{"wixl", "-a", "x64", "-o", made, "agent.wxs"},
		append([]string{"msibuild", made, "-q"}, tables(o.version)...),
		{"msibuild", made, "-s", "Rollbridge agent " + o.version.full, "Rollbridge", archs[o.arch] + ";1033", codeOf("package", sum, o.version.full, o.arch)},
	} {
		if err := o.tools.still(ctx, dir, step[0], step[1:]...); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, made), nil
}

// source writes agent.wxs with what this MSI is.
func (o order) source(path string) error {
	t, err := template.New("agent.wxs").Option("missingkey=error").Parse(wxs)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"ProductCode": codeOf("product", o.version.full, o.arch), "UpgradeCode": upgradeCode, "ComponentCode": componentCode, "LicenceCode": licenceCode,
		"Version": o.version.product, "Full": o.version.full, "LowestBuild": lowestBuild,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// copy copies a file, with the time of everything, and returns its hash.
func (o order) copy(from, to string) (string, error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	const readable = 0o644
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, readable)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chtimes(to, o.at, o.at)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}
