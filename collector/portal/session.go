package portal

// What a session holds, as collector/portal/web has it.
const (
	keyUser    = "user"
	keyStamp   = "stamp"
	cookieName = "__Host-rollbridge"
)
