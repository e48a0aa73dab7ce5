package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// give closes a data directory to all but SYSTEM, administrators and the
// service's account, with everything that an administrator made in it before.
// One that belongs to another user is refused: ProgramData lets everybody make
// directories.
func give(dir string, account *windows.SID) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := givable(dir, account); err != nil {
		return err
	}
	return closeTo(dir, account, "")
}

// readers lets everybody on this computer read and run: nothing of the versions
// is secret, and what runs should be open to a look.
const readers = "(A;OICI;0x1200a9;;;BU)"

// giveVersions makes the versions directory, which only SYSTEM, administrators
// and the account may change. The program directory above lets nobody but
// administrators put it there.
func giveVersions(dir string, account *windows.SID) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the versions directory: %w", err)
	}
	return closeTo(dir, account, readers)
}

// closeTo sets the access list of a directory and of everything in it.
func closeTo(dir string, account *windows.SID, more string) error {
	sd, err := accessList(account, more)
	if err != nil {
		return fmt.Errorf("make the access list: %w", err)
	}
	list, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("make the access list: %w", err)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("close %s to others: %w", dir, err)
		}
		if err := leadsNowhere(path, d); err != nil {
			return err
		}
		err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
			windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
		if err != nil {
			return fmt.Errorf("close %s to others: %w", path, err)
		}
		return nil
	})
}

// givable refuses a data directory that is another user's, or where something
// leads elsewhere; one that is not there is fine.
func givable(dir string, account *windows.SID) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := ownedByUs(dir, account); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("look through the data directory: %w", err)
		}
		return leadsNowhere(path, d)
	})
}

func leadsNowhere(path string, d fs.DirEntry) error {
	if d.Type()&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
		return Refusal(fmt.Sprintf("%s leads elsewhere and was not put there by this program: look at it and remove it", path))
	}
	return nil
}

// accessList lets SYSTEM, administrators and an account in, into what is made
// there later too, besides whom more names, and nobody whom the directory above
// lets in.
func accessList(account *windows.SID, more string) (*windows.SECURITY_DESCRIPTOR, error) {
	const inherited = "OICI" // by what is made in it
	return windows.SecurityDescriptorFromString(fmt.Sprintf("D:P(A;%[1]s;FA;;;SY)(A;%[1]s;FA;;;BA)(A;%[1]s;FA;;;%[2]s)%[3]s", inherited, account, more))
}

func ownedByUs(dir string, account *windows.SID) error {
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("find out whose the data directory is: %w", err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("find out whose the data directory is: %w", err)
	}
	me, meErr := windows.GetCurrentProcessToken().GetTokenUser()
	system, systemErr := windows.CreateWellKnownSid(windows.WinLocalSystemSid)
	administrators, groupErr := windows.CreateWellKnownSid(windows.WinBuiltinAdministratorsSid)
	if err := errors.Join(meErr, systemErr, groupErr); err != nil {
		return fmt.Errorf("find out whose the data directory is: %w", err)
	}
	for _, good := range []*windows.SID{account, me.User.Sid, system, administrators} {
		if owner.Equals(good) {
			return nil
		}
	}
	return Refusal(fmt.Sprintf("%s belongs to another user, who may have put something there: look through it, have an administrator take ownership of it, then try again", dir))
}
