// Package keys holds the collector's private keys as files, a directory for
// each role (design.md §4):
//
//	root/root.key         signs keyrings; may be taken offline after init
//	intake/<key id>.key   signs receipts and what intake may say by itself
//	control/<key id>.key  signs statements: everything that decides
//	sealing/<key id>.json opens what agents seal; a new one each week
//	tls/cert.pem,key.pem  the trial certificate, or a given one
//
// It guarantees: a file appears whole or not at all and is on durable storage
// when a function returns; directories are 0700 and files 0600; a key file
// that others may read is refused. Each Open function touches its own role's
// directory and no other, so a process with role intake starts where no
// opening and no control key exists. It never prints a key and never writes
// one anywhere but here. The vault's keys (vault/) are the vault's.
//
// Start reading at Init, OpenIntake, OpenControl and OpenSealing.
package keys
