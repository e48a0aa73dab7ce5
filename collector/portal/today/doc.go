// Package today is the first page of an authority: whom must I phone?
//
// It guarantees:
//   - Its list is that of collector/call, and its counts are those of
//     collector/register, of one moment: the page says which.
//   - Today, its paper form and its files name no child. Names are on the lists
//     behind the counts, and each look at one is in the audit log before it is shown.
//   - A figure that is not known is not shown as 0.
//   - At most one banner, and only about what is wrong with the whole picture.
//
// Start reading at Routes and morning.go, which reads what all its pages show.
// page.go is the page itself, rows.go a line of its table, children.go the lists
// behind the counts, files.go the files.
package today
