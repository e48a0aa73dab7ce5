package protocol

import "time"

// An Update is how the agent's program stands, for whoever decides how a
// release goes on. It is of the computer, so that all schools of one say the
// same. It holds no text from the school.
type Update struct {
	// Ring is the one that the school chose: "early" or "general".
	Ring string `json:"ring,omitempty"`
	// Off says that no updates are looked for, and why.
	Off UpdateOff `json:"off,omitempty"`
	// Metadata is the newest version of the repository's timestamp that was
	// proved, so that a frozen mirror shows; Root that of its root.
	Metadata int64 `json:"metadata,omitempty"`
	Root     int64 `json:"root,omitempty"`
	// Checked is when a check last proved the repository's newest word.
	Checked time.Time `json:"checked,omitzero"`
	// Offered is the newest version that the school may have, Waiting why it does
	// not run yet, Until the school's hold if that is why.
	Offered string     `json:"offered,omitempty"`
	Waiting UpdateWait `json:"waiting,omitempty"`
	Until   time.Time  `json:"until,omitzero"`
	// Problem is why the last check or download came to nothing.
	Problem UpdateProblem `json:"problem,omitempty"`
	Since   time.Time     `json:"since,omitzero"`
	// Floor is the highest security floor that was ever proved here.
	Floor string `json:"floor,omitempty"`
	// Previous is what the program goes back to, empty for nothing; Probation
	// says that what runs is still being tried.
	Previous  string `json:"previous,omitempty"`
	Probation bool   `json:"probation,omitempty"`
	// Skipped are the versions that failed here and are not tried again.
	Skipped []UpdateSkip `json:"skipped,omitempty"`
}

// An UpdateSkip is a version that is not tried again; Reason is a word of
// agent/slot's closed list.
type UpdateSkip struct {
	Version string    `json:"version"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since,omitzero"`
}

// MaxUpdateSkips bounds Update.Skipped: the newest are sent.
const MaxUpdateSkips = 16

// An UpdateOff is why no updates are looked for; the list is closed.
type UpdateOff string

// The reasons.
const (
	UpdateOffBuild   UpdateOff = "not_released" // the program was not built as a release
	UpdateOffPlace   UpdateOff = "no_versions"  // there is no versions directory beside it
	UpdateOffAddress UpdateOff = "no_address"   // nobody says where the repository is
	UpdateOffSetting UpdateOff = "settings"     // the settings cannot be read
)

// An UpdateWait is why a version that is offered does not run; the list is
// closed.
type UpdateWait string

// The reasons.
const (
	UpdateWaitRollout   UpdateWait = "rollout"    // the operator has not let it go so far
	UpdateWaitHold      UpdateWait = "hold"       // the school holds updates back
	UpdateWaitWindow    UpdateWait = "window"     // the school's window is not open
	UpdateWaitMorning   UpdateWait = "morning"    // never on the morning of a school day
	UpdateWaitTrial     UpdateWait = "trial"      // what runs is itself on trial
	UpdateWaitSkipped   UpdateWait = "skipped"    // it failed here before
	UpdateWaitSystem    UpdateWait = "system"     // the operating system is too old for it
	UpdateWaitState     UpdateWait = "state"      // a version in between is needed first
	UpdateWaitFloor     UpdateWait = "floor"      // it is below the security floor
	UpdateWaitPlatform  UpdateWait = "platform"   // it is not made for this kind of computer
	UpdateWaitDownload  UpdateWait = "download"   // it could not be fetched yet
	UpdateWaitSupervise UpdateWait = "supervisor" // it is ready, and the supervisor has yet to start it
)

// An UpdateProblem is why a check or a download came to nothing; the list is
// closed.
type UpdateProblem string

// The problems.
const (
	UpdateUnreachable UpdateProblem = "unreachable" // the repository is not reached
	UpdateProxy       UpdateProblem = "proxy"       // the school's proxy lets nothing through
	UpdateTLS         UpdateProblem = "tls"         // who answers is not vouched for
	UpdateRefused     UpdateProblem = "refused"     // the repository does not give the file
	UpdateNotMetadata UpdateProblem = "not_metadata"
	UpdateSignature   UpdateProblem = "signature" // signatures are missing or wrong
	UpdateExpired     UpdateProblem = "expired"   // the metadata are past their time
	UpdateClock       UpdateProblem = "clock"     // this computer's clock is wrong
	UpdateOld         UpdateProblem = "old"       // a mirror shows what was newer before, for days
	UpdateTooLarge    UpdateProblem = "too_large"
	UpdateTooSlow     UpdateProblem = "too_slow"
	UpdateAltered     UpdateProblem = "altered"   // the program is not the one that was signed
	UpdateDiskFull    UpdateProblem = "disk_full" //
	UpdateRights      UpdateProblem = "rights"    // the versions directory cannot be written
	UpdateOther       UpdateProblem = "other"
)
