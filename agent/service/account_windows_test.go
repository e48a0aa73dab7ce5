package service

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

func TestNeedsPassword(t *testing.T) {
	for account, want := range map[string]bool{
		"": false, DefaultAccount: false, "LocalSystem": false, `NT AUTHORITY\NetworkService`: false, `nt service\rollbridge`: false,
		`TRUST\svc-rollbridge$`: false, "svc-rollbridge$@trust.example": true, // a gMSA is written with its domain before it
		`TRUST\rollbridge`: true, `.\rollbridge`: true, "rollbridge@trust.example": true,
	} {
		if got := NeedsPassword(account); got != want {
			t.Errorf("%s: %v", account, got)
		}
	}
}

func TestAccountsAndPasswords(t *testing.T) {
	for _, s := range []Setup{
		{Account: `TRUST\rollbridge`},
		{Account: `TRUST\svc-rollbridge$`, Password: "x"},
		{Password: "x"},
	} {
		var no Refusal
		if err := ready(&s); !errors.As(err, &no) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	s := Setup{Account: "rollbridge", Password: "x"}
	if err := ready(&s); err != nil || s.Account != `.\rollbridge` {
		t.Errorf("a local account: %q, %v", s.Account, err)
	}
	s = Setup{}
	if err := ready(&s); err != nil || s.Account != `NT SERVICE\Rollbridge` {
		t.Errorf("no account: %q, %v", s.Account, err)
	}
}

// TestAccessList looks at what Windows is given for a data directory and for the
// versions: Wine
// answers that it has set it, and keeps nothing.
func TestAccessList(t *testing.T) {
	sid, err := sidOf(DefaultAccount)
	if err != nil {
		t.Fatal(err)
	}
	const full = "(A;OICI;FA;;;"
	want := "D:P" + full + "SY)" + full + "BA)" + full + virtualSID(Name) + ")"
	for more, want := range map[string]string{"": want, readers: want + "(A;OICI;0x1200a9;;;BU)"} {
		sd, err := accessList(sid, more)
		if err != nil {
			t.Fatal(err)
		}
		if got := sd.String(); got != want {
			t.Errorf("the access list is %s, want %s", got, want)
		}
	}
}

func TestGive(t *testing.T) {
	sid, err := windows.CreateWellKnownSid(windows.WinLocalSystemSid)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := errors.Join(give(dir, sid), giveVersions(filepath.Join(dir, "versions"), sid)); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Errorf("%v, %v", info, err)
	}
}
