package memory

import "golang.org/x/sys/windows"

// trim gives back the memory that starting has touched; what is needed of it
// comes back by itself.
func trim() error {
	const all = ^uintptr(0)
	return windows.SetProcessWorkingSetSizeEx(windows.CurrentProcess(), all, all, 0)
}
