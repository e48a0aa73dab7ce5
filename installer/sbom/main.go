package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	f := flag.NewFlagSet("sbom", flag.ContinueOnError)
	out := f.String("o", "", "the `file` to write")
	version := f.String("version", "", "the `version` of the program")
	cache := f.String("modules", "", "the module cache (go env GOMODCACHE)")
	var with []cyclonedx.Component
	f.Func("with", "another part of the program, as `PURL=LICENCE`", func(v string) error {
		c, err := other(v)
		with = append(with, c)
		return err
	})
	if err := f.Parse(args); err != nil {
		return err
	}
	if *out == "" || f.NArg() != 1 {
		return errors.New("give -o FILE and one program")
	}
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return errors.New("SOURCE_DATE_EPOCH must be the seconds of a time")
	}
	bom, err := describe(f.Arg(0), *version, *cache, time.Unix(epoch, 0), with)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	e := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := e.EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return err
	}
	const readable = 0o644
	return os.WriteFile(*out, text.Bytes(), readable)
}

// describe is the bill of one program.
func describe(program, version, cache string, at time.Time, with []cyclonedx.Component) (*cyclonedx.BOM, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("%s does not say what it is made of: %w", program, err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	main := cyclonedx.Component{
		BOMRef: name, Type: cyclonedx.ComponentTypeApplication, Name: name, Version: version,
		Hashes:   &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
		Licenses: licences("Apache-2.0"),
		Properties: &[]cyclonedx.Property{
			{Name: "go:package", Value: info.Path}, {Name: "go:os", Value: settings["GOOS"]}, {Name: "go:arch", Value: settings["GOARCH"]},
			{Name: "go:cgo", Value: settings["CGO_ENABLED"]}, {Name: "go:trimpath", Value: settings["-trimpath"]},
		},
	}
	components := append([]cyclonedx.Component{standardLibrary(info.GoVersion)}, with...)
	for _, m := range info.Deps {
		c, err := module(m, cache)
		if err != nil {
			return nil, err
		}
		components = append(components, c)
	}
	refs := make([]string, len(components))
	for i, c := range components {
		refs[i] = c.BOMRef
	}
	slices.Sort(refs)
	bom := cyclonedx.NewBOM()
	// The number is the program's own, so that the same program has the same bill.
	bom.SerialNumber = uuid(sum)
	bom.Metadata = &cyclonedx.Metadata{Timestamp: at.UTC().Format(time.RFC3339), Component: &main}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: name, Dependencies: &refs}}
	return bom, nil
}

// standardLibrary is what each Go program holds beside its modules.
func standardLibrary(goVersion string) cyclonedx.Component {
	version, _, _ := strings.Cut(strings.TrimPrefix(goVersion, "go"), " ")
	purl := "pkg:golang/std@" + version
	return cyclonedx.Component{
		BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: version, PackageURL: purl, Licenses: licences("BSD-3-Clause"),
	}
}

// other is a part that Go knows nothing of, such as a stylesheet.
func other(given string) (cyclonedx.Component, error) {
	purl, licence, found := strings.Cut(given, "=")
	name, version, dated := strings.Cut(purl[strings.LastIndex(purl, "/")+1:], "@")
	if !found || !dated {
		return cyclonedx.Component{}, fmt.Errorf("%q is not PURL=LICENCE", given)
	}
	return cyclonedx.Component{
		BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: purl, Licenses: licences(licence),
	}, nil
}

func module(m *debug.Module, cache string) (cyclonedx.Component, error) {
	if m.Replace != nil {
		m = m.Replace
	}
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := cyclonedx.Component{BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: purl}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
	if err != nil || len(sum) != sha256.Size {
		return c, fmt.Errorf("%s %s has no hash that can be read: %q", m.Path, m.Version, m.Sum)
	}
	c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	id, err := licenceOf(m, cache)
	if err != nil {
		return c, err
	}
	if id != "" {
		c.Licenses = licences(id)
	}
	return c, nil
}

func licences(id string) *cyclonedx.Licenses {
	if strings.Contains(id, " ") {
		return &cyclonedx.Licenses{{Expression: id}}
	}
	return &cyclonedx.Licenses{{License: &cyclonedx.License{ID: id}}}
}

// uuid is a version 8 (own content) UUID.
func uuid(sum [sha256.Size]byte) string {
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
