// Package installation does what only an installer that asks nobody needs: it writes
// the settings that were given on a command line, and takes a data directory away
// when the program is uninstalled.
//
// It guarantees that settings which are there already stay (a proxy that is given
// is the one thing that is changed in them), that nothing is written half, and that
// a directory which is not only the agent's loses only what is the agent's. It knows
// nothing of services, enrolments or networks; no error repeats a setting's value.
//
// Start reading at Settle and Remove.
package installation
