// Package account keeps the people who may sign in to the portal, and decides
// whether somebody is who they say.
//
// It guarantees:
//   - A password is kept only as argon2id with a salt and its parameters.
//   - An unknown name, a wrong password, an expired one-time password and a
//     disabled account get the same answer after the same work.
//   - Guessing gets slower with every wrong try, for a name as for an address.
//   - A one-time password opens nothing but the choice of an own one, once.
//   - What is changed about a person is in the audit log, by the same transaction.
//
// It never writes a name or a password to a log or an error; logs know people
// by their number. It knows nothing of pages and sessions: those are portal's.
//
// Start reading at Accounts and its SignIn; password.go has the hash and the
// rules, throttle.go the delays.
package account
