package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// A signer is a certificate and its key, from the environment.
type signer struct {
	certificate, key, passwordFile, token, timestamp string
}

// signVariables begin what a signer is made of.
const signVariables = "ROLLBRIDGE_SIGN_"

func signerFrom(environ []string) signer {
	get := func(name string) string { return lookUp(environ, signVariables+name) }
	return signer{certificate: get("CERTIFICATE"), key: get("KEY"), passwordFile: get("PASSWORD_FILE"), token: get("TOKEN"), timestamp: get("TIMESTAMP")}
}

// there says whether anything is to be signed.
func (s signer) there() bool { return s.key != "" }

// sign signs a program or an MSI in its place, or leaves it where there is no key.
func (s signer) sign(ctx context.Context, t tools, path, title string) error {
	if !s.there() {
		return nil
	}
	signed := path + ".signed"
	args, err := s.arguments(path, signed, title)
	if err != nil {
		return err
	}
	if err := t.run(ctx, "", "osslsigncode", args...); err != nil {
		return errors.Join(fmt.Errorf("sign %s: %w", title, err), remove(signed))
	}
	if err := os.Rename(signed, path); err != nil {
		return fmt.Errorf("sign %s: %w", title, err)
	}
	return nil
}

func (s signer) arguments(from, to, title string) ([]string, error) {
	if s.certificate == "" {
		return nil, errors.New(signVariables + "KEY names a key and " + signVariables + "CERTIFICATE no certificate: nothing is signed")
	}
	args := []string{"sign", "-h", "sha256", "-n", title, "-certs", s.certificate, "-key", s.key}
	if s.token != "" {
		args = append(args, "-pkcs11module", s.token)
	}
	if s.passwordFile != "" {
		args = append(args, "-readpass", s.passwordFile)
	}
	if s.timestamp != "" {
		args = append(args, "-ts", s.timestamp)
	}
	if strings.HasSuffix(from, ".msi") {
		args = append(args, "-add-msi-dse") // names and times in it are signed too
	}
	return append(args, "-in", from, "-out", to), nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// lookUp is the value of a variable, "" if it is not set.
func lookUp(environ []string, name string) (value string) {
	for _, pair := range environ {
		if n, v, _ := strings.Cut(pair, "="); n == name {
			value = v
		}
	}
	return value
}
