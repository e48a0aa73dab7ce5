// Package arbor is a double of Arbor's REST interface, version 2, as its public
// SDK for PHP describes it (github.com/arbor-education/sis-sdk-php): paths of
// dashed plurals, a root key that is the resource's name with a small first
// letter, pages by page-number and page-size, filters.{property}.equals,
// relations as links, change logs by revision, HTTP Basic.
//
// It behaves as clients in the wild report where that matters to a reader: what
// the application user may not see is an empty object with status 200, never an
// error. What it makes of a [demoschool.School] it makes at each request, so that
// a test changes the school (through cloud.Server.Change) and calls [Double.Revise].
//
// It is no Arbor: it holds the properties that the profile reads and some that
// it must not trip over. Dates come in both forms that the SDK reads, and the
// names of statuses of care say the opposite of what they count as.
//
// Start reading at New and serve.go; what there is stands in resources.go, made
// in pupils.go, people.go, events.go and results.go.
package arbor
