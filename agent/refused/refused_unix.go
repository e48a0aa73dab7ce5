//go:build unix

package refused

import "golang.org/x/sys/unix"

const connection = unix.ECONNREFUSED
