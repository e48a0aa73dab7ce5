package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/collector/release"
)

// draftFlags say which draft is meant: one that was carried here, or the one of the
// directory of releases.
func draftFlags(c *cobra.Command, dir, draft *string) {
	dirFlag(c, dir)
	c.Flags().StringVar(draft, "draft", "", "`directory` of a draft that was carried here")
}

func (p *program) draft(dir, draft string) (string, error) {
	if draft != "" {
		return draft, nil
	}
	r, _, err := p.releases(dir)
	if err != nil {
		return "", err
	}
	return r.Draft(), nil
}

// draftJSON is a draft for scripts.
type draftJSON struct {
	Changes []string          `json:"changes"`
	Prints  map[string]string `json:"fingerprints"`
	Needs   []release.Need    `json:"needs"`
}

func (p *program) releaseShowCommand() *cobra.Command {
	var dir, draft string
	var asJSON bool
	c := &cobra.Command{
		Use: "show", Short: "Show the draft as those who sign see it", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			where, err := p.draft(dir, draft)
			if err != nil {
				return err
			}
			d, err := describe(where)
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(draftJSON{d.Changes, d.Prints, d.Needs})
			}
			return p.showDraft(d)
		},
	}
	draftFlags(c, &dir, &draft)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func describe(where string) (*release.Draft, error) {
	d, err := release.Describe(where)
	if err == nil && d == nil {
		err = refuse("there is no draft in " + where + ": name the directory that was brought, or make a draft with `release add`, `release renew` or `release root`")
	}
	return d, err
}

func (p *program) showDraft(d *release.Draft) error {
	lines := slices.Clone(d.Changes)
	for _, of := range []string{"root", "targets"} {
		if fp := d.Prints[of]; fp != "" {
			lines = append(lines, fmt.Sprintf("Fingerprint of %s: %s", of, fp))
		}
		if fp := d.Prints[of+"_now"]; fp != "" {
			lines = append(lines, fmt.Sprintf("Compared with the %s of now: %s", of, fp))
		}
	}
	for _, n := range d.Needs {
		s := n.String()
		lines = append(lines, strings.ToUpper(s[:1])+s[1:]+".")
	}
	return p.printf("%s\n", strings.Join(lines, "\n"))
}

func (p *program) releaseSignCommand() *cobra.Command {
	var dir, draft, key, file, command, publicKey, only string
	var yes bool
	c := &cobra.Command{
		Use: "sign", Short: "Add one person's signature to the draft", Args: exactly(0),
		Long: `Show what changes, and add one signature after a yes. It works on a machine
without a network, on the directory that was carried there. Everybody who signs
must read the same fingerprints: compare them by telephone. The key is a file, or
an external program that gets what is to be signed on standard input and answers
with the signature on standard output within three minutes.`,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case (key == "") == (command == ""):
				return usage(errors.New("give the key with --key FILE, or with --signer PROGRAM and --public FILE"))
			case command != "" && publicKey == "":
				return usage(errors.New("say which key the signer holds with --public FILE, which `release key --import` made"))
			case !slices.Contains([]string{"", "root", "targets"}, only):
				return usage(fmt.Errorf("--only is root or targets, not %q", only))
			}
			where, err := p.draft(dir, draft)
			if err != nil {
				return err
			}
			d, err := describe(where)
			if err != nil {
				return err
			}
			if err := p.showDraft(d); err != nil {
				return err
			}
			if !yes {
				if err := p.confirmed(c.InOrStdin(), "Sign this?"); err != nil {
					return err
				}
			}
			s, err := p.signer(c, key, file, command, publicKey)
			if err != nil {
				return err
			}
			roles, err := release.Sign(c.Context(), where, s, only)
			if err != nil {
				return err
			}
			return p.signedBy(where, s.Who().Name, roles)
		},
	}
	draftFlags(c, &dir, &draft)
	c.Flags().StringVar(&key, "key", "", "key `file` of the person who signs")
	c.Flags().StringVar(&file, "passphrase-file", "", "`file` whose first line is the passphrase (default: ask)")
	c.Flags().StringVar(&command, "signer", "", "`program` that signs with a key that is no file")
	c.Flags().StringVar(&publicKey, "public", "", "public key `file` of the key that --signer holds")
	c.Flags().StringVar(&only, "only", "", "sign only `root` or targets")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// signer opens the key that the flags name.
func (p *program) signer(c *cobra.Command, key, file, command, publicKey string) (release.Signer, error) {
	if command != "" {
		k, err := release.ReadPublic(publicKey)
		return release.Command{Path: command, Public: k, Messages: p.err}, err
	}
	protected, err := release.NeedsPassphrase(key)
	if err != nil {
		return nil, err
	}
	var pass []byte
	if protected {
		if pass, err = p.passphrase(c.InOrStdin(), file, "Passphrase: ", false); err != nil {
			return nil, err
		}
	}
	return release.OpenKey(key, pass)
}

// signedBy says what was signed, and who is still missing.
func (p *program) signedBy(where, name string, roles []string) error {
	if err := p.printf("Signed by %s: %s.\n", name, strings.Join(roles, ", ")); err != nil {
		return err
	}
	d, err := describe(where)
	if err != nil {
		return err
	}
	next := "Next: `release publish` where the keys of the server are."
	for _, n := range d.Needs {
		if !n.Met() {
			next = "Next: " + n.String() + "."
			break
		}
	}
	p.notef("%s\n", next)
	return nil
}
