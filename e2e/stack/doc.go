// Package stack runs the two real programs for the demo, the whole-system
// tests and the benchmarks: it builds them, writes their configuration into a
// directory of its own, starts and stops them as processes, and gives their
// commands as functions. A school's MIS is a database on a SQL Server (MIS) or
// a folder of files (Folder).
//
// Nothing here replaces a part of the product: what a test does through this
// package a person could type. Listeners are on loopback only; every process
// that is started is ended by Close, by its own id.
//
// Start reading at Build, NewCollector, NewMIS and NewAgent.
package stack
