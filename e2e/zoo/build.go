package zoo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
	// Silent says that it is ready and then gets stuck, though its process lives.
	Silent Kind = "silent"
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
	}
	return stack.BuildVersion(ctx, "rollbridge/e2e/zoo/whole", path, stamp, r.Tags...)
}

// Copy puts a program where a package or a slot has it.
func Copy(program, to string) error {
	data, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("install %s: %w", to, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("install %s: %w", to, err)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return fmt.Errorf("install %s: %w", to, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("install %s: %w", to, err)
	}
	return nil
}
