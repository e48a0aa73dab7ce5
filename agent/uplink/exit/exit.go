package exit

// Settings are what a school says about its way out (uplink.* in agent.yaml).
type Settings struct {
	// Proxy is http://[user:password@]host:port; "none" or "direct" mean none
	// whatever else says; empty asks the other sources.
	Proxy string `json:"proxy,omitempty"`
	// PAC is the path or the address of a script that names the proxy.
	PAC string `json:"pac,omitempty"`
	// Login is auto (or empty), basic, ntlm, kerberos or none.
	Login string `json:"login,omitempty"`
	// User and Password log in to the proxy where Proxy names nobody: name,
	// DOMAIN\name or name@REALM.
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Keytab is a file with the Kerberos key of User.
	Keytab string `json:"keytab,omitempty"`
	// CAFile names a PEM file of certificates that are trusted besides the
	// system's.
	CAFile string `json:"ca_file,omitempty"`
}
