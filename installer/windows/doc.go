// Command windows makes the MSI of the agent from programs that are built already,
// on a system that is no Windows: wixl makes the package of agent.wxs, msibuild
// corrects the tables that wixl cannot write, go-winres puts the version into the
// programs, osslsigncode signs them and the package.
//
//	windows -version VERSION -arch amd64 -programs dist/windows-amd64 -out dist/packages
//
// It changes the programs in -programs: what is in the MSI, in a repository of
// releases and beside them is one file. The same programs and SOURCE_DATE_EPOCH give
// the same bytes before signing, in whatever directory.
//
// It signs with what the environment names; without a key it does not, and says so:
//
//	ROLLBRIDGE_SIGN_CERTIFICATE    file of the certificate and those above it (PEM)
//	ROLLBRIDGE_SIGN_KEY            file of the key, or with a token its pkcs11: address
//	ROLLBRIDGE_SIGN_PASSWORD_FILE  file of its password, or of the token's PIN
//	ROLLBRIDGE_SIGN_TOKEN          library of the token (PKCS#11)
//	ROLLBRIDGE_SIGN_TIMESTAMP      address of a time-stamp service (RFC 3161)
//
// What the MSI does on a school's server stands in agent.wxs, in the order in which
// it is done; the steps themselves are the agent's hidden command `msi`, so that a
// service, its rights and its removal are written once. A code or a proxy's password
// is kept out of logs by MsiHiddenProperties, by actions whose command is not logged,
// and by ending those actions with 0: Windows Installer logs the command of one that
// fails.
//
// Start reading at agent.wxs, then tables in tables.go.
package main
