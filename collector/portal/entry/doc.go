// Package entry is how people get in and look after their own access: sign-in by
// password and second factor or at the authority's own service, the first sign-in of
// who was invited, recovery codes, and the page of one's own account.
//
// It guarantees:
//   - Nobody is signed in without a second factor, whoever has which password; who
//     has given the password only can reach the next step and nothing else.
//   - What is wrong with a sign-in is never said more exactly than account says it.
//   - Passwords, keys and codes are in no log and no address; recovery codes are
//     shown on one page, once.
//   - Everything that somebody did to the own access is in the audit log.
//
// Who may do what is account's to decide; sessions are web's. The operator's
// private pages have the same routes.
//
// Start reading at Routes; signin.go has the steps in their order, own.go the page of
// one's own account.
package entry
