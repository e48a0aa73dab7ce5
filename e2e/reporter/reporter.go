// Package reporter stands in for SIMS's CommandReporter, as far as the vendor
// documents it and public scripts show it: its switches, its XML, its errors.
// It is a program of its own (cmd), so that it is started, read and killed as
// the real one is.
//
// Its SIMS is a folder, which /SERVERNAME names: the demo school's CSV files, and
// a [Database] that says who may sign in, which reports there are, and what goes
// wrong. It is no SIMS: what a real one does beyond that is not known to it.
package reporter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Database is what SIMS holds beside the school's data.
type Database struct {
	Name string
	// Users who may sign in, with their passwords. Trusted: the Windows account
	// may too.
	Users   map[string]string
	Trusted bool
	// ThirdParty: whoever signs in is in the group Third Party Reporter, without
	// which ids are left out of every report.
	ThirdParty bool
	// Hidden are captions that the user has no right to.
	Hidden  []string
	Reports map[string]Report
	// Troubles say what goes wrong in a report, by its name.
	Troubles map[string]Trouble
	// Watch is an address that everything which hangs keeps a connection to, so
	// that its end is seen.
	Watch string
}

// A Report is one definition.
type Report struct {
	File    string // a CSV file in the folder
	Columns []Column
	// Range is the id of its parameter for a range of dates, of the column Date;
	// empty if it has none.
	Range string
}

// A Column is a column of a report: its caption, and the heading in the file.
type Column struct {
	Caption, Heading string
	ID               bool
}

// A Trouble is something that goes wrong.
type Trouble string

// Troubles.
const (
	Refused  Trouble = "an error, with exit code 0"
	Silent   Trouble = "nothing printed, with exit code 0"
	Words    Trouble = "a sentence in place of XML"
	Cut      Trouble = "the output stops in the middle, with exit code 0"
	ExitCode Trouble = "a whole report, and an exit code that is not 0"
	Drip     Trouble = "a byte every half second"
	Hang     Trouble = "nothing more after the first record, with a child of its own that hangs too"
)

const databaseFile = "sims.json"

// Write puts the database into the folder.
func (d Database) Write(dir string) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write the stand-in's database: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, databaseFile), text, 0o600); err != nil {
		return fmt.Errorf("write the stand-in's database: %w", err)
	}
	return nil
}

func open(dir string) (Database, error) {
	var d Database
	text, err := os.ReadFile(filepath.Join(dir, databaseFile))
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

// Main is the program: its exit code. As the real one it says 0 of most failures.
func Main(args []string, out, errOut io.Writer) int {
	s := switches(args)
	if address, child := s["/CHILD"]; child {
		return hang(address)
	}
	fmt.Fprintln(errOut, "CommandReporter: this goes to nobody")
	db, err := open(s["/SERVERNAME"])
	if err == nil {
		err = db.admits(s)
	}
	report, known := db.Reports[s["/REPORT"]]
	if err == nil && !known {
		err = errors.New("no such report")
	}
	if err == nil {
		return db.run(s, report, out)
	}
	printError(out, err)
	return 0
}

// switches are the arguments by name; those without a value have "".
func switches(args []string) map[string]string {
	found := map[string]string{}
	for _, a := range args {
		name, value, _ := strings.Cut(a, ":")
		found[strings.ToUpper(name)] = value
	}
	return found
}

var known = []string{"/USER", "/PASSWORD", "/TRUSTED", "/SERVERNAME", "/DATABASENAME", "/REPORT", "/PARAMS", "/QUIET"}

func (d Database) admits(s map[string]string) error {
	for name := range s {
		if !slices.Contains(known, name) {
			return errors.New("unknown switch")
		}
	}
	if s["/DATABASENAME"] != d.Name {
		return errors.New("no such database")
	}
	if _, trusted := s["/TRUSTED"]; trusted && d.Trusted {
		return nil
	}
	if password, there := d.Users[s["/USER"]]; there && password == s["/PASSWORD"] {
		return nil
	}
	return errors.New("sign-in failed")
}

func printError(out io.Writer, err error) {
	fmt.Fprintf(out, "<CommandReporterError>%s</CommandReporterError>\r\n", err)
}

// run makes one report, with what goes wrong in it.
func (d Database) run(s map[string]string, report Report, out io.Writer) int {
	trouble := d.Troubles[s["/REPORT"]]
	switch trouble {
	case Refused:
		// The real one's words may name anybody.
		printError(out, fmt.Errorf("cannot show %s", d.somebody(s["/SERVERNAME"], report)))
		return 0
	case Silent:
		return 0
	case Words:
		fmt.Fprintf(out, "SIMS is being upgraded by %s.\r\n", d.somebody(s["/SERVERNAME"], report))
		return 0
	case Drip:
		out = drip{out}
	case Cut:
		out = &cut{out: out, left: 400}
	case Hang:
		fmt.Fprint(out, "<SuperStarReport><Record>")
		self, err := os.Executable()
		if err != nil {
			return 1
		}
		if _, err := os.StartProcess(self, []string{self, "/CHILD:" + d.Watch}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, nil}}); err != nil {
			return 1
		}
		return hang(d.Watch)
	}
	if err := d.print(s, report, out); err != nil {
		printError(out, err)
	}
	if trouble == ExitCode {
		return 3
	}
	return 0
}

// hang keeps a connection for as long as the process lives, and returns the
// code to end with if it is let go.
func hang(address string) int {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 1
	}
	_, _ = c.Read(make([]byte, 1)) // nobody writes
	return 1
}

type drip struct{ out io.Writer }

func (d drip) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.out.Write(p[i : i+1]); err != nil {
			return i, err
		}
		time.Sleep(500 * time.Millisecond)
	}
	return len(p), nil
}

// cut passes on the first bytes and says that it passed on all.
type cut struct {
	out  io.Writer
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	n := min(c.left, len(p))
	c.left -= n
	if _, err := c.out.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}
