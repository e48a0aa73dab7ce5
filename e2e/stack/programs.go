package stack

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Programs are the paths of the built programs.
type Programs struct {
	Agent     string
	Collector string
}

// Build compiles both programs into dir, with build tags (testclock for tests
// that move time). The caller is somewhere inside the module.
func Build(ctx context.Context, dir string, tags ...string) (Programs, error) {
	p := Programs{
		Agent:     filepath.Join(dir, "rollbridge-agent"+exe()),
		Collector: filepath.Join(dir, "rollbridge-collector"+exe()),
	}
	for pkg, out := range map[string]string{"rollbridge/agent": p.Agent, "rollbridge/collector": p.Collector} {
		if err := build(ctx, pkg, out, tags...); err != nil {
			return Programs{}, err
		}
	}
	return p, nil
}

// BuildReporter compiles the stand-in for SIMS's CommandReporter into dir, and
// is its path.
func BuildReporter(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(dir, "CommandReporter.exe") // of this name on every system
	return out, build(ctx, "rollbridge/e2e/reporter/cmd", out)
}

// A Stamp is what a release has linked in.
type Stamp struct {
	Version string
	// Root is the first root of the update metadata, Address where they are looked
	// for.
	Root    []byte
	Address string
	// Kind is how a release of the zoo goes wrong; Arch is another processor.
	Kind, Arch string
	// Overlay is a file for the compiler that replaces some sources by others.
	Overlay string
}

// BuildVersion compiles one program as a release is made.
func BuildVersion(ctx context.Context, pkg, out string, s Stamp, tags ...string) error {
	flags := "-s -w -X rollbridge/shared/version.Version=" + s.Version +
		" -X rollbridge/shared/release.builtIn=" + base64.StdEncoding.EncodeToString(s.Root) +
		" -X rollbridge/shared/release.address=" + s.Address
	if s.Kind != "" {
		flags += " -X main.kind=" + s.Kind
	}
	var env []string
	if s.Arch != "" {
		env = append(env, "GOARCH="+s.Arch)
	}
	return compile(ctx, pkg, out, env, "-ldflags", flags, "-tags", strings.Join(tags, ","), "-overlay", s.Overlay)
}

func build(ctx context.Context, pkg, out string, tags ...string) error {
	return compile(ctx, pkg, out, nil, "-tags", strings.Join(tags, ","))
}

func compile(ctx context.Context, pkg, out string, env []string, flags ...string) error {
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-trimpath", "-o", out}, flags, []string{pkg})...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
