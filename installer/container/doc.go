// Package container is the collector as an image and on PostgreSQL: Containerfile and
// compose.yaml, which the collector's tarballs carry too. It has no code of its own but
// tests.
//
// What they guarantee: the image holds the program and nothing else; no service of the
// collector is root, may gain a right, or may write anything but its data directory; no
// secret stands in a file but those in ./secrets.
//
// The tests need no container engine: they lay out what the Containerfile copies, and
// run the services' own commands in that directory, as their users, against a PostgreSQL
// of their own in a network of their own. What only an engine can show (its own reading
// of the two files, its networks and its ports) they do not.
//
// Start reading at compose.yaml.
package container
