package tds

import (
	"encoding/binary"
	"unicode/utf16"
)

// A cursor reads the body of a message. Reading past its end makes it bad and
// gives zeros from then on, so that a parser asks once, at the end or before
// it believes a number.
type cursor struct {
	rest []byte
	bad  bool
}

// take gives the next n bytes, which belong to the message, or nil.
func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.rest) {
		c.bad, c.rest = true, nil
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// text reads n UTF-16 units; shortText one that a byte counts (B_VARCHAR).
func (c *cursor) text(n int) string { return fromUTF16(c.take(2 * n)) }

func (c *cursor) shortText() string { return c.text(int(c.u8())) }

// fromUTF16 reads UTF-16LE; half a surrogate pair becomes U+FFFD. An odd byte
// at the end is left out: callers check.
func fromUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// toUTF16 appends s in UTF-16LE.
func toUTF16(b []byte, s string) []byte {
	for _, r := range s {
		if hi, lo := utf16.EncodeRune(r); hi != '\uFFFD' {
			b = binary.LittleEndian.AppendUint16(b, uint16(hi))
			b = binary.LittleEndian.AppendUint16(b, uint16(lo))
			continue
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(r))
	}
	return b
}

// units is how many UTF-16 units s takes.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// clip shortens s to at most n UTF-16 units, never through a surrogate pair.
func clip(s string, n int) string {
	used := 0
	for i, r := range s {
		used += utf16.RuneLen(r)
		if used > n {
			return s[:i]
		}
	}
	return s
}

// appendShortText appends a B_VARCHAR, clipped to the 255 units that it holds;
// appendText a US_VARCHAR, clipped to what a message of SQL Server can have.
func appendShortText(b []byte, s string) []byte {
	s = clip(s, 255)
	return toUTF16(append(b, byte(units(s))), s)
}

func appendText(b []byte, s string) []byte {
	s = clip(s, 4000)
	return toUTF16(binary.LittleEndian.AppendUint16(b, uint16(units(s))), s)
}
