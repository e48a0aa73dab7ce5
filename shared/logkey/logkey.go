// Package logkey is the one list of keys that log lines may carry. A key not
// in this list is a mistake that lint reports: the list is what keeps personal
// data out of logs. No key here may ever hold a value about a pupil.
package logkey

// The keys, each with what its value is.
const (
	Agent      = "agent"       // agent id, hexadecimal
	School     = "school"      // school id of the collector, a short slug
	Authority  = "authority"   // authority code
	Generation = "generation"  // number of the enrolment
	Sequence   = "sequence"    // number of a batch
	Count      = "count"       // how many, of what the message says
	Requests   = "requests"    // to the MIS's web interface
	Queries    = "queries"     // statements sent to the MIS's database
	Bytes      = "bytes"       // size
	Duration   = "duration_ms" // elapsed time in milliseconds
	Dataset    = "dataset"     // dataset name
	Profile    = "profile"     // MIS profile name
	File       = "file"        // path of a program's own file, never one named after a pupil
	Address    = "address"     // host:port of a listener or peer
	Role       = "role"        // collector role
	Reason     = "reason"      // code from a closed list
	Kind       = "kind"        // message or statement kind
	Serial     = "serial"      // statement serial
	Epoch      = "epoch"       // keyring or vault epoch
	KeyID      = "key_id"      // id of a public key
	Version    = "version"     // program version
	Previous   = "previous"    // the program version before
	Attempt    = "attempt"     // how many tries so far
	Next       = "next"        // when the next try or run is
	Error      = "error"       // an error's text; errors carry no personal data
	Route      = "route"       // HTTP route pattern, never the URL
	Status     = "status"      // HTTP status, or a status word
	User       = "user"        // staff user id, not a name
	Until      = "until"       // a time
	Since      = "since"       // a time
	Event      = "event"       // number of an event that IT may watch for: agent/event
	Process    = "pid"         // number of a process
)
