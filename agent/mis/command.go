package mis

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"rollbridge/agent/job"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Command is the program that makes reports: SIMS's CommandReporter.exe on
// this machine, and as whom it signs in. But for AttendanceRange it is no part
// of the fingerprint, which travels.
type Command struct {
	// Path is the full path of the program.
	Path string `json:"-"`
	// Server is host\instance and Database a name; empty is what SIMS on this
	// machine is set up for.
	Server   string `json:"-"`
	Database string `json:"-"`
	// User and Password are those of a SIMS user. Without them the Windows account
	// that the agent runs under signs in.
	User     string `json:"-"`
	Password string `json:"-"`
	// AttendanceRange is the id of the parameter of the attendance report that
	// takes a range of dates; empty if it has none.
	AttendanceRange string
	// Time is the longest that one report may take; 0 is DefaultReportTime.
	Time time.Duration `json:"-"`
}

// DefaultReportTime is the longest that one report may take if nothing is said.
const DefaultReportTime = 15 * time.Minute

// check says whether the program can be run with these settings. It does not
// look for it: a read says so if it is not there.
func (c *Command) check() error {
	if c == nil || c.Path == "" {
		return errors.New("the program that makes reports is not given: set mis.command.path to the full path of CommandReporter.exe")
	}
	var err error
	switch strings.ToLower(filepath.Ext(c.Path)) {
	case ".bat", ".cmd", ".ps1":
		err = errors.New("mis.command.path must be CommandReporter.exe itself, not a script: no shell is used")
	}
	if !filepath.IsAbs(c.Path) {
		err = errors.Join(err, errors.New("mis.command.path must be a full path"))
	}
	for _, s := range []struct{ key, value string }{
		{"server", c.Server}, {"database", c.Database}, {"user", c.User}, {"attendance_range", c.AttendanceRange},
	} {
		if !plainArgument(s.value) {
			err = errors.Join(err, fmt.Errorf("mis.command.%s must not hold quotes or control characters", s.key))
		}
	}
	if strings.ContainsFunc(c.Password, unicode.IsControl) {
		err = errors.Join(err, errors.New("mis.command.password must not hold control characters"))
	}
	if (c.User == "") != (c.Password == "") {
		err = errors.Join(err, errors.New("give mis.command.user and mis.command.password together, or neither to sign in with the Windows account of the service (recommended)"))
	}
	if c.Time < 0 {
		err = errors.Join(err, errors.New("mis.command.report_seconds must not be negative"))
	}
	return err
}

// plainArgument says whether a text stays one argument however the program takes
// its command line apart.
func plainArgument(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r == '"' || unicode.IsControl(r) })
}

// arguments are the switches for one report. Each is one argument, quoted by
// os/exec as Windows programs take them apart; no shell sees them.
func (c *Command) arguments(report, params string) []string {
	args := []string{"/TRUSTED"}
	if c.User != "" {
		args = []string{"/USER:" + c.User, "/PASSWORD:" + c.Password}
	}
	if c.Server != "" {
		args = append(args, "/SERVERNAME:"+c.Server)
	}
	if c.Database != "" {
		args = append(args, "/DATABASENAME:"+c.Database)
	}
	args = append(args, "/REPORT:"+report, "/QUIET")
	if params != "" {
		args = append(args, "/PARAMS:"+params)
	}
	return args
}

// rangeParameter is the text of /PARAMS that asks for a range of dates. That the
// two dates stand in Values as Start and End is published, what stands around
// them is inferred from the parameter of one date.
func rangeParameter(id string, from, to record.Date) string {
	var name strings.Builder
	_ = xml.EscapeText(&name, []byte(id)) // a Builder takes everything
	return fmt.Sprintf("<ReportParameters><Parameter id='%s' subreportfilter='FALSE' bypass='FALSE'><Name>%[1]s</Name><Type>DateRange</Type>"+
		"<Values><DateRange><Start>%sT00:00:00</Start><End>%sT00:00:00</End></DateRange></Values></Parameter></ReportParameters>", name.String(), from, to)
}

