package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	kardianos "github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"rollbridge/agent/event"
	"rollbridge/agent/slot"
)

// Name is the name of the service and of its source in the Event Log.
const (
	Name           = event.Source
	DefaultAccount = `NT SERVICE\` + Name
)

// ready refuses what cannot become a service, and fills in what s leaves open.
func ready(s *Setup) error {
	if err := allowed(); err != nil {
		return err
	}
	if s.Account == "" {
		s.Account = DefaultAccount
	}
	if !strings.Contains(s.Account, `\`) && !strings.Contains(s.Account, "@") && !strings.EqualFold(s.Account, "LocalSystem") {
		s.Account = `.\` + s.Account
	}
	if NeedsPassword(s.Account) != (s.Password != "") {
		return Refusal("an account of a person needs its password, and others have none: see `rollbridge-agent service install --help`")
	}
	return nil
}

// allowed refuses whoever is no administrator.
func allowed() error {
	if !windows.GetCurrentProcessToken().IsElevated() {
		return Refusal("only an administrator may do this: open the command prompt with \"Run as administrator\"")
	}
	return nil
}

func compare(s Setup) (differences []string, there bool, err error) {
	m, service, err := open(windows.SERVICE_QUERY_CONFIG)
	if err != nil || service == nil {
		return nil, false, err
	}
	defer m.Disconnect()
	defer service.Close()
	now, account, err := entered(service)
	if err != nil {
		return nil, true, fmt.Errorf("look at the service: %w", err)
	}
	if strings.EqualFold(account, s.Account) {
		account = s.Account
	}
	return differing(
		[]string{"command: " + strings.Join(now, " "), "account: " + account},
		[]string{"command: " + strings.Join(append([]string{s.Program}, s.arguments()...), " "), "account: " + s.Account},
	), true, nil
}

// acceptable refuses what prepare would refuse, and changes nothing.
func acceptable(s Setup) error {
	sid, err := sidOf(s.Account)
	if err != nil {
		return err
	}
	return givable(s.Dir, sid)
}

// prepare lets the account log on as a service and gives it the data directory.
func prepare(s Setup) error {
	sid, err := sidOf(s.Account)
	if err != nil {
		return err
	}
	if NeedsPassword(s.Account) || managed(s.Account) {
		if err := letLogOn(sid); err != nil {
			return err
		}
	}
	if err := give(s.Dir, sid); err != nil {
		return err
	}
	return giveVersions(slot.Beside(s.Program).Path, sid)
}

// enter makes the service; after an error it is taken out again.
func enter(s Setup) error {
	m, err := manager(s, kardianos.KeyValue{"Password": s.Password})
	if err != nil {
		return err
	}
	if err := m.Install(); errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE) {
		return Refusal("Windows has not yet let go of the service that was uninstalled: close the Services window and Task Manager, then try again")
	} else if err != nil {
		return err
	}
	if err := errors.Join(event.Register(), settle()); err != nil {
		return errors.Join(err, m.Uninstall())
	}
	return nil
}

func takeOut() error {
	m, err := manager(Setup{}, nil)
	if err != nil {
		return err
	}
	// kardianos takes the source out too, and complains of one that is not there.
	return errors.Join(event.Register(), m.Uninstall())
}

// How long the service may take to come up, and to end: the worker may finish
// what it does.
const (
	startLimit = 30 * time.Second
	stopLimit  = time.Minute
)

func start(ctx context.Context) error {
	m, err := manager(Setup{}, nil)
	if err != nil {
		return err
	}
	err = m.Start()
	switch {
	case errors.Is(err, windows.ERROR_SERVICE_LOGON_FAILED):
		return Refusal("Windows does not let the service's account log on: check its password, and that it may log on as a service (for a gMSA also that this computer may use it: Test-ADServiceAccount)")
	case err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING):
		return fmt.Errorf("start the service: %w", err)
	}
	return await(ctx, svc.Running, startLimit)
}

func stop(ctx context.Context) error {
	m, service, err := open(windows.SERVICE_STOP | windows.SERVICE_QUERY_STATUS)
	if err != nil || service == nil {
		return err
	}
	defer m.Disconnect()
	defer service.Close()
	ended := processOf(service)
	if _, err := service.Control(svc.Stop); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return fmt.Errorf("stop the service: %w", err)
	}
	if err := await(ctx, svc.Stopped, stopLimit); err != nil {
		return err
	}
	return ended()
}

// processOf returns what waits for the end of the service's process, which comes
// after the service says that it has stopped: until then its file cannot be
// replaced or deleted.
func processOf(service *mgr.Service) (ended func() error) {
	const limit = 15 * time.Second
	st, err := service.Query()
	if err != nil || st.ProcessId == 0 {
		return func() error { return nil }
	}
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, st.ProcessId)
	if err != nil { // it has just ended
		return func() error { return nil }
	}
	return func() error {
		defer windows.CloseHandle(process)
		if what, err := windows.WaitForSingleObject(process, uint32(limit/time.Millisecond)); what != windows.WAIT_OBJECT_0 {
			return Refusal(fmt.Sprintf("the service has stopped, and its process has not ended within %s (%v): look at it in Task Manager, and try again", limit, err))
		}
		return nil
	}
}

// await waits for the service to be in a state.
func await(ctx context.Context, want svc.State, limit time.Duration) error {
	const look = 100 * time.Millisecond
	for end := time.Now().Add(limit); ; {
		st, err := query()
		if err != nil || st.State == want {
			return err
		}
		if want == svc.Running && st.State == svc.Stopped {
			return Refusal("the service ended as soon as it was started: the Event Log, source " + event.Source + ", says why")
		}
		if time.Now().After(end) {
			return Refusal(fmt.Sprintf("the service has not changed its state within %s: look at it in the Services window, and try again", limit))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
}

func query() (svc.Status, error) {
	m, service, err := open(windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return svc.Status{}, err
	}
	if service == nil {
		return svc.Status{}, notInstalled
	}
	defer m.Disconnect()
	defer service.Close()
	st, err := service.Query()
	if err != nil {
		return st, fmt.Errorf("look at the service: %w", err)
	}
	return st, nil
}

// Look says how the service stands; it takes no administrator.
func Look(context.Context) (State, error) {
	m, service, err := open(windows.SERVICE_QUERY_STATUS | windows.SERVICE_QUERY_CONFIG)
	if err != nil || service == nil {
		return State{}, err
	}
	defer m.Disconnect()
	defer service.Close()
	now, queryErr := service.Query()
	args, account, configErr := entered(service)
	if err := errors.Join(queryErr, configErr); err != nil {
		return State{Installed: true}, fmt.Errorf("look at the service: %w", err)
	}
	st := State{Installed: true, Running: now.State == svc.Running, State: stateWords[now.State], Account: account, Dir: dirIn(args)}
	if len(args) > 0 {
		st.program = args[0]
	}
	return st, nil
}

// entered is the command of a service and the account that runs it. Mgr.Config
// asks for more, which Wine does not know.
func entered(service *mgr.Service) (command []string, account string, err error) {
	size := uint32(1024)
	for {
		b := make([]byte, size)
		c := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&b[0]))
		err := windows.QueryServiceConfig(service.Handle, c, uint32(len(b)), &size)
		if errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) && size > uint32(len(b)) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		command, err = windows.DecomposeCommandLine(windows.UTF16PtrToString(c.BinaryPathName))
		return command, windows.UTF16PtrToString(c.ServiceStartName), err
	}
}

var stateWords = map[svc.State]string{
	svc.Stopped: "stopped", svc.StartPending: "starting", svc.StopPending: "stopping", svc.Running: "running",
	svc.ContinuePending: "continuing", svc.PausePending: "pausing", svc.Paused: "paused",
}

// open opens the service with some rights; it is nil where there is none.
func open(rights uint32) (*mgr.Mgr, *mgr.Service, error) {
	h, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the service manager: %w", err)
	}
	m := &mgr.Mgr{Handle: h}
	name, err := windows.UTF16PtrFromString(Name)
	if err != nil {
		return nil, nil, errors.Join(err, m.Disconnect())
	}
	handle, err := windows.OpenService(h, name, rights)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return nil, nil, m.Disconnect()
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the service: %w", err), m.Disconnect())
	}
	return m, &mgr.Service{Name: Name, Handle: handle}, nil
}
