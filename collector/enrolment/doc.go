// Package enrolment decides who may speak for a school, and what an agent is
// told (design.md §4): it makes codes, answers enrol and revoke requests that
// intake has kept, confirms agents when a person has compared the phrase,
// revokes them, and issues provisions, sealing keys and each school's part of
// the authorities' rosters.
//
// It guarantees:
//   - A code enrols one agent, within 72 hours of being made; the same request
//     again finds the same answer.
//   - A school's id key never changes by a re-enrolment, so losing a machine
//     renames nobody; after a revoke it is never given back.
//   - Generations only rise, and confirming one agent ends all others of the
//     school.
//   - A school hears of children on a roster only whom it may know, and only
//     while their authority asks it for data.
//   - A revoke hides the school's data in the transaction that stores it.
//
// It never learns a code's secret after having shown it once, and keeps id
// keys in the vault only.
//
// Start reading at Desk.
package enrolment
