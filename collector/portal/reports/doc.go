// Package reports is the portal's reports: how timely schools are, attendance and its
// trend, suspensions and exclusions, and progress by key stage. Each is a table with a
// small plot that says nothing which the table does not, and a CSV file of the table.
//
// It guarantees:
//   - Every share has its base beside it, and what could not be counted is counted by
//     itself. Nothing is said of fewer than five children as a share.
//   - A CSV file leaves the portal, so that small numbers of children in it are written
//     as "1 to 4"; it holds no name and no id.
//   - Only children in the reader's sight are counted (store.Sight), and every report is
//     in the audit log before it is shown.
//
// Start reading at Routes and report; each report is a file of its own, plot.go draws.
package reports
