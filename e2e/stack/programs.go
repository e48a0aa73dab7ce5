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
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", strings.Join(tags, ","), "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return Programs{}, fmt.Errorf("build %s: %w\n%s", pkg, err, text)
		}
	}
	return p, nil
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
