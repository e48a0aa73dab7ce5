package instance

import (
	"context"
	"regexp"
	"strings"
)

// A batch is what is between two lines of GO.
type batch struct {
	line int // that it begins at, from 1
	text string
}

// split takes a script apart as sqlcmd does: a line with only GO, in either
// case, ends a batch. It does not know comments or texts of several lines.
func split(script string) []batch {
	var batches []batch
	var lines []string
	begin := 1
	end := func(next int) {
		if text := strings.Join(lines, "\n"); strings.TrimSpace(text) != "" {
			batches = append(batches, batch{line: begin, text: text})
		}
		lines, begin = nil, next
	}
	for n, line := range strings.Split(strings.ReplaceAll(script, "\r\n", "\n"), "\n") {
		if strings.EqualFold(strings.TrimSpace(line), "GO") {
			end(n + 2)
			continue
		}
		lines = append(lines, line)
	}
	end(0)
	return batches
}

// createLogin finds the logins that a script makes: [in ]] brackets] or bare.
var createLogin = regexp.MustCompile(`(?i)\bCREATE\s+LOGIN\s+(\[(?:[^\]]|\]\])+\]|[\w@#$]+)`)

// remember keeps the names of the logins that a batch is about to make, to
// drop them at Close: they belong to the server, not to a database that is
// dropped. One that was there before is not a script's to drop.
func (i *Instance) remember(ctx context.Context, batch string) error {
	if i.server != nil {
		return nil // they end with it
	}
	for _, name := range loginsOf(batch) {
		there, err := i.hasLogin(ctx, name)
		if err != nil {
			return err
		}
		if !there {
			i.mu.Lock()
			i.logins = append(i.logins, name)
			i.mu.Unlock()
		}
	}
	return nil
}

func loginsOf(batch string) []string {
	var names []string
	for _, m := range createLogin.FindAllStringSubmatch(batch, -1) {
		name := m[1]
		if bare, ok := strings.CutPrefix(name, "["); ok {
			name = strings.ReplaceAll(strings.TrimSuffix(bare, "]"), "]]", "]")
		}
		names = append(names, name)
	}
	return names
}
