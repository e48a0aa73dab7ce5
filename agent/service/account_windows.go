package service

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// NeedsPassword says whether Windows must be told the password of an account:
// not of virtual ones, of those whose passwords the domain keeps (gMSA) and of
// those of the system.
func NeedsPassword(account string) bool {
	domain, _, _ := strings.Cut(strings.ToUpper(account), `\`)
	switch domain {
	case "", "NT SERVICE", "NT AUTHORITY", "LOCALSYSTEM":
		return false
	}
	return !managed(account)
}

// managed says whether an account is a gMSA.
func managed(account string) bool { return strings.HasSuffix(account, "$") }

func sidOf(account string) (*windows.SID, error) {
	if strings.EqualFold(account, DefaultAccount) {
		return windows.StringToSid(virtualSID(Name))
	}
	if strings.EqualFold(account, "LocalSystem") {
		return windows.CreateWellKnownSid(windows.WinLocalSystemSid)
	}
	sid, _, _, err := windows.LookupSID("", strings.TrimPrefix(account, `.\`))
	if err != nil {
		return nil, Refusal(fmt.Sprintf("Windows does not know the account %s (%v): check its name; a gMSA is written DOMAIN\\name$", account, err))
	}
	return sid, nil
}

var (
	advapi                = windows.NewLazySystemDLL("advapi32.dll")
	lsaOpenPolicy         = advapi.NewProc("LsaOpenPolicy")
	lsaAddAccountRights   = advapi.NewProc("LsaAddAccountRights")
	lsaClose              = advapi.NewProc("LsaClose")
	lsaNtStatusToWinError = advapi.NewProc("LsaNtStatusToWinError")
)

// lsaAttributes is LSA_OBJECT_ATTRIBUTES, of which nothing is used.
type lsaAttributes struct {
	length     uint32
	root       windows.Handle
	name       *windows.NTUnicodeString
	attributes uint32
	security   uintptr
	quality    uintptr
}

// letLogOn gives an account the right to log on as a service, as the Services
// window does. x/sys/windows has none of these calls.
func letLogOn(sid *windows.SID) error {
	const policyCreateAccountAndLookUpNames = 0x10 | 0x800
	attributes := lsaAttributes{length: uint32(unsafe.Sizeof(lsaAttributes{}))}
	var policy windows.Handle
	status, _, _ := lsaOpenPolicy.Call(0, uintptr(unsafe.Pointer(&attributes)), policyCreateAccountAndLookUpNames, uintptr(unsafe.Pointer(&policy)))
	if status != 0 {
		return fmt.Errorf("let the account log on as a service: %w", lsaError(status))
	}
	defer func() { _, _, _ = lsaClose.Call(uintptr(policy)) }()
	right, err := windows.NewNTUnicodeString("SeServiceLogonRight")
	if err != nil {
		return err
	}
	status, _, _ = lsaAddAccountRights.Call(uintptr(policy), uintptr(unsafe.Pointer(sid)), uintptr(unsafe.Pointer(right)), 1)
	if status != 0 {
		return fmt.Errorf("let the account log on as a service: %w", lsaError(status))
	}
	return nil
}

func lsaError(status uintptr) error {
	code, _, _ := lsaNtStatusToWinError.Call(status)
	return windows.Errno(code)
}
