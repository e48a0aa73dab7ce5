// Command small is a released program that goes wrong before it is anything like
// an agent. What it does is said when it is linked; see package zoo.
package main

import (
	"fmt"
	"os"
	"time"
)

// kind is set with -ldflags "-X main.kind=...".
var kind string

func main() {
	switch kind {
	case "exits":
		fmt.Fprintln(os.Stderr, "this release ends at once")
		os.Exit(1)
	case "hangs":
		// Nor does it end when it is asked to.
		time.Sleep(24 * time.Hour)
	case "unfit":
		fmt.Println("selftest FAILED-STATE")
		time.Sleep(24 * time.Hour)
	}
	panic("link with -X main.kind=, see package zoo")
}
