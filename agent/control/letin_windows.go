package control

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// letIn is nil if the access list of a directory has an entry that lets this
// very account in.
func letIn(dir string, account *windows.SID) error {
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("look at who may enter the data directory: %w", err)
	}
	list, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("look at who may enter the data directory: %w", err)
	}
	if list == nil {
		return errStranger
	}
	for i := range uint32(list.AceCount) {
		var entry *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &entry); err != nil {
			return fmt.Errorf("look at who may enter the data directory: %w", err)
		}
		if entry.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE && account.Equals((*windows.SID)(unsafe.Pointer(&entry.SidStart))) {
			return nil
		}
	}
	return errStranger
}

// ownerOfOurs is whose the things are that this process makes: its account, or a
// group of it.
func ownerOfOurs() (*windows.SID, error) {
	b := make([]byte, 256) // TOKEN_OWNER, and the SID that it points to
	var n uint32
	if err := windows.GetTokenInformation(windows.GetCurrentProcessToken(), windows.TokenOwner, &b[0], uint32(len(b)), &n); err != nil {
		return nil, err
	}
	return (*(**windows.SID)(unsafe.Pointer(&b[0]))).Copy()
}
