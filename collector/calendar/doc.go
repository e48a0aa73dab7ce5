// Package calendar holds when a school's registers are expected: the times of
// each session, term dates, closures, and schools that report by phone.
//
// It guarantees:
//   - Silence is never a holiday: a day on which nothing says otherwise is a
//     school day from Monday to Friday. Days after the last term that was given
//     are such days too, so that a calendar that nobody has continued makes
//     somebody look; only a gap between two terms, and the summer after one that
//     ends in July, are holidays by themselves.
//   - Days are dates of the school's wall clock, and times are wall-clock times, so
//     both are right on the days on which the clocks change.
//   - Times are kept with the day from which they hold: what was expected of a
//     past session does not change when the school changes its bell.
//   - It holds no free text: every reason is one of a closed list, which each
//     language has its own words for, and into which nobody can type a child's
//     name.
//
// A calendar is the authorities' own knowledge, not something that a school has
// sent: it stays when the school stops.
//
// Start reading at Calendar and Calendar.On; edit.go changes one, parse.go reads
// a list of dates that somebody has pasted.
package calendar
