package check

import (
	"errors"
	"fmt"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/windows"
)

func space(dir string) (free int64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var mine, all, whole uint64
	if err := windows.GetDiskFreeSpaceEx(name, &mine, &all, &whole); err != nil {
		return 0, err
	}
	return int64(mine), nil
}

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
func isQuota(err error) bool    { return errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) }
func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// ours is not told by a directory on Windows, where access lists decide.
func ours(string) bool { return windows.GetCurrentProcessToken().IsElevated() }

// everybody are the groups that any user of the computer or the domain is in.
var everybody = []windows.WELL_KNOWN_SID_TYPE{
	windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinBuiltinGuestsSid,
	windows.WinInteractiveSid, windows.WinNetworkSid, windows.WinAnonymousSid,
}

// others says which group of all users an access list lets in.
func others(path string, _ fs.FileInfo) (string, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return "", err
	}
	list, _, err := sd.DACL()
	if err != nil {
		return "", err
	}
	if list == nil {
		return "everybody may open it: it has no access list", nil
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return "", err
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		for _, group := range everybody {
			if !sid.IsWellKnown(group) {
				continue
			}
			name, _, _, err := sid.LookupAccount("")
			if err != nil {
				name = sid.String()
			}
			return fmt.Sprintf("the group %s may open it; take its rights away, and keep those of SYSTEM, Administrators and the service's account", name), nil
		}
	}
	return "", nil
}

// othersOfSettings is others where a password stands in the settings.
func othersOfSettings(path string, info fs.FileInfo, secret bool) (string, error) {
	if !secret {
		return "", nil
	}
	return others(path, info)
}

// stranger says nothing: on Windows access lists count, not owners.
func stranger(fs.FileInfo, string) string { return "" }
