//go:build unix

package outbox

import "golang.org/x/sys/unix"

var fullErrors = []error{unix.ENOSPC, unix.EDQUOT, unix.EFBIG}
