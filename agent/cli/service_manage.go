package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollbridge/agent/school"
	"rollbridge/agent/service"
	"rollbridge/agent/settings"
)

func (p *program) service() *cobra.Command {
	c := &cobra.Command{
		Use:   "service",
		Short: "Have the system run the agent: install, uninstall, start, stop, status",
		Long: `Enters the agent into systemd, or into the service manager of Windows: it starts with the
system, is started again whenever it ends by itself, and runs under an account with no
rights but those on its data directory.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.serviceInstall(), p.serviceUninstall(), p.serviceStart(), p.serviceStop(), p.serviceStatus())
	return c
}

func (p *program) serviceInstall() *cobra.Command {
	var account, schools string
	var replace bool
	c := &cobra.Command{
		Use:   "install",
		Short: "Enter the service; it is started with `service start`, and with the system",
		Long: `Without --account the service runs as the system user rollbridge, which is made if it is not
there, on Linux, and under the virtual account NT SERVICE\Rollbridge on Windows: it has no
password and no rights on the network but those of the computer. A gMSA is written
DOMAIN\name$. For any other account of Windows its password is read from standard input,
never from an argument, and kept by Windows only.

The data directory (with --schools each of them) is closed to everybody but that account
and administrators. A program that others may change, or that the service would not see,
is refused. To do it twice changes nothing; where the service is installed in another way
the differences are shown, and --replace puts it in place of the other.`,
		Example: `  sudo /opt/rollbridge/rollbridge-agent service install
  rollbridge-agent service install --account TRUST\svc-rollbridge$
  rollbridge-agent service install --account TRUST\rollbridge < password.txt
  sudo /opt/rollbridge/rollbridge-agent service install --schools /var/lib/rollbridge/schools`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.serviceSetup(schools)
			if err != nil {
				return err
			}
			set.Account = account
			if service.NeedsPassword(account) {
				if set.Password, err = p.password(account); err != nil {
					return err
				}
			}
			already, err := service.Install(c.Context(), set, replace)
			if err != nil {
				return serviceFault(err)
			}
			if already {
				p.printf("The service is installed already, in just this way.\n")
				return nil
			}
			p.printf("The service is installed and starts with the system.\nStart it now: rollbridge-agent service start\n")
			return nil
		},
	}
	c.Flags().StringVar(&account, "account", "", "the `account` that runs it, instead of the default")
	c.Flags().StringVar(&schools, "schools", "", "run every school that has a data directory in this `directory`")
	c.Flags().BoolVar(&replace, "replace", false, "put it in place of one that is installed in another way")
	return c
}

// serviceSetup is what the command line and the settings say.
func (p *program) serviceSetup(schools string) (set service.Setup, err error) {
	own, err := workerProgram()
	if err == nil {
		set.Program, err = filepath.EvalSymlinks(own)
	}
	if err != nil {
		return set, fmt.Errorf("find this program's own file: %w", err)
	}
	for _, pair := range p.Environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, settings.EnvPrefix+"_") && name != settings.EnvPrefix+"_DATA_DIR" {
			p.note("%s is set here, and will not be for the service: put it into agent.yaml in the data directory.", name)
		}
	}
	if schools != "" {
		if err := p.noSchoolGiven(); err != nil {
			return set, err
		}
		set.Schools = true
		set.Dir, err = filepath.Abs(schools)
		return set, err
	}
	known, err := p.settings()
	if err != nil {
		return set, err
	}
	set.Dir = known.DataDir
	if p.given.File != "" {
		set.Config, err = filepath.Abs(p.given.File)
	}
	return set, err
}

// password reads one line from standard input, without showing it where a
// person types it.
func (p *program) password(account string) (string, error) {
	if f, is := p.In.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(p.Err, "Password of %s: ", account)
		typed, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(p.Err)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return string(typed), nil
	}
	line, err := p.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usageError{fmt.Errorf("the password of %s is expected on standard input", account)}
	}
	return line, nil
}

// serviceFault makes a refusal one of the exit code 3.
func serviceFault(err error) error {
	var no service.Refusal
	if errors.As(err, &no) {
		return &school.Fault{Kind: school.Refused, Text: err.Error()}
	}
	return err
}

func (p *program) serviceUninstall() *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "Stop the service and take it out; the data directory stays",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			was, err := service.Uninstall(c.Context())
			switch {
			case err != nil:
				return serviceFault(err)
			case !was.Installed:
				p.printf("The service is not installed.\n")
				return nil
			}
			p.printf("The service is stopped and uninstalled.\n")
			if was.Dir != "" {
				p.printf("%s stays as it is, with keys, queue and logbook: `rollbridge-agent revoke` before uninstalling is what destroys them.\n", was.Dir)
			}
			return nil
		},
	}
}

func (p *program) serviceStart() *cobra.Command {
	return &cobra.Command{
		Use:   "start",
		Short: "Start the service",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := service.Start(c.Context()); err != nil {
				return serviceFault(err)
			}
			p.printf("The service runs.\n")
			return nil
		},
	}
}

func (p *program) serviceStop() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stop the service until `service start` or the next start of the system",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := service.Stop(c.Context()); err != nil {
				return serviceFault(err)
			}
			p.printf("The service is stopped. It starts again with the system; `rollbridge-agent pause` keeps it from reading instead.\n")
			return nil
		},
	}
}

func (p *program) serviceStatus() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Say whether the service is installed and runs; `status` says how the school stands",
		Long:  "Exit code 0 where it runs, 3 where it does not.",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			st, err := service.Look(c.Context())
			if err != nil {
				return serviceFault(err)
			}
			if asJSON {
				if err := p.printJSON(st); err != nil {
					return err
				}
			} else {
				p.showService(st)
			}
			switch {
			case !st.Installed:
				return &school.Fault{Kind: school.Refused, Text: "the service is not installed: `rollbridge-agent service install` does it"}
			case !st.Running:
				return &school.Fault{Kind: school.Refused, Text: "the service does not run: `rollbridge-agent service start` starts it"}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

func (p *program) showService(st service.State) {
	if !st.Installed {
		return
	}
	for _, l := range []struct{ what, is string }{
		{"State", st.State}, {"Account", st.Account}, {"Directory", st.Dir}, {"It says", st.Says},
	} {
		if l.is != "" {
			p.printf("%-10s %s\n", l.what+":", l.is)
		}
	}
}
