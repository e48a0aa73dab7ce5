// Package version says which build of Rollbridge is running. The number is stamped by
// the Makefile at link time; a build without it calls itself a development build, so
// that no unstamped program passes for a release. It does not compare versions.
package version

import "runtime"

// Version is the release, set with -ldflags "-X rollbridge/shared/version.Version=...".
// Nothing else may write it.
var Version = "0.1.0-dev"

// String is the line that `version` prints and a support call starts with: release,
// Go version and platform.
func String() string {
	return Version + " (" + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
}
