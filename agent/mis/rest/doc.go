// Package rest reads rows from a web interface that answers in JSON over HTTPS.
// It is the transport of the driver rest of package mis and knows nothing of
// pupils: which address, which rows and what they mean is the driver's.
//
// It guarantees:
//   - An answer is given out row by row as it comes; memory holds one row and
//     the envelope (what an answer holds beside its rows), never an answer.
//   - Rows are whole or there is an error: whatever ends early, repeats a page, a
//     link or a member, is no UTF-8 or no JSON, or holds fewer rows than it
//     counts, is a [*Fault]. Rows given before an error mean nothing.
//   - One read is bounded: requests at once and together, bytes of an answer, of
//     a row and of an envelope, pages, time and lowest speed of a request, time
//     spent waiting for a busy server.
//   - A password or token is sent to the address of the settings only: a redirect
//     is not followed, and a link to a next page may not leave scheme, host and
//     port.
//   - No error and no log line holds anything of an answer, of a query or of a
//     secret, nor a URL.
//
// It never writes to the MIS, never keeps an answer and never asks again what
// was refused: only a busy server, a broken connection and an old token are
// tried again.
//
// Start reading at Each in each.go, then call.go (one request and its tries),
// answer.go (what an answer must be), decode.go (JSON to rows), paging.go and
// token.go.
package rest
