package account

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"rollbridge/collector/store"
)

// A Role is what somebody is here for. Each has a fixed set of rights.
type Role string

// The roles.
const (
	Administrator Role = "administrator" // everything of the authority, its people too
	Caller        Role = "caller"        // reads, phones, and keeps what schools say of their days
	Viewer        Role = "viewer"        // reads
	Caseload      Role = "caseload"      // reads of some children only
	Operator      Role = "operator"      // runs the collector: no authority, no child
	SchoolRole    Role = "school"        // the own page of one hosted school
)

// Roles are all of them, those of an authority first.
func Roles() []Role {
	return []Role{Administrator, Caller, Viewer, Caseload, Operator, SchoolRole}
}

// OfAuthority says whether people of this role belong to authorities.
func (r Role) OfAuthority() bool { return r != Operator && r != SchoolRole && r.valid() }

func (r Role) valid() bool { return slices.Contains(Roles(), r) }

// A Right is one thing that a page lets somebody do.
type Right string

// The rights.
const (
	SeeToday     Right = "SeeToday"
	RecordCalls  Right = "RecordCalls"
	SeeSchools   Right = "SeeSchools"
	EditSchools  Right = "EditSchools" // closures, term dates, times
	SeeChildren  Right = "SeeChildren"
	Export       Right = "Export"
	SeeReports   Right = "SeeReports"
	ManagePeople Right = "ManagePeople"
	ReadAudit    Right = "ReadAudit"
	SchoolPage   Right = "SchoolPage"
	Console      Right = "Console"
)

var rights = map[Role][]Right{
	Administrator: {SeeToday, RecordCalls, SeeSchools, EditSchools, SeeChildren, Export, SeeReports, ManagePeople, ReadAudit},
	Caller:        {SeeToday, RecordCalls, SeeSchools, EditSchools, SeeChildren, SeeReports},
	Viewer:        {SeeToday, SeeSchools, SeeChildren, SeeReports},
	Caseload:      {SeeToday, SeeChildren},
	Operator:      {Console},
	SchoolRole:    {SchoolPage},
}

// A User is somebody who may sign in.
type User struct {
	ID    string // a random number, for logs and sessions
	Name  string
	Email string // may be empty
	Role  Role
	// Authorities are the codes of those whose schools and children this person
	// sees, in order; none for an operator and for a school's own person.
	Authorities []string
	// School is the one whose own page this person sees; empty for all others.
	School string
	// Only names the children of a caseload, with the ids that they had before; nil
	// for everybody who is not limited to one.
	Only []store.Child
	// Chosen are the children of a caseload as an administrator chose them.
	Chosen []store.Child
	// MustChange is set until a one-time password has been replaced: the person is
	// invited.
	MustChange   bool
	OneTimeUntil time.Time // zero unless MustChange
	// Second says that a second factor is in force.
	Second bool
	// OpenID says that the person signs in at the authority's own service.
	OpenID   bool
	Language string // "en", "cy", or empty: what the browser asks for
	// Alerts says that the person wants an e-mail when a session is over.
	Alerts  bool
	Created time.Time
	// Until is when the access ends by itself; zero for never.
	Until    time.Time
	Disabled time.Time // zero while the account works
	SignedIn time.Time // when the person last did; zero for never
	// Reviewed is when somebody, by number, last said that the access is right.
	Reviewed         time.Time
	ReviewedBy       string
	InvitedBy        string
	password, newOne string
	totp, totpNew    []byte
	totpStep, ended  int64
}

// May says whether this person has a right.
func (u User) May(r Right) bool { return slices.Contains(rights[u.Role], r) }

// Of says whether this person belongs to an authority.
func (u User) Of(authority string) bool { return slices.Contains(u.Authorities, authority) }

// MayHaveAlerts says whether the person may have e-mails about sessions, which
// count all children of an authority.
func (u User) MayHaveAlerts() bool { return u.May(SeeToday) && u.Role != Caseload }

// Works says whether the account lets anybody in at a time.
func (u User) Works(now time.Time) bool {
	return u.Disabled.IsZero() && (u.Until.IsZero() || now.Before(u.Until))
}

// SettingUp says that BeginSecond made a key that FinishSecond awaits.
func (u User) SettingUp() bool { return u.totpNew != nil }

// Stamp changes with the password, and whenever all sessions of the person are
// ended. A session that carries another one has ended.
func (u User) Stamp() string {
	sum := sha256.Sum256([]byte(strconv.FormatInt(u.ended, 10) + "\x00" + u.password))
	return hex.EncodeToString(sum[:16])
}
