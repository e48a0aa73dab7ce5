// Package exit finds the way out of a school: straight, or through its proxy.
//
// It guarantees:
//   - one order decides which proxy is used: the setting, the script (PAC) that
//     is set, the environment, on Windows the machine's own settings (WinHTTP),
//     else none. Look and every Fault say which;
//   - where several proxies are named, they are tried in their order;
//   - it logs in as the proxy asks, by Kerberos, NTLM or Basic, the strongest
//     first. A password that was refused is tried in no other way, at no other
//     proxy and not again for half an hour, so that no account is locked;
//   - a script has limits of size, time, memory and names looked up; it sees no
//     file and no network;
//   - what goes wrong is a Fault, in words, without credentials.
//
// It knows nothing of the collector or of TLS: what it returns is a connection
// to host and port, over which the caller speaks its own TLS.
//
// Start reading at Way.Dial, then choose.
package exit
