// Package job runs a program so that its children end with it: a process group
// on Unix, a job object on Windows, where they also end with the program that
// made the job, however that ends.
//
// On Unix a child that leaves the group escapes; who must not lose even those
// looks for what is left (supervise does).
//
// Call New before the program is started, Started at once afterwards, and Close
// when it has been waited for.
package job
