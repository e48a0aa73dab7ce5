// Package schoolpage has the portal's pages for schools. A school whose agent the operator
// hosts (package hosted) has a page of its own, with the powers that every school has over
// the agent on its own machine: see what is asked, allow or deny it, see what would leave,
// what left, release what a safety stop holds, pause, and stop for good. What Rollbridge takes and keeps is for everybody.
//
// It guarantees:
//   - Only a person of role school reaches a school's page, and only that of their own
//     school: no address names a school. Neither an authority nor the operator can say yes
//     in a school's place.
//   - A yes is to what was shown: it carries its hash, its parts one by one, or the code of
//     what a safety stop holds.
//   - Whatever is done or looked at is in the school's audit chain before it is done or
//     shown; what then failed is entered as well. The agent's own logbook has it too.
//   - A preview is shortened until the person asks for it in full, and is on the page only.
//   - Who the operator is, what is taken and for how long is said from the same types that
//     docs/data.md and the schools' agents say it from.
//
// A revocation code is entered on intake's page, which is the only one: /stop leads there.
//
// Start reading at Routes; home.go, scope.go, held.go, preview.go, logbook.go and stop.go are the
// school's own, public.go is everybody's.
package schoolpage
