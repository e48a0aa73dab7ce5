package standin

import (
	"fmt"

	"rollbridge/e2e/standin/tds"
)

// fault makes an error in the words of SQL Server (sys.messages). Class is its
// severity: 11 to 16 are the client's to mend.
func fault(number int32, class uint8, format string, args ...any) *tds.Error {
	return &tds.Error{Number: number, State: 1, Class: class, Message: fmt.Sprintf(format, args...)}
}

// notTranslated is the stand-in's own number: a real server would have gone on.
func notTranslated(format string, args ...any) *tds.Error {
	return fault(49999, 16, "The stand-in does not translate "+format, args...)
}

func loginFailed(user string) *tds.Error {
	return fault(18456, 14, "Login failed for user '%s'.", user)
}

func cannotOpen(database string) *tds.Error {
	return fault(4060, 11, "Cannot open database \"%s\" requested by the login. The login failed.", database)
}

func noSuch(kind, name string) *tds.Error {
	return fault(15151, 16, "Cannot find the %s '%s', because it does not exist or you do not have permission.", kind, name)
}

func cannotDrop(kind, name string) *tds.Error {
	return fault(3701, 11, "Cannot drop the %s '%s', because it does not exist or you do not have permission.", kind, name)
}

func notAllowed() *tds.Error {
	return fault(15247, 16, "User does not have permission to perform this action.")
}

func lockTimeout() *tds.Error {
	return fault(1222, 16, "Lock request time out period exceeded.")
}

func snapshotConflict(database string) *tds.Error {
	return fault(3960, 16, "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access a table that another transaction has changed in database '%s' since this one began. Retry the transaction.", database)
}
