package refused

import "golang.org/x/sys/windows"

const connection = windows.WSAECONNREFUSED
