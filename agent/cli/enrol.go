package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/agent/enrol"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/shared/protocol"
)

// decisionTime is how long enrol waits for the collector's decision; the
// service goes on asking.
const decisionTime = 30 * time.Second

func (p *program) enrol() *cobra.Command {
	var accept bool
	var file, safe string
	c := &cobra.Command{
		Use:   "enrol CODE",
		Short: "Enrol this school with the code that the operator sent",
		Long: `Shows who asks for what and why, for how long it is kept, where, who else handles it and
whom to ask, and asks for your yes; nothing is made before it. Then it prints the phrase to
read to the operator and, once only, the revocation code for the head teacher's safe. The
code may also come on standard input (-) or from a file. The same code on the same machine
goes on where it was.

For silent installs --accept says yes to what is asked; everything is still printed, for the
installation's log. --revocation-code-file writes the revocation code to a new file instead,
for this user's eyes only: take it to the safe, and delete the file.`,
		Example: `  rollbridge-agent enrol RB1-…
  rollbridge-agent enrol - --accept --revocation-code-file safe.txt < code.txt`,
		Args: arguments(0, 1, "give one code, in quotes if it holds spaces"),
		RunE: func(c *cobra.Command, args []string) error {
			code, err := p.code(args, file)
			if err != nil {
				return err
			}
			set, err := p.settings()
			if err != nil {
				return err
			}
			if safe != "" {
				if err := vacant(safe, set.DataDir); err != nil {
					return err
				}
			}
			return p.enrolWith(c.Context(), set, code, yes{accept, safe})
		},
	}
	c.Flags().BoolVar(&accept, "accept", false, "say yes to what is asked, for silent installs")
	c.Flags().StringVar(&file, "code-file", "", "read the code from a `file`")
	c.Flags().StringVar(&safe, "revocation-code-file", "", "write the revocation code to a new `file` instead of printing it")
	return c
}

// yes is how an enrolment is agreed to where nobody may be present.
type yes struct {
	accept bool
	safe   string // file for the revocation code, "" prints it
}

// vacant refuses a file for the revocation code before anything is made.
func vacant(path, dataDir string) error {
	if _, err := os.Lstat(path); err == nil {
		return &school.Fault{Kind: school.Refused, Text: "there is already a file of the name that --revocation-code-file gives, and none is overwritten: nothing was changed; name another"}
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil || !info.IsDir() {
		return &school.Fault{Kind: school.Refused, Text: "there is no directory for the file that --revocation-code-file gives: nothing was changed; name a file in one that exists"}
	}
	if inside, err := os.Stat(dataDir); err == nil && os.SameFile(info, inside) {
		return &school.Fault{Kind: school.Refused, Text: "the revocation code is for the day on which this machine is lost: nothing was changed; name a file outside the data directory, and take it to the safe"}
	}
	return nil
}

// putAway writes the revocation code to a new file.
func putAway(path, code string) error {
	if err := saveNew(path, func(w io.Writer) error { _, err := io.WriteString(w, code+"\n"); return err }); err != nil {
		return fmt.Errorf("write the revocation code: %w: run the same command again with another file", err)
	}
	return nil
}

// code reads the enrolment code; errors hold nothing of it.
func (p *program) code(args []string, file string) (protocol.Code, error) {
	const most = 4096
	var text string
	switch {
	case file != "" && len(args) > 0:
		return protocol.Code{}, usageError{errors.New("give the code once: as an argument or with --code-file")}
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return protocol.Code{}, fmt.Errorf("read the code: %w", err)
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, most))
		if err != nil {
			return protocol.Code{}, fmt.Errorf("read the code: %w", err)
		}
		text = string(data)
	case len(args) == 0:
		return protocol.Code{}, usageError{errors.New("give the enrolment code that the operator sent; see `rollbridge-agent enrol --help`")}
	case args[0] == "-":
		line, err := p.in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return protocol.Code{}, fmt.Errorf("read the code: %w", err)
		}
		text = line
	default:
		text = args[0]
	}
	code, err := protocol.ParseCode(strings.TrimPrefix(strings.TrimSpace(text), "\ufeff"))
	if err != nil {
		return protocol.Code{}, usageError{err}
	}
	return code, nil
}

