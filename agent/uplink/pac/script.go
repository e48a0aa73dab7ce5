package pac

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"

	"rollbridge/shared/clock"
)

// The limits of a script.
const (
	MaxBytes   = 1 << 20
	maxTime    = 5 * time.Second
	maxLookups = 30
	maxGrowth  = 64 << 20 // bytes of the program's memory, while the script runs
	maxCalls   = 1000     // one within the other
	grace      = time.Second
)

// The ways in which a script is of no use. Errors of the script itself say
// where in it they came up.
var (
	ErrSlow   = fmt.Errorf("it does not come to an end within %s", maxTime)
	ErrMemory = fmt.Errorf("it takes more than %d MiB of memory", maxGrowth>>20)
	ErrNames  = fmt.Errorf("it looks up more than %d names", maxLookups)
	ErrNone   = errors.New("it has no function FindProxyForURL")
	ErrAnswer = errors.New("it answers with something else than a text")
)

// A Script is one that was read. It may be used concurrently.
type Script struct {
	program *goja.Program
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	now     func() time.Time
	stuck   atomic.Bool
}

// Parse reads a script without running it.
func Parse(text string) (*Script, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("it is larger than %d KiB", MaxBytes>>10)
	}
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return nil, errors.New("it is a page, not a script")
	}
	program, err := goja.Compile("script", text, false)
	if err != nil {
		return nil, shortened(err)
	}
	return &Script{program: program, lookup: net.DefaultResolver.LookupNetIP, now: clock.Now}, nil
}

// Find asks the script for the way to url, whose host is host, and returns its
// answer as it is (see Read).
func (s *Script) Find(ctx context.Context, url, host string) (string, error) {
	if s.stuck.Load() {
		return "", ErrSlow
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	vm := goja.New()
	vm.SetMaxCallStackSize(maxCalls)
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := s.ask(ctx, vm, url, host)
		done <- answer{text, err}
	}()
	stop := watch(ctx, vm)
	defer stop()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
	}
	// The engine looks up between two steps; a step of its own it does not leave.
	vm.Interrupt(ErrSlow)
	select {
	case a := <-done:
		if a.err == nil {
			a.err = ErrSlow
		}
		return "", a.err
	case <-time.After(grace):
		s.stuck.Store(true)
		return "", ErrSlow
	}
}

// watch stops the engine when the program's memory grows beyond the limit.
func watch(ctx context.Context, vm *goja.Runtime) (stop func()) {
	ctx, stop = context.WithCancel(ctx)
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	limit := sample[0].Value.Uint64() + maxGrowth
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if metrics.Read(sample); sample[0].Value.Uint64() > limit {
					vm.Interrupt(ErrMemory)
				}
			}
		}
	}()
	return stop
}

func (s *Script) ask(ctx context.Context, vm *goja.Runtime, url, host string) (text string, err error) {
	defer func() {
		// The engine panics where the memory or the stack of the program ends.
		if r := recover(); r != nil {
			err = errors.New("it cannot be run")
		}
	}()
	h := &helpers{script: s, ctx: ctx, vm: vm, known: map[string][]netip.Addr{}}
	h.put()
	if _, err := vm.RunProgram(s.program); err != nil {
		return "", worded(err)
	}
	find, ok := goja.AssertFunction(vm.Get("FindProxyForURLEx"))
	if !ok {
		find, ok = goja.AssertFunction(vm.Get("FindProxyForURL"))
	}
	if !ok {
		return "", ErrNone
	}
	v, err := find(goja.Undefined(), vm.ToValue(url), vm.ToValue(host))
	if err != nil {
		return "", worded(err)
	}
	text, ok = v.Export().(string)
	if !ok {
		return "", ErrAnswer
	}
	return text, nil
}

// worded is why the engine stopped.
func worded(err error) error {
	var stopped *goja.InterruptedError
	if errors.As(err, &stopped) {
		if why, ok := stopped.Value().(error); ok {
			return why
		}
	}
	return shortened(err)
}

func shortened(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return errors.New(text)
}
