package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	kardianos "github.com/kardianos/service"

	"rollbridge/agent/slot"
)

// Name is the name of the unit; DefaultAccount is made if it is not there.
const (
	Name           = "rollbridge-agent"
	DefaultAccount = "rollbridge"
)

// unitFile is the unit that is made here. A package brings its own, which is
// installed as long as it is enabled: a file of a package is not taken out.
const (
	unitFile    = "/etc/systemd/system/" + Name + ".service"
	enabledLink = "/etc/systemd/system/multi-user.target.wants/" + Name + ".service"
)

var packagedUnits = []string{"/usr/lib/systemd/system/" + Name + ".service", "/lib/systemd/system/" + Name + ".service"}

// entered reads the unit that systemd goes by, below a root that is "" but in
// tests; fs.ErrNotExist says that the service is not installed.
func entered(root string) ([]byte, error) {
	text, err := os.ReadFile(root + unitFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if _, err := os.Lstat(root + enabledLink); err != nil {
		return nil, err
	}
	return packaged(root)
}

// packaged reads the unit of a package.
func packaged(root string) (text []byte, err error) {
	for _, path := range packagedUnits {
		if text, err = os.ReadFile(root + path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return text, err
}

// ready refuses what cannot become a service, and fills in what s leaves open.
func ready(s *Setup) error {
	if kardianos.ChosenSystem().String() != "linux-systemd" {
		return Refusal("systemd does not run here: have whatever starts services on this system run `rollbridge-agent run` as a user of its own")
	}
	if err := allowed(); err != nil {
		return err
	}
	if s.Password != "" {
		return Refusal("accounts of services have no password on Linux")
	}
	for _, path := range []string{s.Program, s.Dir, s.Config, s.Account} {
		if strings.ContainsFunc(path, unicode.IsControl) {
			return Refusal("a path with control characters cannot stand in a unit")
		}
	}
	if s.Account == "" {
		s.Account = DefaultAccount
	}
	return safe(s.Program)
}

// allowed refuses whoever is not root.
func allowed() error {
	if os.Geteuid() != 0 {
		return Refusal("only root may do this: run the command with sudo")
	}
	return nil
}

// safe refuses a program that the service would not see, or that others than
// root could put something else in place of.
func safe(program string) error {
	for _, hidden := range []string{"/tmp/", "/var/tmp/"} {
		if strings.HasPrefix(program, hidden) {
			return Refusal(fmt.Sprintf("the program lies in %s, which a service does not share: move it to /opt/rollbridge, and run the command from there", hidden))
		}
	}
	for path := program; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("look at the program: %w", err)
		}
		st, known := info.Sys().(*syscall.Stat_t)
		if !known || st.Uid != 0 || info.Mode().Perm()&0o002 != 0 {
			return Refusal(fmt.Sprintf("%s can be changed by others than root, who could so put another program in place of the service: move the program to /opt/rollbridge, and run the command from there", path))
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

func compare(s Setup) (differences []string, there bool, err error) {
	now, err := entered("")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("look at the unit: %w", err)
	}
	return differing(strings.Split(string(now), "\n"), strings.Split(unit(s), "\n")), true, nil
}

// noUser stands for a user who is still to be made.
const noUser = -1

// acceptable refuses what prepare would refuse, and changes nothing.
func acceptable(s Setup) error {
	account, err := find(s.Account)
	if err != nil {
		return err
	}
	uid := noUser
	if account != nil {
		if uid, _, err = numbers(account); err != nil {
			return err
		}
	}
	_, err = givable(s.Dir, uid)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is made
	}
	return err
}

// prepare sees to the account and to its directory.
func prepare(s Setup) error {
	account, err := find(s.Account)
	if err == nil && account == nil {
		account, err = makeAccount(s.Dir)
	}
	if err != nil {
		return err
	}
	uid, gid, err := numbers(account)
	if err != nil {
		return err
	}
	if err := give(s.Dir, uid, gid); err != nil {
		return err
	}
	return giveVersions(slot.Beside(s.Program).Path, uid, gid)
}

// giveVersions makes the versions directory, and gives it with what is in it to
// the account: an administrator's command, or another account before, may have
// made that. Nobody but root can have put the directory there. Everybody may
// read it: nothing of it is secret, and what runs should be open to a look.
func giveVersions(dir string, uid, gid int) error {
	err := os.Mkdir(dir, 0o755)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the versions directory: %w", err)
	}
	// Whoever owns what is in it may exchange it for a link at any moment: by this
	// nothing outside is reached.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the versions directory: %w", err)
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := root.Lstat(path)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if int(st.Uid) == uid || info.Mode().IsRegular() && st.Nlink > 1 {
			return nil // a name that leads to a file somewhere else too is not given away
		}
		return root.Lchown(path, uid, gid)
	})
	if err == nil {
		err = root.Chmod(".", 0o755)
	}
	if err != nil {
		return fmt.Errorf("give the versions directory to the service's user: %w", err)
	}
	return nil
}

