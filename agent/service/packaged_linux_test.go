package service

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// The unit of a package is installed as long as it is enabled; one that was made here
// comes first.
func TestEntered(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(root+path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := entered(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without any: %v", err)
	}
	write(packagedUnits[0], "the package's")
	if _, err := entered(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with a package's that is not enabled: %v", err)
	}
	write(enabledLink, "")
	if text, err := entered(root); string(text) != "the package's" || err != nil {
		t.Errorf("with a package's: %q, %v", text, err)
	}
	write(unitFile, "made here")
	if text, err := entered(root); string(text) != "made here" || err != nil {
		t.Errorf("with both: %q, %v", text, err)
	}
}
