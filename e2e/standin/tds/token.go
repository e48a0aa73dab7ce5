package tds

import (
	"encoding/binary"
	"strconv"
)

// Tokens of an answer (MS-TDS 2.2.7).
const (
	tokenReturnStatus = 0x79
	tokenColumns      = 0x81
	tokenError        = 0xAA
	tokenInfo         = 0xAB
	tokenReturnValue  = 0xAC
	tokenLoginAck     = 0xAD
	tokenFeatures     = 0xAE
	tokenRow          = 0xD1
	tokenRowWithNulls = 0xD2
	tokenChange       = 0xE3
	tokenSecurity     = 0xED
	tokenDone         = 0xFD
	tokenDoneProc     = 0xFE
	tokenDoneInProc   = 0xFF
)

// Bits of the status of DONE.
const (
	doneMore      = 0x001
	doneError     = 0x002
	doneCount     = 0x010
	doneAttention = 0x020
	doneFatal     = 0x100
)

// What ENVCHANGE says has changed.
const (
	changeDatabase   = 1
	changeLanguage   = 2
	changePacketSize = 4
	changeCollation  = 7
	changeBegun      = 8
	changeCommitted  = 9
	changeRolledBack = 10
	changeReset      = 18
)

// collation is Latin1_General_CI_AS, what SQL Server has when it is installed
// on a British Windows: locale 0409, case and width and kana ignored, and code
// page 1252 for char and varchar.
var collation = [5]byte{0x09, 0x04, 0xD0, 0x00, 0x00}

// fatalClass is the severity from which SQL Server drops the connection.
const fatalClass = 20

// appendDone appends DONE, DONEPROC or DONEINPROC; a negative count is none.
func appendDone(b []byte, token byte, status uint16, rows int64) []byte {
	if rows >= 0 {
		status |= doneCount
	}
	b = append(b, token)
	b = binary.LittleEndian.AppendUint16(b, status)
	b = binary.LittleEndian.AppendUint16(b, 0) // which statement it was: not told
	return binary.LittleEndian.AppendUint64(b, uint64(max(rows, 0)))
}

// appendError appends ERROR or INFO.
func appendError(b []byte, token byte, e *Error, server string) []byte {
	body := binary.LittleEndian.AppendUint32(nil, uint32(e.Number))
	body = append(body, e.State, e.Class)
	body = appendText(body, e.Message)
	body = appendShortText(body, server)
	body = appendShortText(body, e.Procedure)
	body = binary.LittleEndian.AppendUint32(body, uint32(max(e.Line, 1)))
	return appendSized(b, token, body)
}

// appendChange appends ENVCHANGE with two texts.
func appendChange(b []byte, what byte, now, before string) []byte {
	body := appendShortText([]byte{what}, now)
	return appendSized(b, tokenChange, appendShortText(body, before))
}

// appendChangeBytes appends ENVCHANGE with two runs of bytes.
func appendChangeBytes(b []byte, what byte, now, before []byte) []byte {
	body := append([]byte{what, byte(len(now))}, now...)
	body = append(append(body, byte(len(before))), before...)
	return appendSized(b, tokenChange, body)
}

func appendPacketSize(b []byte, now, before int) []byte {
	return appendChange(b, changePacketSize, strconv.Itoa(now), strconv.Itoa(before))
}

// appendSized appends a token whose length two bytes tell.
func appendSized(b []byte, token byte, body []byte) []byte {
	b = binary.LittleEndian.AppendUint16(append(b, token), uint16(len(body)))
	return append(b, body...)
}

// appendLoginAck appends LOGINACK.
func appendLoginAck(b []byte, version uint32, product [4]byte) []byte {
	body := []byte{1} // T-SQL
	body = binary.BigEndian.AppendUint32(body, version)
	body = appendShortText(body, "Microsoft SQL Server")
	return appendSized(b, tokenLoginAck, append(body, product[:]...))
}
