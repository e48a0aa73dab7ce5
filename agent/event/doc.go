// Package event is the one list of what a school's IT may watch for: the
// numbers, their levels and the words for them.
//
// A number means the same for ever; one that is no longer used is not given
// again. 4100 to 4119 are kept for updates. No event holds anything about a
// pupil: an event is a line of the log that carries the number under
// logkey.Event, and what holds for log lines holds for it.
//
// An event is logged when something begins, not for as long as it lasts; what
// still stands when the service starts is said once more. So a package only
// logs:
//
//	log.Warn("nothing could be sent for a day", logkey.Event, event.Silent)
//
// [Handler] brings such lines to the Windows Event Log, under the source
// [Source] and with the number as the event's id; elsewhere the number stands
// in the line, where journald and what reads it find it.
//
// Start reading at the list in event.go; docs/school/events.md is made of it.
package event