func (p *program) enrolWith(ctx context.Context, set settings.Settings, code protocol.Code, agreed yes) error {
	log := slog.New(slog.DiscardHandler)
	if done, err := p.enrolledByService(ctx, set, code); done || err != nil {
		return err
	}
	e, err := enrol.Find(ctx, set, code, log)
	if err != nil {
		return err
	}
	if e == nil {
		if err := p.deliverEarlierRevoke(ctx, set); err != nil {
			return err
		}
		offer, err := enrol.Ask(ctx, set, code)
		if err != nil {
			return err
		}
		p.showAsk(offer.Ask)
		if !agreed.accept && !p.yes("Does the school agree that this leaves for the authorities named?") {
			return &school.Fault{Kind: school.Refused, Text: "nothing was agreed, so nothing was changed: run the command again when the school has decided, or with --accept for a silent install"}
		}
		if e, err = offer.Accept(ctx, set, log); err != nil {
			return err
		}
	}
	defer e.Close()
	return p.await(ctx, e, agreed.safe)
}

// enrolledByService answers for a service that already has the school open.
func (p *program) enrolledByService(ctx context.Context, set settings.Settings, code protocol.Code) (bool, error) {
	var st school.Status
	done, err := byService(ctx, set.DataDir, askStatus, nil, &st)
	if err != nil || !done {
		return false, err
	}
	if st.Code != enrol.KeyOf(code).String() {
		return false, enrol.ErrEnrolled
	}
	p.showEnrolled(st)
	return true, nil
}

// deliverEarlierRevoke makes sure that a new enrolment does not overtake the
// revoke of the one before.
func (p *program) deliverEarlierRevoke(ctx context.Context, set settings.Settings) error {
	if !school.RevokeWaits(set.DataDir) {
		return nil
	}
	err := school.DeliverRevoke(ctx, set.DataDir, slog.New(slog.DiscardHandler))
	switch {
	case errors.Is(err, school.ErrNotEntered):
		return fmt.Errorf("the revoke of the earlier enrolment has to be finished first: %w", readable(err))
	case err != nil:
		return fmt.Errorf("the revoke of the earlier enrolment has to reach the collector first: %w", err)
	}
	return nil
}

// await prints what a person needs as soon as the collector has the request,
// and then waits a while for its decision.
func (p *program) await(ctx context.Context, e *enrol.Enrolment, safe string) error {
	ctx, cancel := context.WithTimeout(ctx, decisionTime)
	defer cancel()
	told := func() error {
		st, err := e.Status()
		if err != nil {
			return err
		}
		p.showEnrolled(st)
		code, err := e.RevocationCode()
		if err != nil || code == "" {
			return err
		}
		if safe != "" {
			if err := putAway(safe, code); err != nil {
				return err
			}
			p.printf("\nThe revocation code, for the head teacher's safe, is in the file that you named.\nTake it there and delete the file: it is kept nowhere else.\n")
			return e.Shown()
		}
		if _, err := fmt.Fprintf(p.Out, "\nRevocation code, for the head teacher's safe: %s\n"+
			"It proves to the collector's operator that the school wants this agent stopped, if this machine\nis lost. It is shown only now and kept nowhere on this machine.\n", code); err != nil {
			return fmt.Errorf("show the revocation code: %w", err)
		}
		return e.Shown()
	}
	decided, err := e.Await(ctx, told)
	switch {
	case err != nil:
		return err
	case !decided:
		p.note("The collector has the request and has not decided yet. The service goes on asking (`rollbridge-agent run`); `rollbridge-agent status` shows when it is done.")
	default:
		p.note("Enrolled. Look at what would leave with `rollbridge-agent preview`; `rollbridge-agent run` is the service.")
	}
	return nil
}

func (p *program) showEnrolled(st school.Status) {
	p.printf("Phrase to read to the collector's operator: %s\n", st.Phrase)
	p.printf("The operator sees the same phrase and confirms it.\n")
}

func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &school.Fault{Kind: school.Refused, Text: "you may not read the agent's data: run the command as an administrator or as the service's own user"}
	}
	return err
}
