package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/agent/check"
	"rollbridge/agent/control"
	"rollbridge/agent/identity"
	"rollbridge/agent/school"
	"rollbridge/agent/service"
	"rollbridge/agent/settings"
	"rollbridge/agent/update"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// askCheck asks the service for what only it can look at.
const askCheck = "check"

// answerTime is how long a service may take to say how it stands.
const answerTime = 10 * time.Second

type checkFlags struct {
	asJSON           bool
	codeFile, bundle string
}

func (p *program) check() *cobra.Command {
	var flags checkFlags
	c := &cobra.Command{
		Use:   "check [-]",
		Short: "Try everything that the agent needs; say what to do and whom to ask",
		Long: `Looks at this computer, the way to the collector, the MIS and the school's state, and prints a
line for each thing: ✓ as it should be, ! look at it, ✗ put it right, – not tried, and why not.
Every line comes from a real try: the collector is asked for a signed answer, the MIS is read
as far as that is possible without a pupil's name, a file is written and removed. Nothing is
kept, and nothing is sent but a check-in. It works beside the running service, which then does
what only it can. docs/check.md explains each line.

Before an enrolment, give the code with --code-file or on standard input (-): the way to the
collector is tried and its offer asked for, which does not use the code up.

--bundle writes a file for whoever helps you. It is made of codes, numbers and times only: no
name, no address, no password and nothing of any pupil is in it.

Exit code 0 if nothing is marked ✗, 3 if something is.`,
		Example: `  rollbridge-agent check
  rollbridge-agent check - < code.txt
  rollbridge-agent check --bundle rollbridge-support.zip`,
		Args: arguments(0, 1, "give - to read a code from standard input, and nothing else"),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "-" {
				return usageError{errors.New("give a code with --code-file or on standard input (-), so that it is not in the list of commands, which others may read")}
			}
			found, err := p.checked(c.Context(), args, flags.codeFile)
			if err != nil {
				return err
			}
			if flags.bundle != "" {
				if err := check.WriteBundle(flags.bundle, found); err != nil {
					return err
				}
				p.note("%s is written, for whoever helps you: it holds codes, numbers and times only", flags.bundle)
			}
			return p.showCheck(found.Report, flags.asJSON)
		},
	}
	c.Flags().BoolVar(&flags.asJSON, "json", false, "print the lines as JSON")
	c.Flags().StringVar(&flags.codeFile, "code-file", "", "read an enrolment code from a `file`, and try its way")
	c.Flags().StringVar(&flags.bundle, "bundle", "", "write a `file` (zip) for whoever helps you")
	return c
}

func (p *program) showCheck(r check.Report, asJSON bool) error {
	if asJSON {
		if err := p.printJSON(r); err != nil {
			return err
		}
	} else {
		for i, l := range r.Lines {
			if l.State == check.Untried {
				p.showUntried(r.Lines, i)
				continue
			}
			p.printf("%s %-10s %s\n", l.State.Mark(), l.ID, l.What)
			if l.State == check.Warn || l.State == check.Bad {
				p.printf("    What to do: %s\n    Whom to ask: %s\n", l.Do, l.Whom)
			}
		}
	}
	if r.Lines[0].State == check.Untried {
		return &school.Fault{Kind: school.Refused, Text: check.NotAllowed}
	}
	if r.Worst == check.Bad {
		return &school.Fault{Kind: school.Refused, Text: "put right what is marked ✗, and run this command again"}
	}
	return nil
}

// showUntried prints the things that were not tried for one reason on one line, where
// the first of them stands.
func (p *program) showUntried(lines []check.Line, at int) {
	var names []string
	for i, l := range lines {
		if l.State != check.Untried || l.What != lines[at].What {
			continue
		}
		if i < at {
			return // printed
		}
		if !slices.Contains(names, string(l.ID)) {
			names = append(names, string(l.ID))
		}
	}
	p.printf("%s %-10s %s\n", check.Untried.Mark(), strings.Join(names, ", "), lines[at].What)
}

// checked makes the check.
func (p *program) checked(ctx context.Context, args []string, codeFile string) (check.Found, error) {
	set, explained, err := settings.Load(p.given, p.Environ)
	found := check.Found{Explained: explained, DataDir: set.DataDir}
	if err != nil {
		found.Report = check.NewReport(check.BadSettings(err))
		return found, nil
	}
	file, err := settings.File(p.given, p.Environ)
	if err != nil {
		return found, fmt.Errorf("find the settings: %w", err)
	}
	lines := append([]check.Line{check.GoodSettings(file)}, check.Machine(set, file)...)
	c := checking{set: set}
	c.look(ctx)
	found.Status, found.Log = c.status, c.log
	lines = check.Replace(lines, c.lines...)
	if len(args) > 0 || codeFile != "" {
		way, err := p.offered(ctx, set, args, codeFile)
		if err != nil {
			return found, err
		}
		lines = check.Replace(lines, way...)
	}
	lines = append(lines, p.programLines(ctx)...)
	found.Report = check.NewReport(lines)
	return found, nil
}

// updateTime is how long the repository of releases is asked: a broken one must
// not keep the other lines away.
const updateTime = time.Minute

