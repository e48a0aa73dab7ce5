package codes

import "strings"

const (
	ulnLength = 10
	// reservedULN is used in post-16 returns for "not known". It fails the check of its own last digit.
	reservedULN = "9999999999"
)

// ULNFault says what is wrong with a ULN; the list is closed.
type ULNFault string

// The faults of a ULN, in the order in which they are looked for.
const (
	ULNEmpty      ULNFault = "empty"
	ULNLength     ULNFault = "length"
	ULNDigits     ULNFault = "digits"
	ULNReserved   ULNFault = "reserved"
	ULNCheckDigit ULNFault = "check digit"
)

var ulnFaultText = map[ULNFault]string{
	ULNEmpty:      "the ULN is empty: leave out the ULN of a pupil who has none",
	ULNLength:     "the ULN does not have 10 digits: correct it in the MIS",
	ULNDigits:     "the ULN has a character that is not a digit, or starts with 0: correct it in the MIS",
	ULNReserved:   "the ULN is the value reserved for \"not known\": leave it out",
	ULNCheckDigit: "the last digit of the ULN does not fit the others, so at least one is mistyped: correct it in the MIS",
}

// ULNError is what [ParseULN] returns. Its text never contains the value. Two are equal to errors.Is when their Kind is.
type ULNError struct{ Kind ULNFault }

// ErrReservedULN matches, through errors.Is, the value that post-16 returns use for "not known": not a mistake, but no
// number either.
var ErrReservedULN error = &ULNError{Kind: ULNReserved}

func (e *ULNError) Error() string {
	if text, ok := ulnFaultText[e.Kind]; ok {
		return text
	}
	return "the ULN is not valid: correct it in the MIS"
}

// Is makes errors.Is compare kinds.
func (e *ULNError) Is(target error) bool {
	t, ok := target.(*ULNError)
	return ok && t.Kind == e.Kind
}

// ParseULN reads a unique learner number, trimming spaces first: ten digits, the first not 0, the last a check digit over the
// others weighted 10 to 2 modulo 11 (DfE Common Basic Data Set item 100016). On an error, always a *[ULNError], the number is empty.
func ParseULN(s string) (string, error) {
	t := strings.TrimSpace(s)
	switch {
	case t == "":
		return "", &ULNError{Kind: ULNEmpty}
	case len(t) != ulnLength:
		return "", &ULNError{Kind: ULNLength}
	case strings.Trim(t, "0123456789") != "" || t[0] == '0':
		return "", &ULNError{Kind: ULNDigits}
	case t == reservedULN:
		return "", &ULNError{Kind: ULNReserved}
	}
	sum := 0
	for i := range ulnLength - 1 {
		sum += int(t[i]-'0') * (ulnLength - i)
	}
	// A remainder of 0 would need the check digit 10: no digit fits, and no such number is given out.
	if int(t[ulnLength-1]-'0') != 10-sum%11 {
		return "", &ULNError{Kind: ULNCheckDigit}
	}
	return t, nil
}
