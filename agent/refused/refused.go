package refused

import "errors"

// Connection says whether err is, or wraps, that of a connection which the other
// computer refused.
func Connection(err error) bool { return errors.Is(err, connection) }
