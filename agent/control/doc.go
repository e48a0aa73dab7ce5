// Package control lets commands on the same machine reach the running service:
// HTTP with JSON over a unix socket in the data directory (a named pipe on
// Windows). There is no TCP port.
//
// It guarantees:
//   - only who may enter the data directory (0700) and open the socket (0600),
//     or on Windows administrators, SYSTEM and the service's own account, gets
//     through;
//   - nothing but a socket is ever replaced: a link or a file in its place is
//     refused, and a socket that still answers is not taken over;
//   - the pipe's name is a new one each time, in a file of the data directory, and a
//     pipe of another user is not spoken to;
//   - a service that does not answer is told from one that answers no: ErrNoService
//     and ErrSilent, or a *Refusal.
//
// It knows no commands of its own and keeps no state. Start reading at Listen,
// Serve and Client.Call.
package control
