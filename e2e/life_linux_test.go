package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// TestLife runs the whole life of a school with Rollbridge as one script of the
// commands that people give: testdata/life/life.txtar. Read that.
func TestLife(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd is not installed") //ci:needs systemd-analyze
	}
	clock := filepath.Join(t.TempDir(), "clock")
	setClock(t, clock, 0)
	w := emptyWorld(t, small())
	w.ctx = boundedBy(t, 20*time.Minute)
	w.setUpMIS(w.school.TablesSQL, stack.MISOptions{})
	w.startCollector(stack.CollectorOptions{Clock: clock})
	for _, a := range w.school.Authorities() {
		_, err := w.collector.Command(w.ctx, "authority", "add", a, "--why", "Promote the education of looked-after children (Children Act 1989 s22(3A))")
		w.must(err)
	}
	l := &life{world: w, clock: clock, servers: map[string]*server{}}
	for _, name := range []string{"old", "new"} {
		l.servers[name] = l.newServer(name)
	}
	testscript.Run(t, testscript.Params{
		Files:               []string{"testdata/life/life.txtar"},
		RequireExplicitExec: true,
		Condition: func(condition string) (bool, error) {
			return condition == "systemd" && l.servers["old"].machine != nil, nil
		},
		Setup: func(e *testscript.Env) error {
			// A directory that is each server's own.
			e.Setenv("HANDOVER", "/var/lib/oakmere.move")
			if l.servers["old"].machine == nil {
				e.Setenv("HANDOVER", filepath.Join(e.WorkDir, "oakmere.move"))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": l.server, "agent": l.agent, "run": l.run, "carry": l.carry, "collector": l.operator, "network": l.network,
			"keep": l.keep, "holds": l.holds, "until": l.until, "days": l.days, "mark": l.mark,
			"write": write, "ask": l.ask, "deny": l.deny,
		},
	})
}

// A life is what the script's own commands work on.
type life struct {
	*world
	clock   string
	servers map[string]*server
	here    *server
}

// A server of the school. Where this user may not have a systemd of its own the
// programs run as they do everywhere else.
type server struct {
	*machine
	agent *stack.Agent
}