// find looks a user up; nil is the default one, where it is not yet made.
func find(name string) (*user.User, error) {
	account, err := user.Lookup(name)
	var unknown user.UnknownUserError
	switch {
	case errors.As(err, &unknown) && name != DefaultAccount:
		return nil, Refusal(fmt.Sprintf("there is no user %s: make it first, as a system user without a password", name))
	case errors.As(err, &unknown):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look for the user %s: %w", name, err)
	}
	return account, nil
}

func numbers(account *user.User) (uid, gid int, err error) {
	uid, uidErr := strconv.Atoi(account.Uid)
	gid, gidErr := strconv.Atoi(account.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return 0, 0, fmt.Errorf("look for the user %s: %w", account.Username, err)
	}
	return uid, gid, nil
}

func makeAccount(home string) (*user.User, error) {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "useradd", "--system", "--user-group", "--no-create-home",
		"--home-dir", home, "--shell", "/usr/sbin/nologin", DefaultAccount).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("make the user %s: %w: %s", DefaultAccount, err, bytes.TrimSpace(out))
	}
	account, err := user.Lookup(DefaultAccount)
	if err != nil {
		return nil, fmt.Errorf("look for the user that was just made: %w", err)
	}
	return account, nil
}

// givable looks at a data directory that an account is to get, and refuses one
// that is another user's or that others may have put something into. Errors wrap
// fs.ErrNotExist where there is none.
func givable(dir string, uid int) (owner int, err error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return 0, fmt.Errorf("look at the data directory: %w", err)
	}
	owner = int(info.Sys().(*syscall.Stat_t).Uid)
	switch {
	case !info.IsDir():
		return owner, Refusal(fmt.Sprintf("%s is not a directory: give its real path", dir))
	case owner == uid && info.Mode().Perm()&0o077 == 0:
		return owner, nil
	case owner != uid && owner != 0:
		return owner, Refusal(fmt.Sprintf("%s belongs to another user: choose another directory, or give it to the service's user with chown", dir))
	case info.Mode().Perm()&0o022 != 0:
		return owner, Refusal(fmt.Sprintf("%s is open to other users, who may have put something there: look through it, then chmod 700 it", dir))
	}
	return owner, nil
}

// give makes a data directory the account's. What root made in it before, by
// enrolling first, is given with it; of another user's nothing is touched.
func give(dir string, uid, gid int) error {
	owner, err := givable(dir, uid)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
		owner, err = givable(dir, uid)
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close the data directory to others: %w", err)
	}
	if owner != 0 {
		return nil
	}
	// The directory itself last: until then nobody but root can get in.
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
	if err == nil {
		err = os.Lchown(dir, uid, gid)
	}
	if err != nil {
		return fmt.Errorf("give the data directory to the service's user: %w", err)
	}
	return nil
}

// enter writes the unit and enables it; after an error nothing of it is left. The
// one that a package brought is enabled, where it is the same.
func enter(s Setup) error {
	if text, err := packaged(""); err == nil && string(text) == unit(s) {
		return enable("enable")
	}
	m, err := manager(s, kardianos.KeyValue{"SystemdScript": unit(s)})
	if err != nil {
		return err
	}
	if err := m.Install(); err != nil {
		if m.Uninstall() != nil { // it may not have been enabled yet
			_ = os.Remove(unitFile)
		}
		return err
	}
	return nil
}

// enable enables or disables the unit of a package.
func enable(verb string) error {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return systemctl(ctx, nil, verb, Name)
}

func takeOut() error {
	if _, err := os.Lstat(unitFile); errors.Is(err, fs.ErrNotExist) {
		return enable("disable")
	}
	m, err := manager(Setup{}, nil)
	if err != nil {
		return err
	}
	return m.Uninstall()
}

func start(ctx context.Context) error {
	if err := systemctl(ctx, nil, "start", Name); err != nil {
		return fmt.Errorf("start the service: %w; `journalctl -u %s` says why", err, Name)
	}
	return nil
}

func stop(ctx context.Context) error {
	if err := systemctl(ctx, nil, "stop", Name); err != nil {
		return fmt.Errorf("stop the service: %w; `journalctl -u %s` says why", err, Name)
	}
	return nil
}

// Look says how the service stands.
func Look(ctx context.Context) (State, error) {
	text, err := entered("")
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("look at the unit: %w", err)
	}
	st := State{Installed: true, Account: valueOf(string(text), "User")}
	args, err := words(valueOf(string(text), "ExecStart"))
	if err != nil {
		return st, err
	}
	st.Dir = dirIn(args)
	if len(args) > 0 {
		st.program = args[0]
	}
	var out bytes.Buffer
	if err := systemctl(ctx, &out, "show", "--property=ActiveState,StatusText", Name); err != nil {
		return st, fmt.Errorf("ask systemd about the service: %w", err)
	}
	st.State, st.Says = valueOf(out.String(), "ActiveState"), valueOf(out.String(), "StatusText")
	st.Running = st.State == "active"
	return st, nil
}

// systemctl runs it, for as long as a stop may take at most.
func systemctl(ctx context.Context, out *bytes.Buffer, args ...string) error {
	const patience = 3 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.Stderr = &said
	if out != nil {
		cmd.Stdout = out
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("systemctl: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
