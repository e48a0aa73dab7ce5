// Package audit is the record of who saw, exported or changed what (design.md §8).
//
// An Entry says who did what, when, for which authority, about which school, child or
// person. It is written to the chain of its authority and to the chain of its school, to
// both where it concerns both, and to the operator's where it concerns neither. Each
// entry of a chain holds a hash over itself and the hash before it.
//
// It guarantees:
//   - Add returns after the entry is on durable storage, and AddIn's commits with what it
//     tells of: a page that is shown was written down before.
//   - Numbers of a chain have no gap and no two writers take one, in one process or many,
//     on SQLite and PostgreSQL.
//   - Entries are never changed, and never deleted before their time: the database's own
//     triggers refuse it to this program. Of whoever can write around them, a bit that is
//     flipped and an entry that is dropped, swapped or inserted is found by Verify.
//   - Role jobs signs the ends of all chains and keeps them outside the database
//     (Checkpoints): a tail that was cut off, and chains that were made anew, are found by
//     comparing with them. Between two runs of the job, a quarter of an hour, what was
//     written last is proved by the chains alone. Who controls the server's files and its
//     database can rewrite both: an operator who wants proof of that keeps copies of the
//     checkpoints elsewhere and gives them to `audit verify --checkpoints`.
//   - Free text (Reason) is sealed by the authority's key, which no stop of a school
//     destroys: why it saw or exported something is the authority's to answer for. What a
//     school's own people write is sealed by the school's. The chain covers the sealed
//     bytes, so that it can be verified after a key is destroyed.
//
// It never holds a name, a mark or a free text in clear: About is words of the program
// and ids, and is checked. It decides nothing about who may read what: the portal does.
//
// Start reading at Log and Entry; hash.go has the encoding, verify.go what is proved,
// checkpoint.go what is kept outside, prune.go what goes when it is past its time.
package audit
