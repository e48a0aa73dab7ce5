package exit

// A Source is what decided how an address is reached.
type Source string

// The sources, in the order in which they are asked. The first that says
// anything decides.
const (
	FromSetting     Source = "setting"     // uplink.proxy
	FromPAC         Source = "pac"         // the script of uplink.pac
	FromEnvironment Source = "environment" // HTTPS_PROXY, NO_PROXY
	FromWindows     Source = "windows"     // WinHTTP's settings of the machine
	FromWPAD        Source = "wpad"        // the script that Windows finds in the network by itself
	FromNothing     Source = "none"        // nothing names a proxy
)

// A Report is how an address is reached and why. It holds no credentials.
type Report struct {
	Source Source
	// Why says in words what decided, such as "uplink.proxy" or "the script http://wpad/wpad.dat (uplink.pac)".
	Why string
	// Hops are the ways, in the order in which they are tried; the first that
	// works is used and those after it are not tried.
	Hops []Hop
}

// A Hop is one of the ways out: straight, or through a proxy.
type Hop struct {
	// Proxy is http://host:port without credentials; empty is straight.
	Proxy string
	// Tried says whether it was tried.
	Tried bool
	// Login is how the proxy let the agent in; empty if it asked for none.
	Login Scheme
	// Fault is why it does not work; nil if it works or was not tried.
	Fault *Fault
}

// A Scheme is a way to log in to a proxy.
type Scheme string

// The schemes.
const (
	Basic    Scheme = "basic"
	NTLM     Scheme = "ntlm"
	Kerberos Scheme = "kerberos"
)
