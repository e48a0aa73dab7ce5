// Package enrol takes a school from a pasted code to an enrolled agent
// (design.md §4).
//
// It guarantees:
//   - nothing is made on this machine before the school's yes, and asking for
//     the offer burns nothing;
//   - what is asked is shown as the collector's control key signed it, by a
//     keyring of exactly the collector that the code names;
//   - the identity exists on disk before the first enrol is sent and is used
//     again by every repeat, so a crash anywhere costs nothing: the same code on
//     the same machine goes on where it was;
//   - no secret travels: the code's seed signs, the id key is sealed, of the
//     revocation code only the hash is sent.
//
// It never keeps the enrolment code and never replaces a living enrolment.
//
// Start reading at Find, then Ask, Offer.Accept and Enrolment.Await.
package enrol
