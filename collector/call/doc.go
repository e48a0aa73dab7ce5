// Package call is the telephone: whom an authority's people must call this
// session, who is calling whom, what came of it, and when to call again.
//
// It guarantees:
//   - Nothing is overwritten. A correction is a call of its own that names the
//     one it takes the place of; both stay and are shown.
//   - A form that is sent twice is one call. Two people who record a call to the
//     same school at the same time have made two, and each is told of the other.
//   - What came of a call, the children concerned, the marks given by phone, the
//     reason and the note are sealed by the school's key (store/call.go). As a
//     school stops, what was recorded of it until then is hidden with its data
//     and goes with them.
//   - A mark given by phone is the authority's own note. It never becomes a mark
//     of the register, and the register never replaces it: pages show both.
//   - A claim, "I am calling this one", ends by itself.
//
// It decides nothing of status words: collector/overview and shared/status do,
// collector/calendar says what is a school day, collector/register what the marks
// say. Its errors hold nothing of a child, and no note.
//
// Start reading at Book and Call, then at List.
package call
