// Package attendance counts marks: how many sessions were possible, how many of
// them a child attended, and what the rest were. Pages of one child and reports
// of many count with it, so that they agree.
//
// It guarantees:
//   - A percentage always has its base beside it: see [Tally].
//   - A session without a mark, and a code that no list explains, are in no base:
//     nobody knows what they were. They are counted by themselves. A session that is
//     still to come, after the last read or on no school day lacks no mark: see [Owed].
//   - What is attended and possible is what the Department for Education counts
//     (shared/codes, through register.MeaningOf, which everything that reads a code
//     asks). Only the days of a period count, in the school's own dates.
//
// It reads nothing: the caller brings records. Start reading at [Reader] and
// [Tally].
package attendance
