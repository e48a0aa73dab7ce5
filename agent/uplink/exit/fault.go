package exit

// A Kind says why there is no way out.
type Kind string

// The kinds.
const (
	LoginWanted  Kind = "proxy_login"    // the proxy wants a login, and none that it takes is set
	LoginRefused Kind = "proxy_password" // the proxy does not take the login
	LoginBroken  Kind = "proxy_closes"   // the proxy ends the connection in the middle of the login
	NoTicket     Kind = "proxy_ticket"   // no Kerberos ticket for the proxy could be had
	Refused      Kind = "proxy_refused"  // the proxy does not let the agent through
	Unavailable  Kind = "unavailable"    // the proxy does not reach the other end
	Down         Kind = "proxy_down"     // the proxy itself is not reached
	BadScript    Kind = "pac"            // the script that names the proxy is not read, or is wrong
)

// A Fault is why there is no way out, in words for the person who can do
// something about it. It holds no credentials.
type Fault struct {
	Kind Kind
	// Text says what happened, Hint what to do.
	Text, Hint string
	err        error
}

// Error is text and hint.
func (f *Fault) Error() string { return f.Text + "; " + f.Hint }

// Unwrap is the error below, if there is one.
func (f *Fault) Unwrap() error { return f.err }
