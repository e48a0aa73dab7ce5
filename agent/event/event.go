package event

import (
	"log/slog"
	"slices"
)

// Source is the name under which events stand in the Windows Event Log
// (Application).
const Source = "Rollbridge"

// An ID is the stable number of an event.
type ID int

// The events.
const (
	Started     ID = 1000
	Stopped     ID = 1001
	Received    ID = 1100
	Enrolled    ID = 1200
	Silent      ID = 2100
	Flowing     ID = 2101
	NotGiven    ID = 2200
	KeysOld     ID = 2300
	Waiting     ID = 2400
	MISUnread   ID = 3000
	MISRead     ID = 3001
	NoRight     ID = 3100
	Opened      ID = 3200
	Held        ID = 3300
	DiskFull    ID = 3400
	ClockOff    ID = 3500
	NotOpened   ID = 3600
	Revoked     ID = 4000
	Paused      ID = 4001
	Resumed     ID = 4002
	Replaced    ID = 4003
	Updated     ID = 4100
	WentBack    ID = 4110
	NotReleased ID = 4111
	TooOld      ID = 4120
	NearEnd     ID = 4130
	NoUpdates   ID = 4131
	Crashed     ID = 5000
	GivenUp     ID = 5001
	NotSetUp    ID = 5100
)

// An Event says what a number means.
type Event struct {
	ID    ID
	Level slog.Level
	// Means and Do are sentences for a person; Do is "" where there is nothing to
	// do.
	Means, Do string
}

var events = []Event{
	{Started, slog.LevelInfo, "The agent has started.", ""},
	{Stopped, slog.LevelInfo, "The agent has stopped because it was told to.", "Start the service again if it was stopped by mistake."},
	{Received, slog.LevelInfo, "The collector has a batch and has signed for it.", ""},
	{Enrolled, slog.LevelInfo, "The collector has taken the enrolment of this school.", "If `rollbridge-agent status` shows a phrase to compare, read it to the collector's operator."},
	{Silent, slog.LevelWarn, "Nothing could be sent for a day; the reason stands with it. What is sealed waits and is not lost.", "Run `rollbridge-agent check`: it names what is in the way and whom to ask."},
	{Flowing, slog.LevelInfo, "Sending goes again.", ""},
	{NotGiven, slog.LevelWarn, "An authority asks for more than the school allows. Nothing more leaves.", "Tell whoever decides for the school: `rollbridge-agent scope show` has the difference."},
	{KeysOld, slog.LevelWarn, "The collector's list of keys has expired: batches are sealed and wait.", "Tell the collector's operator, or set this computer's clock right."},
	{Waiting, slog.LevelWarn, "The program is installed, but the installation did not take the settings or the enrolment code that it was given; the reason stands with it.", "Mend what the reason names, then run `rollbridge-agent enrol`: with a new code if the old one was used, or is older than three days."},
	{MISUnread, slog.LevelError, "The MIS could not be read, so nothing new is sent.", "Run `rollbridge-agent check`: it names what is missing. It is tried again by itself."},
	{MISRead, slog.LevelInfo, "The MIS is read again.", ""},
	{NoRight, slog.LevelError, "The MIS account lacks a right that the agent needs.", "Run `rollbridge-agent profile test` and have the MIS's administrator give the right that it names."},
	{Opened, slog.LevelWarn, "A web filter opens the secure connection to the collector. It can delay but neither read nor change what is sent.", "Exempt the collector's host from inspection; `rollbridge-agent check` names it and the filter."},
	{Held, slog.LevelWarn, "Something unusual was read and is held back until a person has looked, such as many pupils gone at once.", "Run `rollbridge-agent status` and do what it says."},
	{DiskFull, slog.LevelError, "The disk of the data directory is full: nothing is read until there is room.", "Free space on it; the agent goes on by itself."},
	{ClockOff, slog.LevelWarn, "This computer's clock differs from the collector's by more than five minutes.", "Set the clock right, and have it follow a time server."},
	{NotOpened, slog.LevelError, "The school's data directory or settings cannot be used; the reason stands with it.", "Mend what the reason names; it is tried again by itself."},
	{Revoked, slog.LevelWarn, "The school has revoked, or its enrolment was ended by the collector. The agent's keys and queue are destroyed.", "Nothing, or uninstall. To begin again ask the collector's operator for a new code."},
	{Paused, slog.LevelWarn, "The school has paused: nothing is read or sent.", "`rollbridge-agent resume` ends it; one with an end ends by itself."},
	{Resumed, slog.LevelInfo, "A pause has ended.", ""},
	{Replaced, slog.LevelWarn, "This agent has been superseded by another copy, or was moved to another computer, and has stopped for good.", "Uninstall it here if it was moved. Otherwise ask the collector's operator for a new code."},
	{Updated, slog.LevelInfo, "A newer version of this program is in force: it has worked for ten minutes, or was installed by a person.", ""},
	{WentBack, slog.LevelError, "A version was left for the one before, because it failed here or because somebody asked for that; the reason stands with it.", "Nothing: the version before runs. `rollbridge-agent update check` says what is tried again, and when."},
	{NotReleased, slog.LevelError, "A version on disk is gone, or cannot be shown to be what was released, or the list of versions is damaged. Another version runs.", "Look whether the antivirus has taken or changed the program, and allow it by its publisher; `rollbridge-agent version --verify` checks what runs."},
	{TooOld, slog.LevelError, "The collector needs a newer version of this program. What is queued is kept.", "`rollbridge-agent update apply` takes it; where the program is not kept current by itself, install the newer package."},
	{NearEnd, slog.LevelWarn, "What is signed about releases ends within days or weeks and has not been signed anew.", "Tell the collector's operator. The agent goes on as it is."},
	{NoUpdates, slog.LevelWarn, "No update could be looked for in days; the reason stands with it.", "Run `rollbridge-agent update check`: it says what is in the way."},
	{Crashed, slog.LevelError, "The worker ended without having been told to and is started again.", "If it happens often, send the collector's operator the file that `rollbridge-agent check --bundle` makes."},
	{GivenUp, slog.LevelError, "The worker has ended again and again and is now tried only every five minutes.", "Look at the lines of the log before this one; wrong settings are the usual reason."},
	{NotSetUp, slog.LevelError, "The installer could not set up the service, and took back what it had done; the reason stands with it.", "Mend what the reason names, and run the installer again."},
}

// All is every event, by number.
func All() []Event { return slices.Clone(events) }

// Of says what a number means, false for one that is not in the list.
func Of(id ID) (Event, bool) {
	at, found := slices.BinarySearchFunc(events, id, func(e Event, id ID) int { return int(e.ID - id) })
	if !found {
		return Event{}, false
	}
	return events[at], true
}
