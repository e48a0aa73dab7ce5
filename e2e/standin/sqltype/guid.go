package sqltype

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A GUID is a uniqueidentifier, its bytes in the order in which it is written
// (not that of the wire, which turns the first three groups round).
type GUID [16]byte

// String writes the GUID as SQL Server does: 6F9619FF-8B86-D011-B42D-00C04FC964FF.
func (g GUID) String() string {
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", g[0:4], g[4:6], g[6:8], g[8:10], g[10:16]))
}

// ParseGUID reads a GUID in its written form, in either case, with or without
// curly brackets.
func ParseGUID(text string) (GUID, error) {
	var g GUID
	bare := text
	if strings.HasPrefix(bare, "{") && strings.HasSuffix(bare, "}") {
		bare = bare[1 : len(bare)-1]
	}
	if len(bare) != 36 || bare[8] != '-' || bare[13] != '-' || bare[18] != '-' || bare[23] != '-' {
		return g, fmt.Errorf("not a GUID: want 32 hexadecimal digits in groups of 8-4-4-4-12")
	}
	if n, err := hex.Decode(g[:], []byte(strings.ReplaceAll(bare, "-", ""))); err != nil || n != len(g) {
		return GUID{}, fmt.Errorf("not a GUID: it has other signs than hexadecimal digits")
	}
	return g, nil
}
