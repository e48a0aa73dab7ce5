package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// asked are the datasets that the schools of the benchmarks are asked for.
var asked = []string{"pupil", "contact", "attendance"}

// newReportRoute makes the school a SIMS that is read by its reports.
func (s *site) newReportRoute(ctx context.Context, school *demoschool.School) (*route, error) {
	folder := filepath.Join(s.dir, fmt.Sprintf("mis-sims-%d", s.schools))
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	program, err := stack.BuildReporter(ctx, folder)
	if err != nil {
		return nil, err
	}
	db, captions, err := stack.Reports("")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(school.WriteCSV(folder), db.Write(folder)); err != nil {
		return nil, err
	}
	r := &route{
		name: "sims-report", unit: "records", bareName: "bare parse", yardstick: childReport, memory: 60,
		source: stack.Reporter{Path: program, Server: folder, Database: db.Name, Columns: captions}.Source("sims-report"),
	}
	r.yardstickArgs = []string{program, folder}
	for _, name := range slices.Sorted(maps.Keys(db.Reports)) {
		if slices.ContainsFunc(asked, func(d string) bool { return db.Reports[name].File == fileOf(d) }) {
			r.yardstickArgs = append(r.yardstickArgs, name)
		}
	}
	return r, nil
}

func fileOf(dataset string) string {
	for _, f := range demoschool.CSVFiles() {
		if f.Dataset == dataset {
			return f.Name
		}
	}
	return ""
}

// parseReports is the yardstick of reading reports: the same program run for the
// same reports, every element of what it prints, records counted.
func parseReports(program string, args []string) error {
	records := 0
	for _, name := range args[1:] {
		n, err := parseReport(program, args[0], name)
		if err != nil {
			return fmt.Errorf("yardstick: %s: %w", name, err)
		}
		records += n
	}
	_, err := fmt.Println(records)
	return err
}

func parseReport(program, folder, name string) (n int, err error) {
	cmd := exec.Command(program, "/TRUSTED", "/SERVERNAME:"+folder, "/DATABASENAME:SIMS", "/REPORT:"+name, "/QUIET")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	d := xml.NewDecoder(out)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n, cmd.Wait()
		} else if err != nil {
			return n, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "Record" {
			n++
		}
	}
}
