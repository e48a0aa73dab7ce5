package cli

import (
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var flagName = regexp.MustCompile(`--[a-z-]+`)

// The page for operators names every command and flag there is.
func TestDocumentedCommandsAreComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli-collector.md")
	if err != nil {
		t.Fatal(err)
	}
	p := &program{out: io.Discard, err: io.Discard, log: slog.New(slog.DiscardHandler)}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.HasSubCommands() {
			return
		}
		path := strings.TrimPrefix(c.CommandPath(), "rollbridge-collector ")
		line := ""
		for l := range strings.Lines(string(text)) {
			if strings.HasPrefix(l, "| `"+path+"`") || strings.HasPrefix(l, "| `"+path+" ") {
				line = l
			}
		}
		if line == "" {
			t.Errorf("docs/cli-collector.md does not name %q", path)
			return
		}
		for _, flag := range flagName.FindAllString(c.LocalFlags().FlagUsages(), -1) {
			if flag != "--help" && !strings.Contains(line, flag) {
				t.Errorf("docs/cli-collector.md does not name %s of %q", flag, path)
			}
		}
	}
	walk(p.root())
}
