package wine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// forwards is a library with the one function of bcryptprimitives.dll that Go
// programs call, which an older one of Windows does as well.
const forwards = "LIBRARY bcryptprimitives.dll\nEXPORTS\nProcessPrng=advapi32.SystemFunction036\n"

// mend gives this Windows bcryptprimitives.dll if it has none.
func (p *Prefix) mend(ctx context.Context) error {
	library := p.File(`C:\windows\system32\bcryptprimitives.dll`)
	if _, err := os.Stat(library); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	work, err := os.MkdirTemp(p.dir, "mend-")
	if err != nil {
		return fmt.Errorf("give Wine the library it lacks: %w", err)
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "b.def"), []byte(forwards), 0o600); err != nil {
		return fmt.Errorf("give Wine the library it lacks: %w", err)
	}
	for _, line := range []string{
		"x86_64-w64-mingw32-dlltool -d b.def -D bcryptprimitives.dll -e b.exp",
		"x86_64-w64-mingw32-ld -shared -e 0 -o b.dll b.exp",
	} {
		words := strings.Fields(line)
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("give Wine the library it lacks (Debian: apt-get install binutils-mingw-w64-x86-64): %w\n%s", err, out)
		}
	}
	b, err := os.ReadFile(filepath.Join(work, "b.dll"))
	if err == nil {
		err = os.WriteFile(library, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("give Wine the library it lacks: %w", err)
	}
	return nil
}

// A change is one that a source needs to run on Wine.
type change struct {
	module   string // empty for the Go library
	file     string
	old, new string // old is found once
	until    int    // the first version of Wine that does not need it; 0: none is known
}

var changes = []change{
	{
		// Where the system does not know the new way to delete, the old one is taken.
		// Wine 8 says 0xC0000002, not implemented, which no Windows does.
		file: "src/internal/syscall/windows/at_windows.go", until: 10,
		old: "\tcase STATUS_INVALID_INFO_CLASS, ",
		new: "\tcase NTStatus(0xC0000002), STATUS_INVALID_INFO_CLASS, ",
	},
	{
		// The first instance of a pipe of go-winio only keeps its name. Windows lets
		// nobody connect to it, since it was opened without the right to read or write;
		// Wine lets the first client do so, who then waits for ever. So that client comes
		// at once.
		module: "rollbridge", file: "agent/control/socket_windows.go",
		old: "\tpath := filepath.Join(dir, nameFile)\n",
		new: `	path := filepath.Join(dir, nameFile)
	if name16, err := windows.UTF16PtrFromString(name); err == nil {
		if first, err := windows.CreateFile(name16, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, 0, 0); err == nil {
			_ = windows.CloseHandle(first)
		}
	}
`,
	},
}

// Overlay is an argument for the go command: what it then builds is as it is
// released but for what this Wine lacks.
func (p *Prefix) Overlay(ctx context.Context) (string, error) {
	replace := map[string]string{}
	for i, c := range changes {
		if c.until > 0 && p.major >= c.until {
			continue
		}
		original, err := c.original(ctx)
		if err != nil {
			return "", err
		}
		code, err := os.ReadFile(original)
		if err != nil {
			return "", fmt.Errorf("read a source: %w", err)
		}
		if bytes.Count(code, []byte(c.old)) != 1 {
			return "", fmt.Errorf("%s %s is not as it was: see what it now needs to run on Wine", c.module, c.file)
		}
		changed := filepath.Join(p.dir, fmt.Sprintf("changed%d.go", i))
		if err := os.WriteFile(changed, bytes.Replace(code, []byte(c.old), []byte(c.new), 1), 0o600); err != nil {
			return "", fmt.Errorf("change a source: %w", err)
		}
		replace[original] = changed
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("list what is changed: %w", err)
	}
	list := filepath.Join(p.dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return "", fmt.Errorf("list what is changed: %w", err)
	}
	return "-overlay=" + list, nil
}

// original is the file that the go command would take.
func (c change) original(ctx context.Context) (string, error) {
	args := []string{"env", "GOROOT"}
	if c.module != "" {
		args = []string{"list", "-m", "-f", "{{.Dir}}", c.module}
	}
	root, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("find a source: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), filepath.FromSlash(c.file)), nil
}
