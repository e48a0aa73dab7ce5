package cli_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"

	"rollbridge/collector/cli"
	"rollbridge/collector/database"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rollbridge-collector": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(cli.Run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
		},
		"token-signer": tokenSigner,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROLLBRIDGE_COLLECTOR_DATA_DIR", e.WorkDir+"/data")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "xlsx": xlsx, "released": released, "carry": carry, "program": program, "believed": believed, "sql": sqlite},
	})
}

// exits runs the program and checks how it ends: exits CODE ARGUMENT…
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("rollbridge-collector", args[1:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("it exits %d, want %d", got, want)
	}
}

// sqlite runs a statement on the collector's database, around the program: sql STATEMENT.
func sqlite(ts *testscript.TestScript, not bool, args []string) {
	db, err := database.Connect(context.Background(), "sqlite:"+ts.Getenv("ROLLBRIDGE_COLLECTOR_DATA_DIR")+"/collector.db")
	ts.Check(err)
	err = db.Write(context.Background(), func(tx *database.Tx) error {
		_, err := tx.Exec(context.Background(), args[0])
		return err
	})
	ts.Check(db.Close())
	if not && err != nil {
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
	if ts.Check(err); not {
		ts.Fatalf("the database took it")
	}
}

// xlsx writes a workbook of a CSV file: xlsx FROM TO.
func xlsx(ts *testscript.TestScript, _ bool, args []string) {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	f := excelize.NewFile()
	for i, row := range rows {
		ts.Check(f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row))
	}
	ts.Check(f.SaveAs(ts.MkAbs(args[1])))
	ts.Check(f.Close())
}

// released imports a roster with the code that the first try prints: released
// FILE AUTHORITY.
func released(ts *testscript.TestScript, _ bool, args []string) {
	exits(ts, false, []string{"3", "roster", "import", args[1], args[0], "--json"})
	var d struct{ Release string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &d))
	exits(ts, false, []string{"0", "roster", "import", args[1], args[0], "--release", d.Release})
}
