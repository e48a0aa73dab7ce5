package main

import (
	"crypto/sha1"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A version is one of the product, in the forms that Windows wants.
type version struct {
	full    string // as it is written: 1.2.3-rc.1
	product string // what Windows Installer compares: 1.2.3
	file    string // what is compared of files: 1.2.3.0
}

var written = regexp.MustCompile(`^v?((\d+)\.(\d+)\.(\d+))(?:[-+][0-9A-Za-z.+-]+)?$`)

// parse refuses what Windows Installer cannot compare. It compares three numbers
// only: a version and those before its release are one version to it, and either
// takes the other's place.
func parse(text string) (version, error) {
	m := written.FindStringSubmatch(text)
	if m == nil {
		return version{}, fmt.Errorf("the version %q is not of the form 1.2.3", text)
	}
	for i, most := range []int{255, 255, 65535} {
		if n, err := strconv.Atoi(m[i+2]); err != nil || n > most {
			return version{}, fmt.Errorf("the version %q cannot be one of an MSI: its numbers go up to 255.255.65535", text)
		}
	}
	return version{full: strings.TrimPrefix(text, "v"), product: m[1], file: m[1] + ".0"}, nil
}

// The codes by which Windows knows the product, for ever, and its parts.
const (
	upgradeCode   = "{6C2D6F9E-0F58-4B7E-9B43-2C7B1B0E6D51}"
	componentCode = "{0B5C9C53-5E0A-4D62-8E2D-7A3B1F4E9C10}"
	licenceCode   = "{B8A9E1D4-3C77-4E0B-A5D1-94C6F20B7E32}"
)

// codeOf makes a code of what it is for (RFC 4122, version 5): the same twice, and
// another for anything else.
func codeOf(what ...string) string {
	sum := sha1.Sum([]byte("rollbridge/windows\x00" + strings.Join(what, "\x00")))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("{%x-%x-%x-%x-%x}", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}
