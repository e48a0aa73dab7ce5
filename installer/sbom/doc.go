// Command sbom says what a program is made of, as CycloneDX: the program with its hash,
// the Go that built it, and every module in it with version, hash and licence.
//
//	sbom -o FILE.cdx.json -version VERSION -modules CACHE [-with PURL=LICENCE] PROGRAM
//
// It asks the program itself (the build information that the linker put in), not the
// source, so the list is of what is released. It is a function of the program, of
// SOURCE_DATE_EPOCH and of the licence files in the module cache: no clock and no chance.
//
// A licence is named only where its text in the module cache leaves no doubt; another
// one is left out, which CycloneDX reads as not known. It never asks the network.
//
// Start reading at describe; licence.go reads the licences.
package main
