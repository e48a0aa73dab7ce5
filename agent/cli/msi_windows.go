package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/agent/event"
	"rollbridge/agent/installation"
	"rollbridge/agent/service"
	"rollbridge/agent/settings"
	"rollbridge/shared/logkey"
)

// msi is what the Windows installer has done by the program that it installed
// (installer/windows says when). Nobody sees what is printed: what went wrong is
// an event, and an exit code other than 0 makes Windows Installer take back what
// it did. So what may be put right afterwards, settings and enrolment, ends with 0.
func (p *program) msi() *cobra.Command {
	c := &cobra.Command{
		Use:    "msi",
		Short:  "What the Windows installer has done by this program",
		Hidden: true,
		Args:   noArguments,
		RunE:   func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			p.given.DataDir = property(p.given.DataDir)
		},
	}
	c.AddCommand(p.msiSetUp(), p.msiSettle(), p.msiStart(), p.msiEnrol(), p.msiStop(), p.msiRemove(), p.msiUndo())
	return c
}

func (p *program) forInstaller() []*cobra.Command { return []*cobra.Command{p.msi()} }

// property is the value of a property of Windows Installer as it stands in a
// command: with a blank behind it, or a last backslash would escape the quote.
func property(value string) string { return strings.TrimSpace(value) }

// failedEvent writes what went wrong where an administrator looks.
func (p *program) failedEvent(id event.ID, message string, err error) {
	log := p.serviceLog(settings.Defaults().Log)
	if id == event.NotSetUp {
		log.Error(message, logkey.Event, id, logkey.Error, oneText(err))
		return
	}
	log.Warn(message, logkey.Event, id, logkey.Error, oneText(err))
}

// essential is a step without which the installation fails.
func (p *program) essential(step func(context.Context) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		err := serviceFault(step(c.Context()))
		if err != nil {
			p.failedEvent(event.NotSetUp, "the installer could not set up the service", err)
		}
		return err
	}
}

func (p *program) msiSetUp() *cobra.Command {
	var account, passwordFile string
	c := &cobra.Command{
		Use:  "set-up",
		Args: noArguments,
		RunE: p.essential(func(ctx context.Context) error { return p.setUp(ctx, property(account), property(passwordFile)) }),
	}
	c.Flags().StringVar(&account, "account", "", "")
	c.Flags().StringVar(&passwordFile, "password-file", "", "")
	return c
}

// setUp enters the service. One that is there stays as it is but for what is given
// now, and one of another file becomes one of this file.
func (p *program) setUp(ctx context.Context, account, passwordFile string) error {
	now, there, err := service.Entered()
	if err != nil {
		return err
	}
	set, err := p.toEnter(now, there)
	if err != nil {
		return err
	}
	set.Account = cmp.Or(account, now.Account)
	if there && sameSetup(now, set) {
		return service.Keep()
	}
	if service.NeedsPassword(set.Account) {
		if passwordFile == "" {
			return service.Refusal("the account " + set.Account + " has a password, which is not known here: give SERVICEPASSWORDFILE, a file that holds it; a gMSA is written DOMAIN\\name$ and needs none")
		}
		if set.Password, err = passwordIn(passwordFile); err != nil {
			return err
		}
	}
	if !there {
		if err := begin(set); err != nil {
			return err
		}
	}
	_, err = service.Install(ctx, set, true)
	return err
}

// toEnter is the service as it is to be, but for its account.
func (p *program) toEnter(now service.Setup, there bool) (service.Setup, error) {
	if !there || p.given.DataDir != "" {
		return p.serviceSetup("")
	}
	own, err := workerProgram()
	if err != nil {
		return now, err
	}
	now.Program = own
	return now, nil
}

// sameSetup compares as Windows does, which knows no large and small letters in
// names of files and accounts.
func sameSetup(a, b service.Setup) bool {
	return strings.EqualFold(a.Program, b.Program) && strings.EqualFold(a.Dir, b.Dir) && a.Schools == b.Schools &&
		strings.EqualFold(a.Config, b.Config) && strings.EqualFold(a.Account, b.Account)
}

