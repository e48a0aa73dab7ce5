// Package memory gives back to the system what a program at rest does not need:
// a service on a school's server waits nearly all day, and what starting or a
// read has touched would stay resident all the same.
//
// Nothing is lost by it: heap that is free is returned, and code and constants
// come back from the program's own file when they are used again.
package memory

import "runtime/debug"

// Release collects garbage and gives back what is left over. It takes some
// milliseconds and makes what runs next slower by as much: it is for whoever has
// nothing to do.
func Release() error {
	debug.FreeOSMemory()
	return trim()
}
