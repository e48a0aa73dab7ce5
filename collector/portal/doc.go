// Package portal is what people of a local authority and of a hosted school see: the last
// step of a record's way.
//
// It joins the sections, each a package below this one, to one list of all pages; web is
// what all of them share. It guarantees that there is no page beside that list, and what
// web guarantees of each of them: who may see it, sessions, forms, headers, languages.
//
// It never changes a record that a school sent.
//
// Start reading at Routes, then at web, then at the section that you look for:
// entry lets people in, today, calls, schools, children and reports are the authority's,
// people its administrators', schoolpage the schools', console the operator's.
package portal
