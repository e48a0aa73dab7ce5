package register

import (
	"context"
	"time"

	"rollbridge/collector/overview"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/status"
)

// A State is what a session's register says of one child.
type State string

// The states.
const (
	Present        State = "present"
	AbsentReason   State = "absent_reason"    // not at school, and the register says why
	AbsentNoReason State = "absent_no_reason" // not at school, and nobody knows why
	NoMark         State = "no_mark"          // the register arrived without a mark for the child
	NotInSession   State = "not_in_session"   // the child is not expected at this school in this session
	NotReceived    State = "not_received"     // the register has not arrived, or not for this child
)

// States lists the states in the order in which they need somebody.
func States() []State {
	return []State{AbsentNoReason, NoMark, NotReceived, AbsentReason, Present, NotInSession}
}

// A Why says more of a state, in a closed list of words.
type Why string

// The reasons.
const (
	WhyMark     Why = ""         // the mark says it
	WhyEmpty    Why = "empty"    // NoMark: the register has no mark for the child
	WhyUnknown  Why = "unknown"  // NoMark: there is a mark, and no list says what it means
	WhyCalendar Why = "calendar" // NotInSession: by the school's calendar
	WhySchool   Why = "school"   // NotReceived: the school's word says why
	WhyRefused  Why = "refused"  // NotReceived: the child's newest marks were set aside as not right
	WhyHeld     Why = "held"     // NotReceived: a safety stop holds the child's record
)

// A Child is one child at one school in one session.
type Child struct {
	store.Child
	State State
	Why   Why
	// Code is the DfE's code, empty where there is none; Label is what it means as
	// the list of codes has it, empty where no list does. Late is in minutes.
	Code, Label string
	Late        int
	// Unauthorised says that the DfE counts the mark as unauthorised absence.
	Unauthorised bool
	// Also are other schools that have the same child on their list now, by the
	// UPN, as far as the person may see them.
	Also []string
}

// A School is one school in one session.
type School struct {
	overview.School
	Verdict status.Verdict
	// Received says that the school's data are as at the register time; AsAt is
	// for when they are true.
	Received bool
	AsAt     time.Time
	// NotTaken says that the register arrived and has no mark for any of the
	// authority's children who are expected there: nobody has taken it.
	NotTaken bool
	// Counts counts Children, and Children are those whom the person may see.
	Counts   map[State]int
	Children []Child
}

// A Morning is one session of one day, be it the morning or the afternoon.
type Morning struct {
	// At is when all of it was true.
	At      time.Time
	Session status.Session
	// Oldest is for when the oldest of the registers that are counted is true;
	// zero where none is.
	Oldest  time.Time
	Schools []School // in the order of the overview
	Counts  map[State]int
	// Twice counts children who are on the lists of two schools, and so are
	// counted at each.
	Twice int
}

// Registers reads registers. It may be used concurrently.
type Registers struct {
	store *store.Store
	vault *vault.Vault
	cache *cache
}

// New reads registers from a store, with the keys of a vault.
func New(s *store.Store, v *vault.Vault) *Registers {
	return &Registers{store: s, vault: v, cache: newCache()}
}

// Read finds what the registers of a session of the overview's day say of the
// children of a sight. The overview is of the same authority.
func (r *Registers) Read(ctx context.Context, sight store.Sight, o overview.Overview, session status.Session) (Morning, error) {
	all, err := r.Sessions(ctx, sight, o, session)
	if err != nil {
		return Morning{}, err
	}
	return all[0], nil
}

// Sessions is Read of several sessions, of one state of the database.
func (r *Registers) Sessions(ctx context.Context, sight store.Sight, o overview.Overview, sessions ...status.Session) ([]Morning, error) {
	return r.read(ctx, sight, o, sessions)
}
