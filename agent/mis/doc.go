// Package mis reads a school's management information system (MIS) and turns
// its rows into the records of the shared model. It is the first step of a
// record's way; scope comes after it.
//
// A MIS is a profile, not a package: a YAML file that names a driver, the files
// or queries to read and which column holds which field of a record
// ([LoadProfile]; docs/profiles.md has the language). What differs from school
// to school (the folder or the server, a renamed heading, a query over a table of
// its own) is a [Site], laid over the profile. [Open] checks both together;
// [Source.Read] does the work.
//
// It guarantees:
//   - Only pupils whose marker says that they are looked after, with an authority
//     that exists, are ever offered to the caller's admit, and those on an
//     authority's roster (roster.go) whose authority the MIS does not say, or whom
//     it does not mark and a person at the school has accepted; of a pupil who is
//     not admitted nothing is kept but a keyed 16-byte hash, in memory, that finds
//     duplicates. Memory grows with the pupils admitted, not with the school. A
//     database is asked who is in care, and then for the rows of those admitted:
//     nothing else of any other pupil crosses the wire.
//   - Records are given out as they are read, dataset by dataset; of each that may
//     come again a 16-byte hash is kept until its dataset is read. What depends on
//     other rows (weeks of marks, periods of special needs) is kept till then.
//   - An unclear marker is never "no": such pupils are counted in
//     [Report].Unknown, and no dataset is then complete, so nothing is removed.
//   - A read is whole or void. Whatever is half-written, ambiguous or empty
//     where it may not be ends it with an [*Error] that names file, line and
//     heading, or query, row and column, and says what to do. Only a right that
//     was trimmed (a column, view or report's column that is not there, ids that
//     are empty in every row) stops its own dataset and leaves the rest whole
//     ([Report].Stops); of the pupils it voids the read too. An
//     optional value that is not understood is kept as it is, or left out, and
//     counted as a warning.
//   - No error and no warning holds a value of a pupil, nor a heading or file
//     name that the settings do not already contain.
//
// It never writes, never leaves a copy of anything, and never decides whose
// pupil a child is: that is admit's.
//
// Start reading at Read in source.go, then csv.go and ctf.go (the two formats of
// the driver file), sql.go (the driver sql), report.go and command.go (the driver
// report, a child process) or rest.go (the driver rest; package rest below is its
// transport), gate.go (who is offered), build.go and weeks.go (rows to records),
// stop.go (one dataset stopped), unnamed.go (things without an id). What the rows of
// a dataset have is in the table of datasets.go, and how a value becomes a part of a
// record in kinds.go.
//
// To add a field: its name and kind in datasets.go, then its column in the
// profiles and its line in the pages of docs. To add a dataset: its description
// there; a field of record.Fields that nothing sets fails a test.
package mis
