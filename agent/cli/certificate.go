package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/shared/protocol"
)

func (p *program) certificate() *cobra.Command {
	var save string
	c := &cobra.Command{
		Use:   "certificate",
		Short: "Fetch the collector's proof that everything is destroyed",
		Long: `After a revoke the collector hides the data at once and destroys them 30 days later. This asks
it for its signed certificate, verifies it and enters it into the logbook, where
` + "`log --verify`" + ` proves it again. The revocation code from the head teacher's safe is read from
standard input, so that it stands in no list of processes and no history.`,
		Example: `  rollbridge-agent certificate --save certificate.json`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			code, err := p.revocationCode()
			if err != nil {
				return err
			}
			return p.fetchCertificate(c.Context(), set, code, save)
		},
	}
	c.Flags().StringVar(&save, "save", "", "also write the certificate into this new `file`")
	return c
}

func (p *program) revocationCode() (string, error) {
	fmt.Fprint(p.Err, "Revocation code: ")
	line, err := p.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the revocation code: %w", err)
	}
	const most = 100
	if line = strings.TrimSpace(line); line == "" || len(line) > most {
		return "", usageError{errors.New("give the revocation code from the head teacher's safe on standard input")}
	}
	code, err := protocol.ParseRevocationCode(line)
	if err != nil {
		return "", usageError{err}
	}
	return code.Reveal(), nil
}

func (p *program) fetchCertificate(ctx context.Context, set settings.Settings, code, save string) error {
	proof, err := school.FetchCertificate(ctx, set, code)
	if err != nil && proof.File.Certificate.IsZero() {
		return readable(err)
	}
	p.printf("%s certifies that what %s sent is destroyed: %d records of %d pupils.\n", proof.Collector, proof.School, proof.Records, proof.Children)
	p.printf("Revoked %s, hidden %s, destroyed %s.\n", when(proof.Revoked), when(proof.Hidden), when(proof.Destroyed))
	if proof.Entered {
		p.printf("It stands in the logbook.\n")
	}
	switch {
	case save != "":
		err = errors.Join(err, p.saveCertificate(save, proof))
	case !proof.Entered && err == nil:
		err = &school.Fault{Kind: school.Refused, Text: "it was kept nowhere, because this machine has no logbook: run the command again with --save FILE"}
	}
	return err
}

// saveCertificate replaces no other file.
func (p *program) saveCertificate(path string, proof school.Proof) error {
	text, err := json.MarshalIndent(proof.File, "", "  ")
	if err != nil {
		return fmt.Errorf("save the certificate: %w", err)
	}
	if err := saveNew(path, func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err }); err != nil {
		return fmt.Errorf("save the certificate: %w", err)
	}
	p.printf("Saved as %s.\n", path)
	return nil
}
