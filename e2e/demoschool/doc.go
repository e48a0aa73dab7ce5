// Package demoschool is the management information system (MIS) of a school
// that does not exist: a model in memory, and writers that render it as the
// files a real MIS would export or as the tables of its database. Tests, the
// demo and the benchmarks read their pupils from here. It holds every dataset of
// the product: pupils, contacts and marks, a [Book] for each other dataset of
// pupils, and the staff.
//
// # What it guarantees
//
// The same [Config] gives the same school, and the same mutations in the same
// order give the same school afterwards, byte for byte in every file. Each
// dataset draws from a random stream of its own, so a dataset added later
// changes nothing in those that exist. A mark depends only on the seed, the
// pupil and the session, never on when it was drawn; an entry of a book only on
// the seed and on how the pupil began.
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
// In the books the people of agencies carry it in the same way, every comment
// does, and one plain text of each other kind of entry (the name of a school,
// the type of an incident, the subject of an examination). SEN and welfare
// pages hold nothing but codes and dates, and carry none. Staff belong to the
// school: who has a role for looked-after children may leave and carries LAC,
// whoever asks; the rest of the staff list, which only the tables have, NOT.
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
// contacts and marks are drawn in pupils.go, contacts.go and register.go; books in
// book.go, what they hold in entries.go, how it is drawn in drawcare.go,
// drawconduct.go and drawresults.go; staff in staff.go. What a test can change is
// in mutate.go and in the methods of Book; the writers are in csv.go, ctf.go,
// sql.go and sqlsims.go (tables), sqlload.go (into a database), and columns.go,
// which says for files and tables what each entry's columns are. A new dataset is
// a type in entries.go, a draw, a Book, and columns.
package demoschool
