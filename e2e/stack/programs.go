package stack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

func build(ctx context.Context, pkg, out string, tags ...string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", strings.Join(tags, ","), "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
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
