package main

import (
	"fmt"
	"strings"
)

// hidden are the properties whose values no log shows: a code, and a proxy that may
// hold a password.
var hidden = []string{"ENROLCODE", "PROXY"}

// given are the properties that a command line may set, and Windows Installer has to
// hand to the part of it that installs.
var given = []string{
	"ENROLCODE", "ENROLCODEFILE", "REVOCATIONFILE", "PROXY", "SETTINGS", "SERVICEACCOUNT", "SERVICEPASSWORDFILE", "DATADIR", "LOGBOOK",
}

// Bits of what is written as numbers: the types of custom actions, and what is
// looked for to be upgraded.
const (
	rollback     = 0x100
	hideTarget   = 0x2000
	minInclusive = 0x100
	maxInclusive = 0x200
)

// hiddenActions have a hidden property in their command, which is not logged then.
var hiddenActions = []string{"Settle", "Enrol"}

// wayBack are the actions that are done only when an installation breaks off.
var wayBack = []string{"StartAgain", "Undo"}

// tables are the corrections of what wixl has made.
func tables(v version) []string {
	found := []string{
		fmt.Sprintf("INSERT INTO `Property` (`Property`, `Value`) VALUES ('MsiHiddenProperties', '%s')", strings.Join(hidden, ";")),
		fmt.Sprintf("UPDATE `Property` SET `Value` = '%s' WHERE `Property` = 'SecureCustomProperties'", strings.Join(append([]string{"OLDERFOUND", "NEWERFOUND"}, given...), ";")),
		// With its version a file is replaced by a newer one only; a hash is for files
		// that have none.
		fmt.Sprintf("UPDATE `File` SET `Version` = '%s', `Language` = '1033', `FileName` = 'RBAGENT.EXE|rollbridge-agent.exe' WHERE `File` = 'AgentProgram'", v.file),
		"DELETE FROM `MsiFileHash` WHERE `File_` = 'AgentProgram'",
		"UPDATE `Directory` SET `DefaultDir` = 'ROLLBRDG|Rollbridge' WHERE `Directory` = 'ProgramDir'",
		// Older ones and, in another package, this version itself. (A key cannot be updated.)
		"DELETE FROM `Upgrade` WHERE `ActionProperty` = 'OLDERFOUND'",
		fmt.Sprintf("INSERT INTO `Upgrade` (`UpgradeCode`, `VersionMin`, `VersionMax`, `Attributes`, `ActionProperty`) VALUES ('%s', '0.0.0', '%s', %d, 'OLDERFOUND')", upgradeCode, v.product, minInclusive|maxInclusive),
	}
	for _, name := range hiddenActions {
		found = append(found, typeOf(name, quietly|hideTarget))
	}
	for _, name := range wayBack {
		found = append(found, typeOf(name, quietly|rollback))
	}
	return found
}

func typeOf(action string, bits int) string {
	return fmt.Sprintf("UPDATE `CustomAction` SET `Type` = %d WHERE `Action` = '%s'", bits, action)
}

// quietly is the type of an action that runs an installed program as SYSTEM and
// cannot make the installation fail: an installed file (0x12), later (0x400), not as
// the person (0x800), whatever it ends with (0x40).
const quietly = 0x12 | 0x400 | 0x800 | 0x40
