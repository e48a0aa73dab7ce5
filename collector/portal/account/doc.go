// Package account keeps the people who may sign in to the portal, and decides
// whether somebody is who they say.
//
// It guarantees:
//   - A password is kept only as argon2id with a salt and its parameters.
//   - An unknown name, a wrong password, an expired one-time password and a
//     disabled account get the same answer after the same work.
//   - Guessing gets slower with every wrong try, for a name as for an address.
//   - A one-time password opens nothing but the choice of an own one, once, and the
//     own one counts only together with a second factor.
//   - A code of the second factor and a recovery code each let one in, once, however
//     many try at a time; the key of the second factor is sealed by a key that is not
//     in the database.
//   - Nobody changes or ends the own access, gives what is not theirs to give, or
//     leaves an authority without an administrator or the collector without an operator.
//   - Who loses access is out at the next page (ByID, Stamp).
//   - An authority's own sign-in service opens what that authority opened to somebody
//     by an invitation, and nothing of another authority.
//   - What is changed about a person is in the audit log, by the same transaction.
//
// It never writes a name or a password to a log or an error; logs know people
// by their number. It knows nothing of pages and sessions: those are portal's.
//
// Start reading at User with its Role and Right, then at SignIn and Next, which are
// the steps in. second.go has codes and recovery codes, invite.go who is let in,
// guard.go who may decide that, review.go the review of access, openid.go sign-in
// elsewhere, password.go the hash and the rules, throttle.go the delays.
package account