func passwordIn(path string) (string, error) {
	const most = 4096
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the account's password: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return "", fmt.Errorf("read the account's password: %w", err)
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return "", service.Refusal("the file that SERVICEPASSWORDFILE names begins with an empty line: it has to begin with the password")
	}
	return line, nil
}

func (p *program) msiSettle() *cobra.Command {
	var from, proxy string
	c := &cobra.Command{
		Use:  "settle",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if err := p.settle(property(from), property(proxy)); err != nil {
				p.failedEvent(event.Waiting, "the installation did not take the settings as they were given", err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "")
	c.Flags().StringVar(&proxy, "proxy", "", "")
	return c
}

func (p *program) settle(from, proxy string) error {
	dir, err := p.enteredDir()
	if err != nil {
		return err
	}
	if err := installation.Settle(dir, from, proxy); err != nil {
		return err
	}
	p.given.DataDir = dir
	_, err = p.settings()
	return err
}

// enteredDir is the data directory of the service.
func (p *program) enteredDir() (string, error) {
	s, there, err := service.Entered()
	switch {
	case err != nil:
		return "", err
	case !there || s.Dir == "":
		return "", errors.New("the service is not installed")
	case s.Schools:
		return "", service.Refusal("the service runs many schools, each with settings and an enrolment of its own: `rollbridge-agent enrol --data-dir` enrols one")
	}
	return s.Dir, nil
}

func (p *program) msiStart() *cobra.Command {
	var again bool
	c := &cobra.Command{
		Use:  "start",
		Args: noArguments,
		RunE: func(c *cobra.Command, args []string) error {
			if _, there, err := service.Entered(); again && (err != nil || !there) {
				return err
			}
			return p.essential(startEntered)(c, args)
		},
	}
	c.Flags().BoolVar(&again, "again", false, "")
	return c
}

func startEntered(ctx context.Context) error {
	if err := service.Start(ctx); err != nil {
		return err
	}
	return begun()
}

func (p *program) msiEnrol() *cobra.Command {
	var code, codeFile, safe string
	c := &cobra.Command{
		Use:  "enrol",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := p.enrolUnseen(c.Context(), property(code), property(codeFile), property(safe)); err != nil {
				p.failedEvent(event.Waiting, "the installation could not enrol this school", err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&code, "code", "", "")
	c.Flags().StringVar(&codeFile, "code-file", "", "")
	c.Flags().StringVar(&safe, "revocation-file", "", "")
	return c
}

// enrolUnseen enrols with the yes that was given on paper; what it says goes to a
// file in the data directory, which the school's administrators can read.
func (p *program) enrolUnseen(ctx context.Context, code, codeFile, safe string) (err error) {
	dir, err := p.enteredDir()
	if err != nil {
		return err
	}
	if safe == "" {
		own, err := workerProgram()
		if err != nil {
			return err
		}
		safe = filepath.Join(filepath.Dir(own), revocationFile)
	}
	said, err := os.OpenFile(filepath.Join(dir, installation.Log), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("keep what the enrolment says: %w", err)
	}
	defer func() {
		if err != nil {
			fmt.Fprintf(said, "The school was not enrolled: %s\n", oneText(err))
		}
		err = errors.Join(err, said.Close())
	}()
	unseen := &program{Terminal: Terminal{In: strings.NewReader(""), Out: said, Err: said, Environ: p.Environ}, given: p.given}
	unseen.given.DataDir = dir
	args := []string{code}
	if code == "" {
		args = nil
	}
	parsed, err := unseen.code(args, codeFile)
	if err != nil {
		return err
	}
	set, err := unseen.settings()
	if err != nil {
		return err
	}
	if err := vacant(safe, set.DataDir); err != nil {
		return err
	}
	return unseen.enrolWith(ctx, set, parsed, yes{accept: true, safe: safe})
}

// revocationFile is where the revocation code is put, beside the program and open
// to administrators only, if no other place is named.
const revocationFile = "revocation-code.txt"

func (p *program) msiStop() *cobra.Command {
	return &cobra.Command{
		Use:  "stop",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return stopEntered(c.Context()) },
	}
}

// stopEntered stops the service if there is one.
func stopEntered(ctx context.Context) error {
	if _, there, err := service.Entered(); err != nil || !there {
		return err
	}
	return service.Stop(ctx)
}
