// Command rollbridge-agent runs in a school: it reads the looked-after pupils
// from the school's MIS, seals what changed and sends it to the collector. This
// file only wires; package cli has the commands and the exit codes.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "time/tzdata" // school life follows England's clock on every machine

	"rollbridge/agent/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Run(ctx, args, cli.Terminal{In: stdin, Out: stdout, Err: stderr, Environ: os.Environ()})
}
