package service

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// An extra is a setting of the service that is made once it is there. Info is
// what Windows calls the structure of that level (ChangeServiceConfig2).
type extra struct {
	what  string
	level uint32
	info  unsafe.Pointer
}

// restarts are the pauses before Windows starts the service again after its
// first, second and any later failure; after forget without one it counts anew.
var restarts = [...]time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}

const forget = 24 * time.Hour

// extras are what happens when the service ends by itself, whether it crashes or
// returns an error, that it starts after what Windows itself needs, and that it
// has a SID of its own, which rights can be given to whatever its account is.
func extras() []extra {
	actions := new([len(restarts)]windows.SC_ACTION)
	for i, pause := range restarts {
		actions[i] = windows.SC_ACTION{Type: windows.SC_ACTION_RESTART, Delay: uint32(pause / time.Millisecond)}
	}
	sid := uint32(windows.SERVICE_SID_TYPE_UNRESTRICTED)
	return []extra{
		{"have Windows start the service again after a failure", windows.SERVICE_CONFIG_FAILURE_ACTIONS, unsafe.Pointer(&windows.SERVICE_FAILURE_ACTIONS{
			ResetPeriod: uint32(forget / time.Second), ActionsCount: uint32(len(actions)), Actions: &actions[0],
		})},
		{"have Windows start the service again after an error", windows.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
			unsafe.Pointer(&windows.SERVICE_FAILURE_ACTIONS_FLAG{FailureActionsOnNonCrashFailures: 1})},
		{"have Windows start the service a little later than itself", windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO,
			unsafe.Pointer(&windows.SERVICE_DELAYED_AUTO_START_INFO{IsDelayedAutoStartUp: 1})},
		{"give the service a SID", windows.SERVICE_CONFIG_SERVICE_SID_INFO, unsafe.Pointer(&sid)},
	}
}

// settle makes the extras of the service that was just entered. Every Windows
// that Go runs on knows them all; Wine does not, and the service runs without.
func settle() error {
	m, service, err := open(windows.SERVICE_ALL_ACCESS)
	if err != nil {
		return err
	}
	if service == nil {
		return errors.New("the service is not there although it was just made")
	}
	defer m.Disconnect()
	defer service.Close()
	for _, e := range extras() {
		err := windows.ChangeServiceConfig2(service.Handle, e.level, (*byte)(e.info))
		if err != nil && !errors.Is(err, windows.ERROR_INVALID_LEVEL) {
			return fmt.Errorf("%s: %w", e.what, err)
		}
	}
	return nil
}
