package service

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// Entered is the service as Windows has it, for an installer that is to leave it so;
// there says whether there is one. Its password nobody can read back.
func Entered() (s Setup, there bool, err error) {
	m, service, err := open(windows.SERVICE_QUERY_CONFIG)
	if err != nil || service == nil {
		return s, false, err
	}
	defer m.Disconnect()
	defer service.Close()
	command, account, err := entered(service)
	if err != nil {
		return s, true, fmt.Errorf("look at the service: %w", err)
	}
	s = setupOf(command)
	s.Account = account
	return s, true, nil
}

// setupOf reads what arguments wrote.
func setupOf(command []string) (s Setup) {
	if len(command) > 0 {
		s.Program = command[0]
	}
	for i, arg := range command[:max(0, len(command)-1)] {
		switch arg {
		case "--data-dir":
			s.Dir = command[i+1]
		case "--schools":
			s.Dir, s.Schools = command[i+1], true
		case "--config":
			s.Config = command[i+1]
		}
	}
	return s
}

// Keep makes ready once more what is entered, as after a new version of its program:
// the rights of its account. The entry stays as it is, with a password that only
// Windows knows.
func Keep() error {
	if err := allowed(); err != nil {
		return err
	}
	s, there, err := Entered()
	if err != nil {
		return err
	}
	if !there {
		return notInstalled
	}
	return prepare(s)
}
