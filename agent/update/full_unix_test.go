//go:build unix

package update

import "golang.org/x/sys/unix"

var errFull error = unix.ENOSPC
