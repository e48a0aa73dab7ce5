package fault

import (
	"fmt"
	"syscall"
)

// skip makes the call that begins none at all.
func skip(tid int) error {
	return change(tid, func(r *syscall.PtraceRegs) { r.Orig_rax = ^uint64(0) })
}

// answer is what the call that has ended returns.
func answer(tid int, result int64) error {
	return change(tid, func(r *syscall.PtraceRegs) { r.Rax = uint64(result) })
}

func change(tid int, with func(*syscall.PtraceRegs)) error {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &r); err != nil {
		return fmt.Errorf("change a program's call: %w", err)
	}
	with(&r)
	if err := syscall.PtraceSetRegs(tid, &r); err != nil {
		return fmt.Errorf("change a program's call: %w", err)
	}
	return nil
}
