// Package zoo keeps the releases that must not bring a school down, as real
// programs, and the repositories and mirrors through which they come.
//
//   - Build makes a real agent of a version, or a Kind that goes wrong: each is
//     a program of its own, with the version and the first root linked in.
//   - Repository signs them as operators do, with thresholds and real keys, and
//     is also able to sign what operators never should.
//   - Mirror serves a repository on loopback, and misbehaves as mirrors, filters
//     and thieves do.
//
// It has its own writer of metadata, although the collector has one: that one
// refuses to publish what a test needs. Nothing here ships.
package zoo
