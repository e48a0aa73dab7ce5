// Package pac asks a proxy auto-configuration script which way an address is
// reached. The form of scripts, of their fifteen functions and of their answers
// is Netscape's of 1996, as browsers and WinHTTP still have it; the functions
// ending in Ex are Microsoft's for IPv6.
//
// It guarantees:
//   - a script sees no file, no network and no program. What it can do is look
//     names up, a limited number of times;
//   - Find returns in time whatever the script does. A script that could not be
//     stopped is not run again;
//   - each question is asked in a new engine: nothing stays from the last one.
//
// A script that takes more memory than it may is stopped as soon as this is
// seen, which a single huge operation can outrun. It comes from the school's
// own IT, or from a place that they have named.
//
// Start reading at Script.Find.
package pac
