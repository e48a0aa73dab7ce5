package service

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

// TestExtras looks at what Windows is given: Wine keeps none of it, so that it
// cannot be asked for afterwards.
func TestExtras(t *testing.T) {
	given := map[uint32]unsafe.Pointer{}
	for _, e := range extras() {
		if given[e.level] != nil {
			t.Errorf("level %d is set twice", e.level)
		}
		given[e.level] = e.info
	}
	failure := (*windows.SERVICE_FAILURE_ACTIONS)(given[windows.SERVICE_CONFIG_FAILURE_ACTIONS])
	if failure == nil {
		t.Fatal("nothing is done after a failure")
	}
	if failure.ResetPeriod != 86400 || failure.RebootMsg != nil || failure.Command != nil || failure.ActionsCount != 3 {
		t.Errorf("after a failure: %+v", failure)
	}
	const restart = 1 // SC_ACTION_RESTART
	for i, action := range unsafe.Slice(failure.Actions, failure.ActionsCount) {
		if want := (windows.SC_ACTION{Type: restart, Delay: []uint32{10_000, 60_000, 300_000}[i]}); action != want {
			t.Errorf("after failure %d: %+v, want %+v", i+1, action, want)
		}
	}
	if flag := (*windows.SERVICE_FAILURE_ACTIONS_FLAG)(given[windows.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG]); flag == nil || flag.FailureActionsOnNonCrashFailures != 1 {
		t.Errorf("after an end with an error: %+v", flag)
	}
	if late := (*windows.SERVICE_DELAYED_AUTO_START_INFO)(given[windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO]); late == nil || late.IsDelayedAutoStartUp != 1 {
		t.Errorf("delayed start: %+v", late)
	}
	if sid := (*uint32)(given[windows.SERVICE_CONFIG_SERVICE_SID_INFO]); sid == nil || *sid != windows.SERVICE_SID_TYPE_UNRESTRICTED {
		t.Errorf("SID: %v", sid)
	}
}
