package tds

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

// decimalBytes is how many bytes hold a decimal of so many digits, without its sign.
func decimalBytes(precision int) int {
	switch {
	case precision <= 9:
		return 4
	case precision <= 19:
		return 8
	case precision <= 28:
		return 12
	}
	return 16
}

// moneyScale is how many digits money has after the point.
const moneyScale = 4

// unscaled reads decimal text as a whole number of its last digits.
func unscaled(text string, scale int) (*big.Int, error) {
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return nil, errors.New("a decimal with more than one sign")
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > scale {
		return nil, fmt.Errorf("a decimal with more than %d digits after the point", scale)
	}
	all := whole + fraction + strings.Repeat("0", scale-len(fraction))
	if whole+fraction == "" && !strings.Contains(digits, "0") || strings.Trim(all, "0123456789") != "" {
		return nil, errors.New("not a decimal")
	}
	n, ok := new(big.Int).SetString("0"+all, 10)
	if !ok {
		return nil, errors.New("not a decimal")
	}
	if strings.HasPrefix(text, "-") {
		n.Neg(n)
	}
	return n, nil
}

// scaled writes a whole number of last digits as decimal text.
func scaled(n *big.Int, scale int) string {
	digits := new(big.Int).Abs(n).String()
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	if scale == 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// encodeDecimal makes a sign (1 is plus) and the digits, little-endian.
func encodeDecimal(t sqltype.Type, text string) ([]byte, error) {
	n, err := unscaled(text, t.Scale)
	if err != nil {
		return nil, err
	}
	if len(new(big.Int).Abs(n).String()) > t.Precision {
		return nil, fmt.Errorf("a decimal that %s does not hold", t)
	}
	b := make([]byte, 1+decimalBytes(t.Precision))
	if n.Sign() >= 0 {
		b[0] = 1
	}
	for i, x := range n.Bytes() {
		b[len(n.Bytes())-i] = x
	}
	return b, nil
}

func decodeDecimal(t sqltype.Type, raw []byte) (string, error) {
	turned := make([]byte, 0, len(raw))
	for i := len(raw) - 1; i > 0; i-- {
		turned = append(turned, raw[i])
	}
	n := new(big.Int).SetBytes(turned)
	if len(n.String()) > t.Precision {
		return "", broken("a number that %s does not hold", t)
	}
	if raw[0] == 0 {
		n.Neg(n)
	}
	return scaled(n, t.Scale), nil
}

// encodeMoney makes ten-thousandths in 64 bits, the upper half first.
func encodeMoney(text string) ([]byte, error) {
	n, err := unscaled(text, moneyScale)
	if err != nil {
		return nil, err
	}
	if !n.IsInt64() {
		return nil, errors.New("a number that money does not hold")
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(uint64(n.Int64())>>32))
	return binary.LittleEndian.AppendUint32(b, uint32(n.Int64())), nil
}

func decodeMoney(raw []byte) string {
	n := uint64(binary.LittleEndian.Uint32(raw))<<32 | uint64(binary.LittleEndian.Uint32(raw[4:]))
	return scaled(big.NewInt(int64(n)), moneyScale)
}
