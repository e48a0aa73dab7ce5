// Package trial tries a profile on the MIS itself: it begins a read as a sync
// does, keeps and sends nothing, and says what is as it should be, what to look
// at and what fails. `profile test` prints it, and `check` takes its lines
// of the MIS from it.
//
// It guarantees that of nobody who is not in care anything but a count is
// kept for longer than the read takes, and that no finding holds a value of a
// pupil. Of a database it first looks at the rights of the login.
//
// Start reading at New and Trial.Run.
package trial
