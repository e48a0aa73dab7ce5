package service

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// Run does work until ctx ends or the service manager says so. Whether there is
// a service manager that waits is found out by answering it: asking whether this
// is a service is wrong in some surroundings, and the manager waits only for so
// long.
func Run(ctx context.Context, work func(context.Context) error) error {
	h := &answering{ctx: ctx, work: work}
	err := svc.Run(Name, h)
	if errors.Is(err, windows.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
		return work(ctx)
	}
	return errors.Join(err, h.err)
}

// answering answers the service manager while work is done.
type answering struct {
	ctx  context.Context
	work func(context.Context) error
	err  error
}

// Execute says at once that the service runs. An end that nobody asked for is a
// failure, for which Windows starts the service again.
func (a *answering) Execute(_ []string, requests <-chan svc.ChangeRequest, states chan<- svc.Status) (specific bool, code uint32) {
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.work(ctx) }()
	states <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case a.err = <-done:
			if a.err != nil || ctx.Err() == nil {
				return true, 1
			}
			return false, 0
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				states <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				states <- svc.Status{State: svc.StopPending, WaitHint: uint32(stopLimit / time.Millisecond)}
				cancel()
			}
		}
	}
}
