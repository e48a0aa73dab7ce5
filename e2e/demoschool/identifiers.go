package demoschool

import (
	"fmt"
	"strings"
)

// upnAlphabet holds the letters of a UPN in the order of their values: no I,
// O or S (DfE guide to UPNs).
const upnAlphabet = "ABCDEFGHJKLMNPQRTUVWXYZ"

// serialsPerSchool is how many permanent UPNs one school may allocate a year:
// three digits of serial.
const serialsPerSchool = 1000

// upnCheck is the check letter over positions 2 to 13 of a UPN: each digit, or
// a letter's place in the alphabet, times its position, mod 23.
func upnCheck(rest string) string {
	sum := 0
	for i := range len(rest) {
		value := strings.IndexByte(upnAlphabet, rest[i])
		if rest[i] >= '0' && rest[i] <= '9' {
			value = int(rest[i] - '0')
		}
		sum += value * (i + 2)
	}
	at := sum % len(upnAlphabet)
	return upnAlphabet[at : at+1]
}

// allocateUPN makes the next UPN of an allocation year. Establishments count
// up from 9000, a range that no school in England has, so that a serial is
// never one that a real child holds.
func (s *School) allocateUPN(authority string, year int, temporary bool) string {
	serial := s.upnSerials[year]
	s.upnSerials[year]++
	digits := fmt.Sprintf("%03d", serial%serialsPerSchool)
	if temporary {
		at := serial % len(upnAlphabet)
		digits = digits[:2] + upnAlphabet[at:at+1]
	}
	rest := fmt.Sprintf("%s%04d%02d%s", authority, 9000+serial/serialsPerSchool, year%100, digits)
	return upnCheck(rest) + rest
}

// uln is the i-th ULN: nine digits and a check digit, 10 minus the weighted
// sum mod 11. A remainder of 0 has no check digit; the next number (the digit
// of weight 2 one higher) then has remainder 2.
func uln(i int) string {
	base := fmt.Sprintf("%09d", 810_000_000+2*i)
	remainder := ulnRemainder(base)
	if remainder == 0 {
		base = fmt.Sprintf("%09d", 810_000_000+2*i+1)
		remainder = ulnRemainder(base)
	}
	return fmt.Sprintf("%s%d", base, 10-remainder)
}

func ulnRemainder(nine string) int {
	sum := 0
	for i := range len(nine) {
		sum += int(nine[i]-'0') * (10 - i)
	}
	return sum % 11
}
