// Package demoschool is the management information system (MIS) of a school
// that does not exist: a model in memory, and writers that render it as the
// files a real MIS would export or as the tables of its database. Tests, the
// demo and the benchmarks read their pupils from here.
//
// # What it guarantees
//
// The same [Config] gives the same school, and the same mutations in the same
// order give the same school afterwards, byte for byte in every file. Each
// dataset draws from a random stream of its own, so a dataset added later
// changes nothing in those that exist. A mark depends only on the seed, the
// pupil and the session, never on when it was drawn.
//
// Writers render the model and invent nothing: what a file format cannot carry
// is refused with an error that says how to generate a school that fits
// ([Config.OneCharacterMarks], [Config.WesternNames]). A file appears whole,
// under its own name, or not at all.
//
// # What it never does
//
// It holds no real person. UPN and ULN have valid check characters over
// serials of establishments that do not exist, e-mail addresses end in
// .example, telephone numbers come from the ranges that Ofcom keeps for drama
// (01632 960xxx, 07700 900xxx), postcodes from areas the Post Office never used.
//
// # The canary
//
// With [Config.Canary] set (say "ZQJX") every non-empty name, e-mail address
// and address of a pupil and of the pupil's contacts begins with the canary
// and a verdict, and every telephone number ends with them as a note:
//
//	ZQJXLACMarchbanks   07700 900123 (ZQJXLAC)   looked after by an authority of Config.Authorities
//	ZQJXNOTMarchbanks   07700 900123 (ZQJXNOT)   everybody else
//
// "Everybody else" includes pupils looked after by an authority that is not
// in the list, pupils who left care, and pupils whose marker is unknown. So a
// scan that finds <Canary>NOT anywhere outside the MIS has found a leak, and
// one that finds <Canary>LAC in readable bytes has found an unsealed record.
// The canary is ASCII, so it reads the same in every encoding; scan without
// regard to case, since a reader may fold e-mail addresses. A mutation that
// changes the verdict ([School.EnterCare], [School.LeaveCare]) rewrites the
// mark in all of that pupil's and the contacts' fields.
//
// # Where to start reading
//
// Config and New in config.go and school.go; the model in model.go; how pupils,
// contacts and marks are drawn in pupils.go, contacts.go and register.go; what a
// test can change in mutate.go; the writers in csv.go, ctf.go, sql.go and
// sqlsims.go (tables), and sqlload.go (into a database). A new dataset is a type
// in model.go, a draw, an iterator, and a renderer in each writer.
package demoschool
