package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"rollbridge/agent/evidence"
	"rollbridge/agent/school"
)

// The forms of a preview.
const (
	formTable = "table"
	formLines = "jsonl"
	formSheet = "xlsx"
	formJSON  = "json"
)

// A previewing is one call of preview.
type previewing struct {
	request school.SyncRequest
	reveal  bool
	asJSON  bool
	form    string
	out     string
}

func (p *program) preview() *cobra.Command {
	var v previewing
	c := &cobra.Command{
		Use:   "preview",
		Short: "Show exactly what the next sync would send",
		Long: `Reads the MIS as a sync does and shows what the sync would send: for each authority, pupil and
kind of record what is new, changed or removed. It changes nothing and needs no network.

Names, numbers and all other values are shortened; --reveal shows them. What is shown is
personal data: do not leave it lying about. With --format jsonl --reveal it is, byte for
byte, the JSON lines that the sync would seal: for each part a manifest line, then one line
for each record. --format xlsx writes a workbook, all of whose cells are plain text; it needs
--out. --out never overwrites a file, and only you may read what it makes. --json prints
what the table says, for a program that shows it.`,
		Example: `  rollbridge-agent preview
  rollbridge-agent preview --reveal
  rollbridge-agent preview --format xlsx --reveal --out preview.xlsx
  rollbridge-agent preview --format jsonl --reveal`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := v.check(c.Flags().Changed("format")); err != nil {
				return err
			}
			if v.asJSON {
				v.form = formJSON
			}
			set, err := p.settings()
			if err != nil {
				return err
			}
			shown, err := either(c.Context(), set, askPreview, v.request, func(s *school.School) (evidence.Preview, error) {
				return s.Preview(c.Context(), v.request)
			})
			if err != nil {
				return err
			}
			return p.showPreview(v, shown)
		},
	}
	c.Flags().BoolVar(&v.request.Full, "full", false, "preview a sync that sends everything again")
	c.Flags().StringSliceVar(&v.request.Release, "release", nil, "preview a sync that releases what is held under this `code`")
	c.Flags().BoolVar(&v.reveal, "reveal", false, "show values in full")
	c.Flags().StringVar(&v.form, "format", formTable, "`form`: table, jsonl or xlsx")
	c.Flags().BoolVar(&v.asJSON, "json", false, "print what the table says as JSON")
	c.Flags().StringVar(&v.out, "out", "", "write to this new `file` instead of the screen")
	return c
}

func (v previewing) check(formed bool) error {
	switch {
	case v.asJSON && formed:
		return usageError{errors.New("give --json or --format, not both")}
	case !slices.Contains([]string{formTable, formLines, formSheet}, v.form):
		return usageError{errors.New("--format must be table, jsonl or xlsx")}
	case v.form == formSheet && v.out == "":
		return usageError{errors.New("a workbook cannot be shown on a screen: name a new file with --out")}
	}
	return nil
}

func (p *program) showPreview(v previewing, shown evidence.Preview) error {
	write := func(w io.Writer) error { return v.write(w, shown) }
	if v.out == "" {
		var screen bytes.Buffer // nothing is shown of a preview that cannot be shown whole
		if err := write(&screen); err != nil {
			return err
		}
		if _, err := p.Out.Write(screen.Bytes()); err != nil {
			return fmt.Errorf("write the preview: %w", err)
		}
	} else if err := saveNew(v.out, write); err != nil {
		return fmt.Errorf("save the preview: %w", err)
	} else {
		p.note("Written to %s. %s", v.out, evidence.Warning)
	}
	manifest, _, err := shown.Changes()
	if err != nil {
		return err
	}
	for _, line := range withheldLines(manifest.Datasets) {
		p.note("%s", line)
	}
	if v.form == formTable || v.form == formSheet {
		for _, h := range manifest.Holds {
			p.note("%s", holdLine(h, nil))
		}
	}
	return nil
}

func (v previewing) write(w io.Writer, shown evidence.Preview) error {
	switch {
	case v.form == formSheet:
		return shown.Workbook(w, v.reveal)
	case v.form == formTable:
		return shown.Table(w, v.reveal)
	case v.form == formJSON:
		s, err := shown.Show(v.reveal)
		if err != nil {
			return err
		}
		return writeJSON(w, s)
	}
	lines, err := shown.Lines(), error(nil)
	if !v.reveal {
		lines, err = shown.MaskedLines()
	}
	if err != nil {
		return err
	}
	_, err = w.Write(lines)
	return err
}
