package tds

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"

	//lint:ignore SA1019 NTLM is made of MD4 (MS-NLMP 3.3.2)
	"golang.org/x/crypto/md4"
)

var ntlmSignature = []byte("NTLMSSP\x00")

// Flags of NTLM (MS-NLMP 2.2.2.5) that the server answers with.
const (
	ntlmUnicode          = 0x00000001
	ntlmRequestTarget    = 0x00000004
	ntlmNTLM             = 0x00000200
	ntlmAlwaysSign       = 0x00008000
	ntlmTargetServer     = 0x00020000
	ntlmExtendedSecurity = 0x00080000
	ntlmTargetInfo       = 0x00800000
	ntlmFlags            = ntlmUnicode | ntlmRequestTarget | ntlmNTLM | ntlmAlwaysSign |
		ntlmTargetServer | ntlmExtendedSecurity | ntlmTargetInfo
)

// Lengths of the fixed parts of NTLM's messages, and of an answer's proof.
const (
	ntlmNegotiateBytes    = 12
	ntlmChallengeBytes    = 48
	ntlmAuthenticateBytes = 64
	ntlmProofBytes        = 16
	ntlmBlobBytes         = 28
)

// ntlmKind is which of NTLM's three messages b is, or 0.
func ntlmKind(b []byte) uint32 {
	if len(b) < ntlmNegotiateBytes || !bytes.HasPrefix(b, ntlmSignature) {
		return 0
	}
	return binary.LittleEndian.Uint32(b[8:])
}

// ntlmChallenge answers NTLM's first message with a random challenge.
func ntlmChallenge(negotiate []byte, server string) (message []byte, challenge [8]byte, err error) {
	if ntlmKind(negotiate) != 1 {
		return nil, challenge, broken("a Windows sign-on that does not begin with NTLM (Kerberos is not spoken)")
	}
	if _, err := rand.Read(challenge[:]); err != nil {
		return nil, challenge, fmt.Errorf("draw a challenge: %w", err)
	}
	name := toUTF16(nil, server)
	var info []byte
	for _, id := range []uint16{2, 1} { // the domain's NetBIOS name, the computer's
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(name)))
		info = append(info, name...)
	}
	info = append(info, 0, 0, 0, 0)
	m := append([]byte{}, ntlmSignature...)
	m = binary.LittleEndian.AppendUint32(m, 2)
	m = appendPlace(m, len(name), ntlmChallengeBytes)
	m = binary.LittleEndian.AppendUint32(m, ntlmFlags)
	m = append(append(m, challenge[:]...), make([]byte, 8)...)
	m = appendPlace(m, len(info), ntlmChallengeBytes+len(name))
	return append(append(m, name...), info...), challenge, nil
}

// appendPlace appends where a field of NTLM lies.
func appendPlace(b []byte, length, offset int) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	return binary.LittleEndian.AppendUint32(b, uint32(offset))
}

// ntlmAnswer is what NTLM's third message says: whose it is, and the proof.
type ntlmAnswer struct {
	domain, user string
	proof, blob  []byte
}

// parseNTLM reads NTLM's third message.
func parseNTLM(m []byte) (ntlmAnswer, error) {
	if ntlmKind(m) != 3 || len(m) < ntlmAuthenticateBytes {
		return ntlmAnswer{}, broken("a Windows sign-on whose second message is not NTLM's third")
	}
	field := func(at int) []byte {
		length, offset := uint64(binary.LittleEndian.Uint16(m[at:])), uint64(binary.LittleEndian.Uint32(m[at+4:]))
		if offset+length > uint64(len(m)) {
			return nil
		}
		return m[offset : offset+length]
	}
	response := field(20)
	a := ntlmAnswer{domain: fromUTF16(field(28)), user: fromUTF16(field(36))}
	if len(response) < ntlmProofBytes+ntlmBlobBytes {
		return a, broken("an NTLM answer of %d bytes (NTLM before version 2, or none, is not taken)", len(response))
	}
	a.proof, a.blob = response[:ntlmProofBytes], response[ntlmProofBytes:]
	return a, nil
}

// proves says whether an answer was made with password (NTLMv2, MS-NLMP 3.3.2).
func (a ntlmAnswer) proves(password string, challenge [8]byte) bool {
	hash := md4.New()
	hash.Write(toUTF16(nil, password))
	key := keyed(hash.Sum(nil), toUTF16(nil, strings.ToUpper(a.user)+a.domain))
	return hmac.Equal(a.proof, keyed(key, append(challenge[:], a.blob...)))
}

func keyed(key, data []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(data)
	return h.Sum(nil)
}
