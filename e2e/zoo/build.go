package zoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"rollbridge/e2e/stack"
)

// A Kind is how a release goes wrong.
type Kind string

// The kinds. Good is the agent as it is.
const (
	Good Kind = ""
	// Foreign is a program for another processor.
	Foreign Kind = "foreign"
	// Exits ends at once with 1.
	Exits Kind = "exits"
	// Hangs never says that it is ready, and does not end when asked to.
	Hangs Kind = "hangs"
	// Unfit finds in its self-test that it cannot work here.
	Unfit Kind = "unfit"
	// Crashes says that it is ready, works, and crashes a moment later.
	Crashes Kind = "crashes"
	// Deadlocks says that it is ready, and then holds a lock of the school for good.
	Deadlocks Kind = "deadlocks"
	// Floods works and writes to its log without end.
	Floods Kind = "floods"
)

// Releases are the programs of one test run, each built when it is first asked
// for.
type Releases struct {
	// Dir is where they go; Stamp is linked into each, but for its version.
	Dir   string
	Stamp stack.Stamp
	Tags  []string

	mu    sync.Mutex
	built map[string]func() (string, error)
}

// Program is the path of a version that is of a kind. It is not to be changed.
func (r *Releases) Program(ctx context.Context, version string, kind Kind) (string, error) {
	name := version + "-" + string(kind)
	r.mu.Lock()
	if r.built == nil {
		r.built = map[string]func() (string, error){}
	}
	if r.built[name] == nil {
		r.built[name] = sync.OnceValues(func() (string, error) {
			path := filepath.Join(r.Dir, "rollbridge-agent-"+name)
			return path, r.build(context.WithoutCancel(ctx), path, version, kind)
		})
	}
	build := r.built[name]
	r.mu.Unlock()
	return build()
}

// linking bounds how many programs are linked at once: each takes much memory.
var linking sync.Mutex

func (r *Releases) build(ctx context.Context, path, version string, kind Kind) error {
	linking.Lock()
	defer linking.Unlock()
	stamp := r.Stamp
	stamp.Version, stamp.Kind = version, string(kind)
	switch kind {
	case Good:
		return stack.BuildVersion(ctx, "rollbridge/agent", path, stamp, r.Tags...)
	case Foreign:
		// What runs nowhere here is not looked at any further.
		stamp.Arch = map[bool]string{true: "arm64", false: "amd64"}[runtime.GOARCH == "amd64"]
		return stack.BuildVersion(ctx, "rollbridge/e2e/zoo/small", path, stamp)
	case Exits, Hangs, Unfit:
		return stack.BuildVersion(ctx, "rollbridge/e2e/zoo/small", path, stamp)
	case Deadlocks:
		stamp.Kind = "" // it is the agent itself, but for one line
		overlay, err := deadlock(ctx, path)
		if err != nil {
			return err
		}
		stamp.Overlay = overlay
		return stack.BuildVersion(ctx, "rollbridge/agent", path, stamp, r.Tags...)
	}
	return stack.BuildVersion(ctx, "rollbridge/e2e/zoo/whole", path, stamp, r.Tags...)
}

// deadlock writes the agent's loop with a lock that nobody gives back, as an
// overlay for the compiler.
func deadlock(ctx context.Context, path string) (overlay string, err error) {
	const loop, locked = "\treturn l.run(ctx)\n", "\ts.link.Lock()\n\treturn l.run(ctx)\n"
	dir, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "rollbridge/agent/school").Output()
	if err != nil {
		return "", fmt.Errorf("find the agent's loop: %w", err)
	}
	file := filepath.Join(strings.TrimSpace(string(dir)), "run.go")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("find the agent's loop: %w", err)
	}
	if strings.Count(string(text), loop) != 1 {
		return "", fmt.Errorf("the agent's loop in %s is no longer begun by %q", file, loop)
	}
	changed := path + ".run.go"
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", fmt.Errorf("change the agent's loop: %w", err)
	}
	overlay = path + ".overlay.json"
	return overlay, errors.Join(os.WriteFile(changed, []byte(strings.Replace(string(text), loop, locked, 1)), 0o644), os.WriteFile(overlay, list, 0o644))
}
