package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/microsoft/go-mssqldb" // the driver sqlserver

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// administratorFile is in the demo's directory and holds the way to the MIS's
// database, with its administrator's password, for -sql of another process.
const administratorFile = "administrator.dsn"

func (d *demo) setUpMIS(ctx context.Context) (err error) {
	d.title("The school's MIS is a database on SQL Server")
	if d.mis, err = stack.NewMIS(ctx, filepath.Join(d.dir, "mis"), d.school.TablesSQL, stack.MISOptions{}); err != nil {
		return err
	}
	dsn, err := d.mis.AdministratorDSN()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, administratorFile), []byte(dsn), 0o600); err != nil {
		return fmt.Errorf("keep the way to the MIS: %w", err)
	}
	at := d.mis.Server()
	if d.mis.Instance.StandIn() != nil {
		d.say("   None is installed here: a stand-in speaks its protocol, encrypted, at %s:%d. The agent cannot tell", at.Host, at.Port)
		d.say("   (e2e/standin/doc.go says what it is not).")
	} else {
		d.say("   It is at %s:%d, in the database %s.", at.Host, at.Port, at.Database)
	}
	d.say("   Its administrator runs the T-SQL that docs/mis/sql-views.md prints, to the letter (what it makes, here):")
	for line := range strings.Lines(d.mis.Script) {
		if word, _, _ := strings.Cut(line, " "); slices.Contains([]string{"CREATE", "ALTER"}, word) {
			d.say("     %s", strings.TrimSpace(line))
		}
	}
	d.say("   The login may SELECT these views and nothing else; no child is in them whom the MIS plainly calls not looked after.")
	return nil
}

// tryByHand says how to change a mark of a looked-after pupil.
func (d *demo) tryByHand() {
	at := d.mis.Server()
	d.say("   The school's MIS       SQL Server at %s:%d, database %s. Change a mark of a looked-after child there:", at.Host, at.Port, at.Database)
	d.say("     %s -in %s -sql \"%s\"", quoted(self()), quoted(d.dir), d.change())
	d.say("                          then look at preview, sync, and at the page.")
}

// self is this program, as a shell takes it.
func self() string {
	program, err := os.Executable()
	if err != nil {
		return "bin/demo"
	}
	return program
}

// change is T-SQL that makes a difference whatever the mark was.
func (d *demo) change() string {
	pupil, day := d.school.LookedAfter()[0], d.school.Today()
	code := "N"
	for m := range d.school.Marks(pupil.ID) {
		if m.Date.Equal(day) && m.Session == demoschool.AM && m.Code == code {
			code = "I"
		}
	}
	return fmt.Sprintf("UPDATE mis.SessionMark SET Mark = '%s' WHERE StudentID = %s AND MarkDate = '%s' AND Session = 'AM'",
		code, pupil.ID, day.Format("2006-01-02"))
}

// runSQL carries out one statement in the database of the demo that runs in dir.
func runSQL(ctx context.Context, dir, statement string, stdout io.Writer) error {
	dsn, err := os.ReadFile(filepath.Join(dir, administratorFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no demo runs in %q: start one and take the line that it prints", dir)
	case err != nil:
		return fmt.Errorf("read the way to the MIS: %w", err)
	}
	db, err := sql.Open("sqlserver", string(dsn))
	if err != nil {
		return fmt.Errorf("connect to the MIS: %w", err)
	}
	defer db.Close()
	done, err := db.ExecContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("run the T-SQL: %w", err)
	}
	rows, err := done.RowsAffected()
	if err != nil {
		return fmt.Errorf("run the T-SQL: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "Rows changed in the MIS: %d.\n", rows)
	return err
}
