// Package refused says whether a connection failed because nobody listens at the
// other end. It stands alone because the answer has another number on Windows
// (WSAECONNREFUSED), which the syscall.ECONNREFUSED of the Go library, an invented
// number there, is not equal to.
package refused
