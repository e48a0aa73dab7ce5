// Command pack makes what `make packages` needs and no packager gives: tarballs, the
// list of checksums, and release.json beside each program that can be released. The
// same files and the same time give the same bytes, whatever machine, user or
// directory it runs in: names are sorted, owners are root, times are SOURCE_DATE_EPOCH.
//
//	pack tar -o FILE.tar.gz -top NAME FILE[=NAME]...    a tarball of one directory
//	pack sums DIR                                       DIR/SHA256SUMS, for sha256sum -c
//	pack release -os OS -arch ARCH -o FILE < version    release.json from `version --json`
//
// It reads and writes the files that it is given, and nothing else.
//
// Start reading at run.
package main
