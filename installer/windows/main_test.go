package main

import (
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestVersions(t *testing.T) {
	for text, want := range map[string]version{
		"1.2.3":                  {"1.2.3", "1.2.3", "1.2.3.0"},
		"v1.2.3":                 {"1.2.3", "1.2.3", "1.2.3.0"},
		"1.2.3-rc.1":             {"1.2.3-rc.1", "1.2.3", "1.2.3.0"},
		"0.1.0-4-gabc1234-dirty": {"0.1.0-4-gabc1234-dirty", "0.1.0", "0.1.0.0"},
		"255.255.65535":          {"255.255.65535", "255.255.65535", "255.255.65535.0"},
	} {
		if got, err := parse(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1.2", "1.2.3.4", "abc1234", "1.2.3 ", "256.0.0", "1.256.0", "1.2.65536", "1.2.3-'"} {
		if got, err := parse(text); err == nil {
			t.Errorf("%q was taken as %+v", text, got)
		}
	}
}

// A code is the same for the same, another for anything else, and in Windows's form.
func TestCodes(t *testing.T) {
	seen := map[string]string{}
	for _, what := range [][]string{{"product", "1.2.3", "amd64"}, {"product", "1.2.3", "arm64"}, {"product", "1.2.4", "amd64"}, {"package", "1.2.3", "amd64"}, {"product1", ".2.3", "amd64"}} {
		code, name := codeOf(what...), strings.Join(what, " ")
		if !regexp.MustCompile(`^\{[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}\}$`).MatchString(code) || code != codeOf(what...) {
			t.Errorf("%s: %s", name, code)
		}
		if seen[code] != "" {
			t.Errorf("%s and %s have one code", name, seen[code])
		}
		seen[code] = name
	}
}

// What is not whole is refused before anything is touched.
func TestOrders(t *testing.T) {
	whole := []string{"-version", "1.2.3", "-arch", "amd64", "-programs", t.TempDir(), "-out", t.TempDir()}
	for name, c := range map[string]struct {
		args    []string
		environ []string
	}{
		"nothing":        {nil, []string{"SOURCE_DATE_EPOCH=1"}},
		"no time":        {whole, nil},
		"no such time":   {whole, []string{"SOURCE_DATE_EPOCH=yesterday"}},
		"no version":     {whole[2:], []string{"SOURCE_DATE_EPOCH=1"}},
		"no programs":    {append(whole[:4:4], whole[6:]...), []string{"SOURCE_DATE_EPOCH=1"}},
		"other arch":     {append(whole, "-arch", "386"), []string{"SOURCE_DATE_EPOCH=1"}},
		"something more": {append(whole, "more"), []string{"SOURCE_DATE_EPOCH=1"}},
	} {
		if err := run(t.Context(), c.args, c.environ, io.Discard); err == nil {
			t.Errorf("%s: it was done", name)
		}
	}
}

// What signs is as the environment says, and there is no key without a certificate.
func TestSigner(t *testing.T) {
	if s := signerFrom([]string{"ROLLBRIDGE_SIGN_CERTIFICATE=c.pem"}); s.there() {
		t.Error("it would sign without a key")
	}
	if _, err := signerFrom([]string{"ROLLBRIDGE_SIGN_KEY=k"}).arguments("a.exe", "b", "x"); err == nil {
		t.Error("it would sign without a certificate")
	}
	s := signerFrom([]string{
		"ROLLBRIDGE_SIGN_CERTIFICATE=c.pem", "ROLLBRIDGE_SIGN_KEY=pkcs11:object=a", "ROLLBRIDGE_SIGN_TOKEN=/lib/t.so",
		"ROLLBRIDGE_SIGN_PASSWORD_FILE=pin", "ROLLBRIDGE_SIGN_TIMESTAMP=http://time",
	})
	for from, want := range map[string]string{
		"a.exe": "sign -h sha256 -n Agent -certs c.pem -key pkcs11:object=a -pkcs11module /lib/t.so -readpass pin -ts http://time -in a.exe -out b",
		"a.msi": "sign -h sha256 -n Agent -certs c.pem -key pkcs11:object=a -pkcs11module /lib/t.so -readpass pin -ts http://time -add-msi-dse -in a.msi -out b",
	} {
		if args, err := s.arguments(from, "b", "Agent"); err != nil || strings.Join(args, " ") != want {
			t.Errorf("%s: %v, %v", from, args, err)
		}
	}
}
