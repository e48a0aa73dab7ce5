package service

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// virtualSID is the SID of the virtual account NT SERVICE\name, which Windows
// knows by name only once the service is there. It is made of the SHA-1 of the
// name in capitals, in UTF-16 ([MS-DTYP] 2.4.2.4, NT SERVICE).
func virtualSID(name string) string {
	var b []byte
	for _, c := range utf16.Encode([]rune(strings.ToUpper(name))) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	sum := sha1.Sum(b)
	sid := "S-1-5-80"
	for i := 0; i < len(sum); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(sum[i:]))
	}
	return sid
}
