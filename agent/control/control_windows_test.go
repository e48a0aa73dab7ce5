package control

import (
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

// The name says nothing of the directory, and is the same however it is written.
func TestPipeName(t *testing.T) {
	a := pipeName(`C:\ProgramData\Rollbridge`)
	if a != pipeName(`c:\programdata\rollbridge\`) || a != pipeName(`C:\ProgramData\.\Rollbridge`) {
		t.Error("one directory has two names")
	}
	if a == pipeName(`C:\ProgramData\Rollbridge2`) || strings.Contains(strings.ToLower(a), "programdata") {
		t.Errorf("the name is %s", a)
	}
}
