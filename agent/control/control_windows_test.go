package control

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// TestAccessList reads back what Windows is given: three may open the pipe, with
// whatever rights, and nobody else.
func TestAccessList(t *testing.T) {
	sid, err := windows.StringToSid("S-1-5-80-1-2-3-4-5")
	if err != nil {
		t.Fatal(err)
	}
	sd, err := windows.SecurityDescriptorFromString(accessList(sid))
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil || list.AceCount != 3 {
		t.Fatalf("%+v, %v; want three entries", list, err)
	}
	got := sd.String()
	for _, who := range []string{";BA)", ";SY)", ";S-1-5-80-1-2-3-4-5)"} {
		if strings.Count(got, who) != 1 {
			t.Errorf("the access list is %s, without or with more of %s", got, who)
		}
	}
	if !strings.HasPrefix(got, "D:P(") {
		t.Errorf("the access list is %s: what is above it counts too", got)
	}
}

// A service that died has left a name, which a stranger has taken; or what is
// left is no name at all. Neither keeps the next from starting.
func TestLeftName(t *testing.T) {
	for what, left := range map[string]string{"dead": prefix + "DEAD", "another pipe": `\\.\pipe\another`, "empty": ""} {
		dir := privateDir(t)
		path := filepath.Join(dir, nameFile)
		if err := os.WriteFile(path, []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := NewClient(dir).Call(t.Context(), "status", 0, nil, nil); !errors.Is(err, ErrNoService) {
			t.Errorf("%s: %v, want ErrNoService", what, err)
		}
		l, err := Listen(dir)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if name, err := os.ReadFile(path); err != nil || string(name) == left {
			t.Errorf("%s: the name is %q, %v", what, name, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: after the end the name stays: %v", what, err)
		}
	}
}

// TestLetIn asks after accounts that the system's own directory does and does not
// let in.
func TestLetIn(t *testing.T) {
	dir := privateDir(t)
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := windows.StringToSid("S-1-5-80-1-2-3-4-5")
	if err != nil {
		t.Fatal(err)
	}
	if err := letIn(dir, stranger); !errors.Is(err, errStranger) {
		t.Errorf("a stranger: %v", err)
	}
	if err := letIn(dir, user.User.Sid); err != nil {
		t.Errorf("who made it: %v", err)
	}
}
