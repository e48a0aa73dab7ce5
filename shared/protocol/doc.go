// Package protocol is what agent and collector say to one another (design.md
// §4): the messages, who may sign what, and the body of a batch.
//
// Everything that matters is signed in itself, because TLS may be intercepted
// by a school's filter: an unsigned answer, whatever its HTTP status, changes
// nothing. Each kind of signature has a domain of its own that names the role
// of its signer, and Verify is given the keys of exactly that role, so a
// signature made in one role never passes in another:
//
//	root     signs keyrings
//	intake   signs receipts and answers; it decides nothing
//	control  signs statements: everything that decides
//	agent    signs batches, attempts and messages of an enrolled agent
//	code     signs offers and enrolments of an agent that has only a code
//
// A POST to /v1/<message> carries an attempt header and the message's bytes
// (Frame); the reply is a Reply, HTTP 200, whatever it says.
//
// Start reading at Signed, Keyring, Statement, Frame and Reply; Body is the
// content of a batch, Code the string a school pastes.
package protocol
