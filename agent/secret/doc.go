// Package secret keeps small secrets in files: the agent's keys.
//
// It guarantees that a file is there whole or not at all (temporary file,
// fsync, rename, fsync of the directory), that it is protected from the moment
// it exists, and that nothing is read that somebody else could have read or
// planted. On Unix that is mode 0600, no symbolic link followed and an owner
// that is this user or root; on Windows the content is sealed by DPAPI to the
// machine and the file may be opened by SYSTEM, administrators and the account
// that wrote it.
//
// It never overwrites a secret in place, never puts one into an error, and
// does not hide anything from an administrator of the machine: nothing can.
//
// Start reading at Write and Read; the rules of the two systems are in
// secret_unix.go and secret_windows.go.
package secret
