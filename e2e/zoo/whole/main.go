// Command whole is a released program that is the real agent, reads and sends,
// and goes wrong after it has said that it is ready. How is said when it is
// linked; see package zoo.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	_ "time/tzdata" // as the agent has

	"rollbridge/agent/cli"
)

// kind is set with -ldflags "-X main.kind=...".
var kind string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := io.Writer(os.Stdout)
	switch kind {
	case "crashes":
		out = &after{Writer: out, then: func() {
			time.Sleep(200 * time.Millisecond)
			panic("this release crashes after a while")
		}}
	case "floods":
		out = &after{Writer: out, then: func() {
			for {
				fmt.Fprintln(os.Stderr, "this release has a lot to say, and says it again and again until the disk is full")
			}
		}}
	default:
		panic("link with -X main.kind=, see package zoo")
	}
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Terminal{In: os.Stdin, Out: out, Err: os.Stderr, Environ: os.Environ()}))
}

// after does something once the agent has said that it is ready.
type after struct {
	io.Writer
	then func()
	once sync.Once
}

func (a *after) Write(p []byte) (int, error) {
	n, err := a.Writer.Write(p)
	if isReady(p) {
		a.once.Do(func() { go a.then() })
	}
	return n, err
}

func isReady(p []byte) bool { return bytes.HasPrefix(p, []byte("ready")) }
