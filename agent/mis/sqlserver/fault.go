package sqlserver

// A Reason says what kind of thing went wrong, so that a caller can choose what
// to do next.
type Reason string

// The reasons.
const (
	Down        Reason = "down"        // not reached, cut off, or shut down
	Login       Reason = "login"       // the server does not let the login in
	Database    Reason = "database"    // the database is not there, or not open to the login
	Right       Reason = "right"       // the login may not read something
	Schema      Reason = "schema"      // an object or column is missing, or of another type
	Data        Reason = "data"        // a value in the database does not fit the query
	Busy        Reason = "busy"        // locked by others, deadlock, snapshot conflict
	Slow        Reason = "slow"        // a time limit passed
	Certificate Reason = "certificate" // the server's certificate is not the one trusted
	Encryption  Reason = "encryption"  // no common way to encrypt
	Setting     Reason = "settings"    // the settings of this agent cannot work
	Budget      Reason = "budget"      // more statements than a session may send
)

// A Fault is what went wrong between the agent and SQL Server. It never holds
// the server's own words, which can quote values.
type Fault struct {
	Reason Reason
	Number int32  // SQL Server's error number; 0 when the server said nothing
	Object string // [schema].[name] when the fault is about one object that the query names
	Text   string // sentences: what was wrong, what to do, whom to ask
}

// Error is the fault's sentences.
func (f *Fault) Error() string { return f.Text }