// programLines say how the program is kept current.
func (p *program) programLines(ctx context.Context) []check.Line {
	cur, err := p.currency("")
	if err != nil {
		return check.NoProgram(err.Error())
	}
	var altered []string
	for _, v := range compareAll(update.Default().Dir) {
		if v.Released != nil && !*v.Released {
			altered = append(altered, v.File)
		}
	}
	switch cur.Off() {
	case protocol.UpdateOffBuild, protocol.UpdateOffPlace, protocol.UpdateOffSetting:
		return check.Program(cur.Status(), altered)
	}
	limited, cancel := context.WithTimeout(ctx, updateTime)
	defer cancel()
	answer, err := p.asked(limited, updateFlags{}, updateRequest{})
	switch {
	case err != nil && limited.Err() != nil:
		return check.NoProgram("the repository of releases did not answer in time")
	case err != nil:
		return check.NoProgram(err.Error())
	case answer.Refused && answer.Status.Off == "":
		return check.NoProgram(answer.Fault)
	}
	return check.Program(answer.Status, altered)
}

// offered looks at the way that a code names.
func (p *program) offered(ctx context.Context, set settings.Settings, args []string, file string) ([]check.Line, error) {
	code, err := p.code(args, file)
	switch {
	case errors.As(err, new(usageError)):
		return check.WrongCode(err), nil
	case err != nil:
		return nil, err
	}
	return check.Offered(ctx, set, code), nil
}

// A checking is what is found of a school, by its running service as far as
// there is one.
type checking struct {
	set    settings.Settings
	lines  []check.Line
	status *school.Status
	log    []check.Logged
}

func (c *checking) add(lines ...check.Line) { c.lines = append(c.lines, lines...) }

// look asks the service, or does by itself what the service would.
func (c *checking) look(ctx context.Context) {
	client := control.NewClient(c.set.DataDir)
	var st school.Status
	err := client.Call(ctx, askStatus, answerTime, nil, &st)
	no, _ := errors.AsType[*control.Refusal](err)
	switch {
	case errors.Is(err, control.ErrNoService):
		c.alone(ctx, "not_running")
	case no != nil && no.Code == idle:
		c.alone(ctx, check.Good)
	case errors.Is(err, fs.ErrPermission):
		c.add(check.Away(check.NotAllowed)...)
		c.add(check.Skip(check.NotAllowed, check.Service)...)
		c.add(check.Source(ctx, c.set)...)
	case err != nil:
		c.silent(ctx)
	case st.Version != version.Version:
		c.status = &st
		c.add(check.Stands(st)...)
		c.add(check.NoWay("the running service is of another version")...)
		c.add(check.Source(ctx, c.set)...)
		c.add(c.service(ctx, check.Good), check.OtherVersion(st.Version))
	default:
		c.status = &st
		c.byService(ctx, client)
	}
}

func (c *checking) byService(ctx context.Context, client *control.Client) {
	var answer check.Answer
	if err := client.Call(ctx, askCheck, 0, check.Question{Settings: check.Fingerprint(c.set)}, &answer); err != nil {
		c.silent(ctx)
		return
	}
	c.lines, c.log = append(answer.Lines, c.service(ctx, check.Good)), answer.Log
}

// service says how the service stands. What its manager cannot say is left out.
func (c *checking) service(ctx context.Context, cause check.Cause) check.Line {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	installed, err := service.Look(limited)
	if err != nil {
		installed = service.State{Installed: installed.Installed}
	}
	return check.ServiceLine(cause, installed)
}

func (c *checking) silent(ctx context.Context) {
	c.add(check.Away("the service holds the school's state, and does not answer")...)
	c.add(check.Source(ctx, c.set)...)
	c.add(c.service(ctx, "silent"))
}

// alone looks where no service has the school open.
func (c *checking) alone(ctx context.Context, running check.Cause) {
	st := school.StatusWithout(c.set.DataDir)
	_, enrolled := school.Enrolled(c.set.DataDir)
	switch {
	case st.State != school.NotEnrolled:
		c.none(ctx, st, running, "the school has stopped, and nothing more is sent")
	case enrolled:
		c.open(ctx, running)
	case checkReadable(c.set.DataDir) != nil:
		c.add(check.Away(check.NotAllowed)...)
		c.add(check.Source(ctx, c.set)...)
		c.add(c.service(ctx, running))
	default:
		c.none(ctx, st, running, "no school is enrolled here; with --code-file the way that a code names is tried")
	}
}

// none looks where there is no school to open.
func (c *checking) none(ctx context.Context, st school.Status, running check.Cause, why string) {
	if running != check.Good && !st.RevokeWaits {
		running = "not_needed"
	}
	c.status = &st
	c.add(check.Stands(st)...)
	c.add(check.NoWay(why)...)
	c.add(check.Source(ctx, c.set)...)
	c.add(c.service(ctx, running))
}

// open opens the school to look.
func (c *checking) open(ctx context.Context, running check.Cause) {
	err := direct(ctx, c.set, func(s *school.School) error {
		c.lines = check.Inside(ctx, c.set, s)
		st, err := s.Status()
		c.status = &st
		return err
	})
	switch {
	case len(c.lines) > 0:
	case errors.Is(err, fs.ErrPermission):
		c.add(check.Away(check.NotAllowed)...)
	case errors.Is(err, identity.ErrMissing), errors.Is(err, school.ErrInUse):
		c.add(check.Away(err.Error())...)
	default:
		c.add(check.Damaged(err)...)
	}
	if len(c.lines) == 0 || err != nil {
		c.add(check.Source(ctx, c.set)...)
	}
	c.add(c.service(ctx, running))
}

// answerCheck does for the command what only the service can.
func (s *worker) answerCheck(ctx context.Context, in json.RawMessage) (any, error) {
	return s.on(func(sch *school.School) (any, error) {
		q, err := decode[check.Question](in)
		if err != nil {
			return nil, err
		}
		return check.AnswerTo(ctx, q, s.set, sch, s.recent), nil
	})
}
