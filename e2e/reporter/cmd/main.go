// Command cmd stands in for CommandReporter.exe; package reporter says how.
package main

import (
	"os"

	"rollbridge/e2e/reporter"
)

func main() { os.Exit(reporter.Main(os.Args[1:], os.Stdout, os.Stderr)) }
