package audit

import "slices"

// An Action is what somebody did, one of a closed list. The portal's messages have a
// sentence for each under people.action. and the action itself.
type Action string

// The actions, by what they are about.
const (
	// A person's own access.
	SignedIn          Action = "signed_in"
	SignInRefused     Action = "sign_in_refused"
	SignedOut         Action = "signed_out"
	PasswordChosen    Action = "password_chosen"
	SecondFactorSet   Action = "second_factor_set"
	RecoveryCodeUsed  Action = "recovery_code_used"
	RecoveryCodesMade Action = "recovery_codes_made"
	SessionsEnded     Action = "sessions_ended"

	// People, by administrators and the operator.
	PersonViewed    Action = "person_viewed"
	PersonInvited   Action = "person_invited"
	PersonAccepted  Action = "person_accepted"
	PersonChanged   Action = "person_changed"
	PersonReset     Action = "person_reset"
	PersonRemoved   Action = "person_removed"
	CaseloadChanged Action = "caseload_changed"
	AccessReviewed  Action = "access_reviewed"
	LabelChanged    Action = "label_changed"

	// This record itself.
	AuditRead     Action = "audit_read"
	AuditExported Action = "audit_exported"
	AuditAccepted Action = "audit_accepted"

	// Children: looks and exports.
	ChildViewed      Action = "child_viewed"
	ChildSearched    Action = "child_searched"
	ChildrenListed   Action = "children_listed"
	ChildrenExported Action = "children_exported"
	RosterViewed     Action = "roster_viewed"
	TodayListed      Action = "today_listed"
	TodayExported    Action = "today_exported"
	TodayPrinted     Action = "today_printed"
	ReportViewed     Action = "report_viewed"
	ReportExported   Action = "report_exported"

	// Calls.
	CallsListed   Action = "calls_listed"
	CallClaimed   Action = "call_claimed"
	CallReleased  Action = "call_released"
	CallRecorded  Action = "call_recorded"
	CallChanged   Action = "call_changed"
	MarkByPhone   Action = "mark_by_phone"
	CallsExported Action = "calls_exported"
	AlertSent     Action = "alert_sent"

	// Schools: looks, changes, and what a hosted school's own people do.
	SchoolViewed    Action = "school_viewed"
	CalendarChanged Action = "calendar_changed"
	ByPhoneChanged  Action = "by_phone_changed"
	ScopeAccepted   Action = "scope_accepted"
	ScopeChanged    Action = "scope_changed"
	SchoolPreviewed Action = "school_previewed"
	SchoolLogViewed Action = "school_log_viewed"
	HoldReleased    Action = "hold_released"
	SchoolPaused    Action = "school_paused"
	SchoolResumed   Action = "school_resumed"
	SchoolRevoked   Action = "school_revoked"

	// The operator's own pages.
	ConsoleViewed Action = "console_viewed"
)

// Actions lists every action.
func Actions() []Action {
	return []Action{
		SignedIn, SignInRefused, SignedOut, PasswordChosen, SecondFactorSet, RecoveryCodeUsed, RecoveryCodesMade, SessionsEnded,
		PersonViewed, PersonInvited, PersonAccepted, PersonChanged, PersonReset, PersonRemoved, CaseloadChanged, AccessReviewed, LabelChanged,
		AuditRead, AuditExported, AuditAccepted,
		ChildViewed, ChildSearched, ChildrenListed, ChildrenExported, RosterViewed, TodayListed, TodayExported, TodayPrinted, ReportViewed, ReportExported,
		CallsListed, CallClaimed, CallReleased, CallRecorded, CallChanged, MarkByPhone, CallsExported, AlertSent,
		SchoolViewed, CalendarChanged, ByPhoneChanged, ScopeAccepted, ScopeChanged, SchoolPreviewed, SchoolLogViewed,
		HoldReleased, SchoolPaused, SchoolResumed, SchoolRevoked,
		ConsoleViewed,
	}
}

// Known says whether a is one of the list.
func (a Action) Known() bool { return slices.Contains(Actions(), a) }
