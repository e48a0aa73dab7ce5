// Package release is the operator's repository of agents: what is released, who
// signed it, and how far it has gone.
//
// A repository is a directory:
//
//	public/   what agents are served: static files, by any web server
//	draft/    what is to be published next, while people sign it one after another
//	keys/     the online keys (snapshot, timestamp, rollout), or their public halves
//	history.jsonl  what was done here, and why
//
// The format is TUF with consistent snapshots. Root and targets are signed by people,
// offline, by thresholds; snapshot, timestamp and the delegated role rollout by keys
// of the server, which can delay a release and never make one.
//
// It guarantees:
//   - Nothing is published that a client would not believe: the package reads what
//     it is about to publish as a client, from the root before and from the new one.
//   - A publication that is cut off anywhere leaves the repository of before or the
//     new one. Files that nothing names yet come first, timestamp.json last; a new
//     root comes where neither side of it is left alone. Publishing again finishes it.
//   - Versions of what the server signs are the time of signing, so a repository
//     restored from a backup is not older than what agents have seen.
//   - A root is never changed or removed once it is public, nor is a released file.
//   - One lock: any number of processes may sign again and publish.
//
// It never asks a person and never prints; it opens no network and no database.
// What a release says of itself is shared/release.
//
// Start reading at Repository, then draft.go and describe.go (what people sign),
// publish.go (what follows) and rollout.go (who gets it); key.go and signer.go are the
// keys, candidate.go is what is taken for a release, state.go what an operator sees.
package release
