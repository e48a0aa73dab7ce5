// Package export writes tables that leave the portal as files: XLSX, DOCX and CSV.
//
// It guarantees:
//   - The classification label stands at the head of every sheet and of every page.
//   - Every cell is a text. Nothing that came from a school is ever a formula, also
//     where a CSV is opened by a program that looks for formulas in text.
//   - What is written stays in memory and goes to the writer: no temporary file.
//   - A file is whole or its writer is told: an error in the middle is returned, and
//     a book that is too large is ErrTooLarge before anything is written.
//
// It knows nothing of children, languages or rights: the caller gives words.
//
// Start reading at [Book].
package export
