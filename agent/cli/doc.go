// Package cli is the agent's command line: it reads flags and settings, asks
// and prints, and leaves the work to school and enrol.
//
// Every command works beside the running service: it is handed to the service
// over the control socket, and acts by itself under the state lock where no
// service runs. pause and revoke write their marker file before anything else.
//
// Results go to standard output, everything else to standard error. Exit codes
// are a promise to scripts: 0 done, 1 failed, 2 wrong usage, 3 refused or
// waiting for a person, 4 the collector was not reached, 5 the MIS could not be
// read; an unknown code means failed.
//
// Start reading at Run, then remote.go (how a command finds the service) and
// service.go (the service's side).
package cli
