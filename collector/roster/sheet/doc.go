// Package sheet reads the rows of a roster from a file: CSV as spreadsheets
// write it (UTF-8 with or without a mark, Windows-1252; comma, semicolon or
// tab) and XLSX. What kind a file is, its first bytes say, not its name.
//
// It guarantees: a file is bounded before it is read and while it unpacks;
// nothing of it is written anywhere, also not to a temporary file; no error
// holds anything of it. It decides nothing about what a cell means, but that a
// date cell of a sheet is given as CCYY-MM-DD.
//
// It is a package of its own so that only the command that reads files carries
// the reader of spreadsheets. Start reading at Read.
package sheet
