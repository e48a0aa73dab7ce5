// Package uplink carries what is sealed to the collector, through the school's
// proxy and web filter, and says what of the answer is proved (design.md §4).
//
// It guarantees:
//   - only signed parts of an answer count. Keyrings are proved by the root key
//     that the enrolment code names, statements by control keys, receipts and
//     answers by intake keys, each for exactly this message or attempt; a page
//     of a web filter, whatever its HTTP status, changes nothing;
//   - a server is spoken to only if its key is pinned or a trusted CA vouches
//     for it; a trusted CA that opens TLS on the way is tolerated and reported;
//   - every HTTP try is a new attempt with a counter that rose before;
//   - what goes wrong is a Fault: what happened and what to do, in plain words,
//     without credentials and without URLs.
//
// It never follows a redirect, never reads more than the limit of a reply and
// never decides by itself to stop, erase or widen anything: it returns what was
// proved, and school (deliver.go, obey.go) keeps the outbox in step with it.
//
// The way out of the school, through whichever proxy, is found and opened by
// package exit.
//
// Start reading at Client.Post, then Trust.hear.
package uplink
