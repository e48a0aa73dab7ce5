// Package language says in English and in Welsh what the portal shows and writes: pages,
// exports and e-mails.
//
// Texts are in messages/<section>.en.yaml and messages/<section>.cy.yaml, one pair of
// files for each section of the portal, embedded into the program. A key is the section, a
// full stop and a name ("today.title"). Placeholders have names ("{{.School}}"); a text
// that depends on a number has the plural forms of its language.
//
// It guarantees, by its tests:
//   - every key is there in both languages, with the same placeholders;
//   - every key is used, and every key that code or a page names is there;
//   - days and times are those of a clock in London, in the order and words of the
//     language.
//
// It never formats HTML, and it knows nothing of schools or children: what is put into a
// text comes from the caller. Welsh awaits review by a translator; the pages say so.
//
// Start reading at Printer.
package language
