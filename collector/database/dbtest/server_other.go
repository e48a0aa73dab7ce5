//go:build !unix

package dbtest

import "errors"

func program(name string) string { return name }

func start() (string, error) {
	return "", errors.New("tests against PostgreSQL run on Linux; on this system test SQLite")
}
