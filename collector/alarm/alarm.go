// Package alarm says what the operator must see to, beside the schools: each alarm is one
// sentence with what to do. `status`, `release status` and the operator's pages say the
// same, the pages in both languages.
//
// It holds only words. Whoever knows of a trouble (release, audit, the server) decides
// whether it is one. Not to be taken for package alert, which writes to staff of an
// authority.
//
// Start reading at texts.
package alarm

import (
	"strings"
	"time"

	"rollbridge/shared/status"
)

// A Name is one kind of alarm; the list is closed.
type Name string

// The alarms.
const (
	KeyringExpired Name = "keyring-expired"
	KeyringExpires Name = "keyring-expires"
	NoControlKeys  Name = "no-control-keys"
	StopOverdue    Name = "stop-overdue"

	AuditUnread      Name = "audit-unread"
	CheckpointUnread Name = "checkpoint-unread"
	AuditOfOperator  Name = "audit-operator"
	AuditOfAuthority Name = "audit-authority"
	AuditOfSchool    Name = "audit-school"
	AuditUnsigned    Name = "audit-unsigned"
	AuditNotVerified Name = "audit-not-verified"
	ReleasesUnread   Name = "releases-unread"
	ReleaseCut       Name = "release-cut"
	RootExpired      Name = "root-expired"
	RootExpires      Name = "root-expires"
	TargetsExpired   Name = "targets-expired"
	TargetsExpire    Name = "targets-expire"
	OnlineExpired    Name = "online-expired"
	OnlineNotRenewed Name = "online-not-renewed"
)

// texts are the alarms in English. What stands in backquotes is a command, or what a
// program said.
var texts = map[Name]string{
	KeyringExpired: "The keyring expired on {{.Day}}: schools queue and send nothing. Renew it now with `key keyring renew`.",
	KeyringExpires: "The keyring expires on {{.Day}} (days left: {{.Days}}): renew it with `key keyring renew`.",
	NoControlKeys:  "The keyring and the audit log cannot be checked: this user has no control keys. Run `status` as the collector's own user.",
	StopOverdue:    "What {{.School}} had sent was to be destroyed on {{.Day}} and is not: run a process with role jobs, and look at its log.",

	AuditUnread:      "The audit log cannot be checked: `{{.Fault}}`.",
	CheckpointUnread: "The audit log cannot be checked: `{{.Fault}}`. Put back the copy of the file that you keep elsewhere, and run `audit verify`.",
	AuditOfOperator:  "The audit log of the operator is not as it was written: `{{.Fault}}`. Keep a copy of the database and of the checkpoints, and see `audit verify`.",
	AuditOfAuthority: "The audit log of authority {{.ID}} is not as it was written: `{{.Fault}}`. Keep a copy of the database and of the checkpoints, and see `audit verify`.",
	AuditOfSchool:    "The audit log of school {{.ID}} is not as it was written: `{{.Fault}}`. Keep a copy of the database and of the checkpoints, and see `audit verify`.",
	AuditUnsigned:    "The audit log has entries since {{.Since}} and no checkpoint of them: run a process with role jobs, and look at its log.",
	AuditNotVerified: "The last full verification of the audit log is too old ({{.Last}}): run a process with role jobs, or `audit verify`.",

	ReleasesUnread:   "The releases cannot be read: `{{.Fault}}`. See `release status`.",
	ReleaseCut:       "A publication was cut off before agents could use it: run `release publish` again.",
	RootExpired:      "The root metadata of releases expired on {{.Day}}, so no agent updates: renew it with `release root`.",
	RootExpires:      "The root metadata of releases expires on {{.Day}} (days left: {{.Days}}): renew it with `release root`.",
	TargetsExpired:   "The targets metadata of releases expired on {{.Day}}, so no agent updates: publish a release, or renew them with `release renew`.",
	TargetsExpire:    "The targets metadata of releases expire on {{.Day}} (days left: {{.Days}}): publish a release, or renew them with `release renew`.",
	OnlineExpired:    "The {{.Role}} metadata of releases expired on {{.Day}}, so no agent updates: see that role jobs runs and can read the keys of releases, or run `release renew --online`.",
	OnlineNotRenewed: "The {{.Role}} metadata of releases were not signed again and expire on {{.Day}}: see that role jobs runs and can read the keys of releases, or run `release renew --online`.",
}

const key = "console.alarm."

// Say is an alarm with its values.
func Say(n Name, values map[string]status.Value) status.Part {
	return status.Part{Key: key + string(n), English: texts[n], Values: values}
}

// Texts are all English texts by their keys, so that a test holds those of the pages to them.
func Texts() map[string]string {
	all := map[string]string{}
	for n, text := range texts {
		all[key+string(n)] = text
	}
	return all
}

// Day is a value: the day of a moment.
func Day(t time.Time) status.Value { return status.Value{Time: t, Day: true} }

// Fault is a value: what a program said, so that it can stand in backquotes.
func Fault(err error) status.Value {
	return status.Value{Text: strings.ReplaceAll(err.Error(), "`", "'")}
}
