package tds

import "strings"

// NTLMChallenge answers NTLM's first message for another kind of server that
// takes a Windows sign-on, such as a proxy.
func NTLMChallenge(negotiate []byte, server string) (message []byte, challenge [8]byte, err error) {
	return ntlmChallenge(negotiate, server)
}

// NTLMProves says whether NTLM's third message was made for the challenge by
// user, which is DOMAIN\name, with password.
func NTLMProves(authenticate []byte, challenge [8]byte, user, password string) bool {
	a, err := parseNTLM(authenticate)
	domain, name, _ := strings.Cut(user, `\`)
	return err == nil && strings.EqualFold(a.user, name) && strings.EqualFold(a.domain, domain) && a.proves(password, challenge)
}
