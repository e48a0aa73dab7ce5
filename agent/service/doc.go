// Package service enters the agent into what starts services on this system,
// systemd or the service manager of Windows, and takes it out again.
//
// What is entered is `supervise`, with full paths, starting with the system,
// under an account with no rights but those on its own data directory: the
// system user rollbridge on Linux, the virtual account NT SERVICE\Rollbridge on
// Windows, or one that is named. Both start it again whenever it ends without
// having been told to.
//
// It guarantees that an installation twice over is none, that a different one is
// never put in place of another unasked, that one that fails half-way is taken
// back, and that uninstalling leaves the data directory as it is. Passwords are
// handed to Windows and kept nowhere else.
//
// Start reading at Install, then unit.go for systemd and system_windows.go.
package service
