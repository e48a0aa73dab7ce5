package fault

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// systemCall is the register set that holds which call begins.
const systemCall = 0x404

// skip makes the call that begins none at all.
func skip(tid int) error {
	none := int32(-1)
	vector := unix.Iovec{Base: (*byte)(unsafe.Pointer(&none)), Len: 4}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SETREGSET, uintptr(tid), systemCall, uintptr(unsafe.Pointer(&vector)), 0, 0)
	if errno != 0 {
		return fmt.Errorf("change a program's call: %w", errno)
	}
	return nil
}

// answer is what the call that has ended returns.
func answer(tid int, result int64) error {
	const general = 1 // NT_PRSTATUS
	var r unix.PtraceRegsArm64
	if err := unix.PtraceGetRegSetArm64(tid, general, &r); err != nil {
		return fmt.Errorf("change a program's call: %w", err)
	}
	r.Regs[0] = uint64(result)
	if err := unix.PtraceSetRegSetArm64(tid, general, &r); err != nil {
		return fmt.Errorf("change a program's call: %w", err)
	}
	return nil
}