func (l *life) newServer(name string) *server {
	l.t.Helper()
	a, err := stack.NewAgent(programs, filepath.Join(l.dir, name), l.source(), stack.AgentOptions{})
	l.must(err)
	l.t.Cleanup(func() {
		if err := a.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return &server{machine: newMachine(l.world, a), agent: a}
}

// command is one of the agent's on this server.
func (s *server) command(args ...string) []string {
	if s.machine == nil {
		return slices.Concat([]string{"env"}, s.agent.Env(), []string{programs.Agent}, args)
	}
	return s.inside(append([]string{"/opt/rollbridge/rollbridge-agent"}, args...)...)
}

func (s *server) inside(args ...string) []string {
	return append([]string{"nsenter", "-t", s.pid, "-m", "-p", "-u", "-i", "-C"}, args...)
}

// server NAME: where the commands of school IT are given from here on.
func (l *life) server(_ *testscript.TestScript, _ bool, args []string) { l.here = l.servers[args[0]] }

// agent [CODE] ARGUMENT…: a command of school IT, which ends with this code.
func (l *life) agent(ts *testscript.TestScript, _ bool, args []string) {
	want, args := ending(args)
	ends(ts, want, l.here.command(args...))
}

// collector [CODE] ARGUMENT…: a command of the operator.
func (l *life) operator(ts *testscript.TestScript, _ bool, args []string) {
	want, args := ending(args)
	ends(ts, want, l.operation(args...))
}

func (l *life) operation(args ...string) []string {
	return slices.Concat([]string{"env"}, l.collector.Env(), []string{programs.Collector}, args)
}

// ask DATASET…: the operator enters what each authority asks of the school.
func (l *life) ask(ts *testscript.TestScript, _ bool, args []string) {
	for _, authority := range l.school.Authorities() {
		provision := []string{"school", "provision", schoolID, "--authority", authority}
		for _, d := range args {
			provision = append(provision, "--dataset", d)
		}
		ends(ts, 0, l.operation(provision...))
	}
}

// deny DATASET: school IT says no to it, for every authority.
func (l *life) deny(ts *testscript.TestScript, _ bool, args []string) {
	var parts []string
	for _, authority := range l.school.Authorities() {
		parts = append(parts, authority+"."+args[0])
	}
	ends(ts, 0, l.here.command(append([]string{"scope", "deny"}, parts...)...))
}

func ending(args []string) (int, []string) {
	if code, err := strconv.Atoi(args[0]); err == nil {
		return code, args[1:]
	}
	return 0, args
}

func ends(ts *testscript.TestScript, want int, command []string) {
	err := ts.Exec(command[0], command[1:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("it ends with %d, want %d", got, want)
	}
}

// run: the service, where there is no systemd to start it.
func (l *life) run(ts *testscript.TestScript, _ bool, _ []string) {
	_, err := l.here.agent.Start(l.ctx)
	ts.Check(err)
}

// carry FILE FROM TO: from one server to the other, as on a stick.
func (l *life) carry(ts *testscript.TestScript, _ bool, args []string) {
	from, to := l.servers[args[1]], l.servers[args[2]]
	if from.machine == nil {
		return
	}
	read := exec.Command("nsenter", from.inside("cat", args[0])[1:]...)
	data, err := read.Output()
	ts.Check(err)
	write := exec.Command("nsenter", to.inside("sh", "-c", "umask 077; cat >"+args[0])[1:]...)
	write.Stdin = strings.NewReader(string(data))
	ts.Check(write.Run())
}

// network up|down: whether the collector can be reached.
func (l *life) network(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "down" {
		ts.Check(l.collector.Close())
		return
	}
	_, err := l.collector.Start(l.ctx, "")
	ts.Check(err)
}

// keep NAME PATTERN: puts what the group in the pattern finds in the last output
// into a variable.
func (l *life) keep(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("nothing in the output matches %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// write FILE TEXT: what somebody has written down.
func write(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"), 0o600))
}

// holds DATASET…: waits until the collector holds exactly what the MIS holds of
// these datasets, and nothing else. With ! before it: it does not now.
func (l *life) holds(ts *testscript.TestScript, not bool, args []string) {
	q := oracle.Question{}
	for _, d := range args {
		q.Datasets = append(q.Datasets, record.Dataset(d))
	}
	want, err := q.Answer(l.school)
	ts.Check(err)
	if not {
		got, err := l.collector.Records(l.ctx, schoolID)
		ts.Check(err)
		if oracle.Same(want, got) == nil {
			ts.Fatalf("the collector holds what the MIS holds")
		}
		return
	}
	ts.Check(stack.Await(l.ctx, "the collector to hold what the MIS holds", func() (bool, error) {
		got, err := l.collector.Records(l.ctx, schoolID)
		if err != nil {
			return false, err
		}
		err = oracle.Same(want, got)
		return err == nil, err
	}))
}

// until PATTERN agent|collector ARGUMENT… [<FILE]: gives the command again until
// its output matches. What it reads comes from the file, each time: stdin's word
// would be there for the first only.
func (l *life) until(ts *testscript.TestScript, _ bool, args []string) {
	want, who, args := regexp.MustCompile(args[0]), args[1], args[2:]
	from := os.DevNull
	if file, found := strings.CutPrefix(args[len(args)-1], "<"); found {
		from, args = ts.MkAbs(file), args[:len(args)-1]
	}
	command := l.operation(args...)
	if who == "agent" {
		command = l.here.command(args...)
	}
	command = append([]string{"sh", "-c", `exec "$@" <"$0"`, from}, command...)
	ts.Check(stack.Await(l.ctx, "a command to say "+want.String(), func() (bool, error) {
		err := ts.Exec(command[0], command[1:]...)
		out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
		if want.MatchString(out) {
			return true, nil
		}
		return false, fmt.Errorf("it said (%w):\n%s", err, out)
	}))
}

// days N: the collector's clock goes on by that many days.
func (l *life) days(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ahead := time.Duration(n) * 24 * time.Hour
	ts.Check(os.WriteFile(l.clock+".new", []byte(ahead.String()), 0o644))
	ts.Check(os.Rename(l.clock+".new", l.clock))
}

// mark CODE: a register is changed in the MIS.
func (l *life) mark(ts *testscript.TestScript, _ bool, args []string) {
	p := l.school.LookedAfter()[0]
	ts.Check(l.school.ChangeMark(p.ID, l.school.Today(), demoschool.AM, args[0]))
	ts.Check(l.mis.Write(l.ctx))
}
