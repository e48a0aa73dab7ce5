package tds

import (
	"encoding/binary"
	"fmt"
)

// Options of PRELOGIN (MS-TDS 2.2.6.5).
const (
	preloginVersion    = 0x00
	preloginEncryption = 0x01
	preloginInstance   = 0x02
	preloginThread     = 0x03
	preloginMARS       = 0x04
	preloginEnd        = 0xFF
)

// What PRELOGIN says of encryption.
const (
	encryptOff          = 0x00
	encryptOn           = 0x01
	encryptNotSupported = 0x02
	encryptRequired     = 0x03
	encryptStrict       = 0x04
)

// preloginWish reads what a client says of encryption in its PRELOGIN.
func preloginWish(body []byte) (byte, error) {
	options := cursor{rest: body}
	for {
		token := options.u8()
		if token == preloginEnd && !options.bad {
			return 0, broken("PRELOGIN without a word on encryption")
		}
		place := options.take(4)
		if options.bad {
			return 0, broken("PRELOGIN ends inside its options")
		}
		offset, length := int(binary.BigEndian.Uint16(place)), int(binary.BigEndian.Uint16(place[2:]))
		if offset+length > len(body) {
			return 0, broken("an option of PRELOGIN lies outside it")
		}
		if token != preloginEncryption {
			continue
		}
		if length != 1 || body[offset] > encryptStrict {
			return 0, broken("PRELOGIN with an encryption that there is not")
		}
		return body[offset], nil
	}
}

// preloginAnswer is the server's PRELOGIN.
func preloginAnswer(version [4]byte, encryption byte) []byte {
	options := []struct {
		token byte
		value []byte
	}{
		{preloginVersion, append(version[:], 0, 0)},
		{preloginEncryption, []byte{encryption}},
		{preloginInstance, []byte{0}},
		{preloginThread, nil},
		{preloginMARS, []byte{0}},
	}
	offset := 5*len(options) + 1
	var head, values []byte
	for _, o := range options {
		head = append(head, o.token)
		head = binary.BigEndian.AppendUint16(head, uint16(offset+len(values)))
		head = binary.BigEndian.AppendUint16(head, uint16(len(o.value)))
		values = append(values, o.value...)
	}
	return append(append(head, preloginEnd), values...)
}

// protection is what of a connection lies inside TLS.
type protection int

const (
	nothingEncrypted protection = iota
	signOnEncrypted
	allEncrypted
)

// negotiate answers a client's wish as MS-TDS 2.2.6.5 tables it. An error means
// that the answer is sent and the connection then dropped.
func negotiate(e Encryption, wish byte) (answer byte, p protection, err error) {
	switch {
	case wish == encryptStrict:
		return encryptNotSupported, nothingEncrypted, fmt.Errorf("the client asked for strict encryption without beginning with TLS")
	case e == Unsupported:
		return encryptNotSupported, nothingEncrypted, nil
	case wish == encryptOn, wish == encryptRequired:
		return encryptOn, allEncrypted, nil
	case wish == encryptNotSupported && e == Required:
		return encryptRequired, nothingEncrypted, fmt.Errorf("the client cannot encrypt and the server requires it")
	case wish == encryptNotSupported:
		return encryptNotSupported, nothingEncrypted, nil
	case e == Required:
		return encryptRequired, allEncrypted, nil
	default:
		return encryptOff, signOnEncrypted, nil
	}
}