// errSlow ends a report that takes too long.
var errSlow = errors.New("a report took too long")

// killed is how long a program that was killed is waited for.
const killed = 5 * time.Second

// runReporter runs the program once and has what it prints read as it comes.
// What it writes as errors goes nowhere: it may name pupils.
func (r *reportReading) runReporter(ctx context.Context, d record.Dataset, read func(io.Reader) error) error {
	c, shown := r.plan.command, r.plan.reportName(d)
	limit := c.Time
	if limit == 0 {
		limit = DefaultReportTime
	}
	params := ""
	if d == record.DatasetAttendance && c.AttendanceRange != "" {
		params = rangeParameter(c.AttendanceRange, r.year, r.ask.Today)
	}
	bound, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
	defer cancel()
	cmd := exec.CommandContext(bound, c.Path, c.arguments(r.plan.datasets[d].report, params)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = filepath.Dir(c.Path), reporterEnvironment(os.Environ()), killed
	together, err := job.New(cmd)
	if err != nil {
		return fmt.Errorf("prepare the run of %s: %w", shown, err)
	}
	defer together.Close()
	cmd.Cancel = together.Kill
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("prepare the run of %s: %w", shown, err)
	}
	if err := cmd.Start(); err != nil {
		return &Error{Problem: protocol.ProblemMISDown, Dataset: d,
			Text: "CommandReporter cannot be started: check mis.command.path, and that the account of the agent may run it"}
	}
	if err := together.Started(); err != nil {
		cancel()
		_ = cmd.Wait() // it was just killed
		return fmt.Errorf("keep the program of %s under control: %w", shown, err)
	}
	// A child of the program that has left its group may hold the pipe open.
	stop := context.AfterFunc(bound, func() { out.Close() })
	defer stop()
	bad := read(out)
	if bad != nil {
		cancel()
	}
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("read %s: %w", shown, ctx.Err())
	case errors.Is(context.Cause(bound), errSlow):
		return &Error{Problem: protocol.ProblemMISDown, Dataset: d, Text: fmt.Sprintf(
			"%s was not finished after %d seconds and was stopped: run it in SIMS at a quiet time to see how long it takes; make its filter or its columns fewer, or raise mis.command.report_seconds", shown, int(limit.Seconds()))}
	case bad != nil:
		return bad
	case ended != nil:
		return &Error{Problem: protocol.ProblemMISDown, Dataset: d, Text: fmt.Sprintf(
			"CommandReporter said that it failed, after %s was printed: nothing of it is used; run the report in SIMS as the user of mis.command to see why", shown)}
	}
	return nil
}

// reporterNeeds are the variables that a program of Windows may need to run at
// all. Those of the agent's own settings, passwords among them, are not passed on.
var reporterNeeds = map[string]bool{
	"ALLUSERSPROFILE": true, "APPDATA": true, "COMMONPROGRAMFILES": true, "COMMONPROGRAMFILES(X86)": true, "COMPUTERNAME": true,
	"HOME": true, "HOMEDRIVE": true, "HOMEPATH": true, "LANG": true, "LOCALAPPDATA": true, "LOGONSERVER": true,
	"NUMBER_OF_PROCESSORS": true, "OS": true, "PATH": true, "PATHEXT": true, "PROCESSOR_ARCHITECTURE": true, "PROGRAMDATA": true,
	"PROGRAMFILES": true, "PROGRAMFILES(X86)": true, "PUBLIC": true, "SYSTEMDRIVE": true, "SYSTEMROOT": true, "TEMP": true,
	"TMP": true, "TMPDIR": true, "USERDOMAIN": true, "USERNAME": true, "USERPROFILE": true, "WINDIR": true,
}

func reporterEnvironment(all []string) []string {
	kept := []string{}
	for _, pair := range all {
		if name, _, _ := strings.Cut(pair, "="); reporterNeeds[strings.ToUpper(name)] {
			kept = append(kept, pair)
		}
	}
	return kept
}
