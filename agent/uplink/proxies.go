package uplink

import (
	"context"
	"errors"

	"rollbridge/agent/uplink/exit"
)

// Proxies tries the way out of the school to the route's address, proxy by
// proxy until one opens a tunnel, and says what decided which. Nothing is sent
// to the address itself. The error, a *Fault, says why there is no way; the
// report then still holds what was tried.
func Proxies(ctx context.Context, r Route) (exit.Report, error) {
	return exit.Report{}, errors.New("the way out is not looked at yet")
}
