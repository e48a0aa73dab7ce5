package service

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the unit of the packages again")

// The unit in the packages is the one that `service install` makes, so that a machine
// has the same service whichever way it came by it.
func TestThePackagedUnit(t *testing.T) {
	const path = "../../installer/linux/agent/rollbridge-agent.service"
	want := unit(someSetup())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not the unit that is made here: go test ./agent/service -run TestThePackagedUnit -update", path)
	}
}
