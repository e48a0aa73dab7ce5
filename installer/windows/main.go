package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "windows:", err)
		os.Exit(1)
	}
}

// An order is what is to be made.
type order struct {
	version  version
	arch     string
	programs string // directory of the programs
	out      string // directory of the MSI
	licence  string // file
	at       time.Time
	tools    tools
}

// archs are those that the MSI can be for, as Windows Installer calls them.
var archs = map[string]string{"amd64": "x64", "arm64": "Arm64"}

func run(ctx context.Context, args, environ []string, say io.Writer) error {
	f := flag.NewFlagSet("windows", flag.ContinueOnError)
	full := f.String("version", "", "the `version` that the programs were built as")
	arch := f.String("arch", "amd64", "the `processor` that they are for: amd64 or arm64")
	programs := f.String("programs", "", "the `directory` of the programs, which get the version and are signed there")
	out := f.String("out", "", "the `directory` for the MSI")
	licence := f.String("licence", "LICENSE", "the `file` of the licence")
	if err := f.Parse(args); err != nil {
		return err
	}
	if archs[*arch] == "" || *programs == "" || *out == "" || f.NArg() > 0 {
		return errors.New("say -version, -arch (amd64 or arm64), -programs and -out, and nothing else")
	}
	v, err := parse(*full)
	if err != nil {
		return err
	}
	at, err := timeOf(lookUp(environ, "SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "rollbridge-msi-")
	if err != nil {
		return fmt.Errorf("make a place to work in: %w", err)
	}
	defer os.RemoveAll(work)
	o := order{version: v, arch: *arch, programs: *programs, out: *out, licence: *licence, at: at, tools: tools{environ: environ, work: work, at: at}}
	return o.make(ctx, signerFrom(environ), say)
}

// make stamps, signs and packs.
func (o order) make(ctx context.Context, s signer, say io.Writer) error {
	for _, p := range programs {
		path := filepath.Join(o.programs, p.file)
		if err := o.tools.stamp(ctx, path, p, o.version); err != nil {
			return err
		}
		if err := s.sign(ctx, o.tools, path, p.title); err != nil {
			return err
		}
	}
	made, err := o.pack(ctx)
	if err != nil {
		return err
	}
	if err := s.sign(ctx, o.tools, made, programs[0].title); err != nil {
		return err
	}
	path := filepath.Join(o.out, fmt.Sprintf("rollbridge-agent_%s_windows_%s.msi", o.version.full, o.arch))
	if _, err := o.copy(made, path); err != nil {
		return fmt.Errorf("put the MSI in its place: %w", err)
	}
	how := "signed"
	if !s.there() {
		how = "not signed: ROLLBRIDGE_SIGN_KEY names no key"
	}
	_, err = fmt.Fprintf(say, "%s (%s)\n", path, how)
	return err
}

// timeOf is the time in everything that is made.
func timeOf(epoch string) (time.Time, error) {
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH must be the seconds of a time, and is %q", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
