// Package wine runs the Windows build on a machine without Windows: a Prefix is a
// small Windows of its own, in a directory of its own, with its own processes,
// services and registry, made by Wine and ended by Close. Its tests take the agent
// through the life of a service in it, against a collector of this system, and run
// the tests of the packages that have code for Windows. They need Wine, so they
// stand behind the build tag wine; `make test-windows` runs them.
//
// What Wine has no answer for is in docs/windows-checklist.md, to be looked at on
// a real Windows.
//
// What is built is what is released, but for what Wine 8, the one of Debian 12, has
// not: a library of Windows that every Go program needs, which mend puts there, a
// way to delete that the Go library asks for, and the state in which the agent's
// named pipe begins, for both of which Overlay changes a place in the source.
//
// Start reading at New.
package wine
