// Command rollbridge-collector takes sealed records from schools, keeps them
// encrypted and shows authorities what has arrived. It only wires: package
// collector/cli has the commands.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"rollbridge/collector/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Run(ctx, args, os.Environ(), stdin, stdout, stderr)
}
