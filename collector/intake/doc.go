// Package intake is the collector's door to the internet: it answers the five
// messages of agents (design.md §4) and holds nothing worth stealing.
//
// It guarantees: a receipt is sent only after the inbox has the message on
// durable storage; the same message again gets the same receipt, byte for
// byte; every message is checked in one order, and the first check that fails
// gives the answer: form, sender, signature of the attempt, signature of the
// message, generation, chain. What cannot be attributed to a sender gets a
// plain HTTP error, which agents take no notice of; everything else gets a
// signed answer with HTTP 200.
//
// Beside the messages stands one page for people, /stop: whoever holds a
// revocation code gives it there when the school's machine is gone. Intake finds
// the agent by the code's hash and keeps the code for apply, which alone obeys
// it, so that a thief of intake can stop nobody. The page has no script, cookie
// or session, and what it answers takes the same time for every code.
//
// /.well-known/security.txt says where a weakness is reported to, if the operator has said so.
//
// Below /updates/ stand the files of releases that agents update to: signed, the same
// for everybody, so that intake gives what lies in one directory and decides nothing.
// updates.go bounds it.
//
// It never holds a key that opens or decides, never reads a sealed body, and
// says nothing by itself but receipt, later, stale_key and unknown: what
// control has decided it only relays. Bodies are bounded before they are read
// and together while they are in memory; a fault in one request ends that
// request only. No metric names a school.
//
// Start reading at Handler.serve, then batch.go and code.go; stop.go and
// standing.go are the page; tls.go has the certificates and Server the limits of
// time.
package intake
