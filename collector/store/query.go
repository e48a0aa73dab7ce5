package store

import (
	"fmt"
	"strings"

	"rollbridge/shared/record"
)

// wrap says what was being done when err came; nil stays nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// maxPiece bounds how many rows one statement is about.
const maxPiece = 64

// piece is how many of n rows the next statement is about: a power of two, so
// that a connection keeps few statements however the numbers fall.
func piece(n int) int {
	p := maxPiece
	for p > n {
		p /= 2
	}
	return p
}

// marks is a list of n parameters in brackets.
func marks(n int) string { return "(" + repeated("?", n) + ")" }

func repeated(part string, n int) string {
	return strings.TrimSuffix(strings.Repeat(part+", ", n), ", ")
}

// eachKeys calls f for the keys of refs in pieces, each of one dataset: in is
// the end of a condition on the column key, "IN (?, …)", and keys its
// parameters.
func eachKeys(refs []Ref, f func(d record.Dataset, in string, keys []any) error) error {
	keys := map[record.Dataset][]any{}
	var datasets []record.Dataset
	for _, r := range refs {
		if keys[r.Dataset] == nil {
			datasets = append(datasets, r.Dataset)
		}
		keys[r.Dataset] = append(keys[r.Dataset], string(r.Key))
	}
	for _, d := range datasets {
		for list := keys[d]; len(list) > 0; {
			n := piece(len(list))
			if err := f(d, "IN "+marks(n), list[:n]); err != nil {
				return err
			}
			list = list[n:]
		}
	}
	return nil
}
