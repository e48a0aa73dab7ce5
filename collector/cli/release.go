package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollbridge/collector/release"
	"rollbridge/shared/clock"
)

const releaseLong = `Release agents: what they update to, signed by people on machines without a
network, and how far it has gone. The directory needs no database. See
docs/releases.md for the whole ceremony.`

func (p *program) releaseCommand() *cobra.Command {
	c := parent("release", "The agents that are released",
		p.releaseKeyCommand(), p.releaseInitCommand(), p.releaseAddCommand(), p.releaseRenewCommand(), p.releaseRootCommand(),
		p.releaseShowCommand(), p.releaseSignCommand(), p.releaseDiscardCommand(), p.releasePublishCommand(),
		p.releasePromoteCommand(), p.releasePauseCommand(), p.releaseResumeCommand(), p.releaseStatusCommand(),
	)
	c.Long = releaseLong
	return c
}

// dirFlag lets a command work on another directory than the settings name.
func dirFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "dir", "", "`directory` of the releases (default: releases.dir of the settings)")
}

// releases opens the directory that a command means, and the keys of the server.
func (p *program) releases(dir string) (*release.Repository, release.Online, error) {
	s, err := p.load()
	if err != nil {
		return nil, release.Online{}, err
	}
	if dir == "" {
		dir = s.ReleasesDir()
	}
	o := release.Online{Command: s.Releases.Signer, Messages: p.err}
	if s.Releases.PassphraseFile != "" {
		if o.Passphrase, err = release.ReadPassphrase(s.Releases.PassphraseFile); err != nil {
			return nil, o, err
		}
	}
	return release.At(dir), o, nil
}

// passphrase gets one from a file or from a person, twice where it is new.
func (p *program) passphrase(in io.Reader, file, prompt string, twice bool) ([]byte, error) {
	if file != "" {
		return release.ReadPassphrase(file)
	}
	f, is := in.(*os.File)
	if !is || !term.IsTerminal(int(f.Fd())) {
		return nil, refuse("there is no terminal to type the passphrase at: give a file that holds it with --passphrase-file")
	}
	first, err := p.typed(f, prompt)
	if err != nil || !twice {
		return first, err
	}
	again, err := p.typed(f, "Again: ")
	if err != nil {
		return nil, err
	}
	if string(first) != string(again) {
		return nil, refuse("the two passphrases are not the same: try again")
	}
	return first, nil
}

func (p *program) typed(f *os.File, prompt string) ([]byte, error) {
	p.notef("%s", prompt)
	line, err := term.ReadPassword(int(f.Fd()))
	p.notef("\n")
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	return line, nil
}

// confirmed asks a person for a yes.
func (p *program) confirmed(in io.Reader, question string) error {
	f, is := in.(*os.File)
	if !is || !term.IsTerminal(int(f.Fd())) {
		return refuse("there is nobody to ask: compare what stands above, then run the command again with --yes")
	}
	p.notef("%s Type yes: ", question)
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(line) != "yes" {
		return refuse("nothing was signed")
	}
	return nil
}

func (p *program) releaseKeyCommand() *cobra.Command {
	var name, file, imported string
	c := &cobra.Command{
		Use: "key FILE", Short: "Make the key of a person who signs releases", Args: exactly(1),
		Long: `Make a key: FILE holds the private half under a passphrase, FILE.pub the public
half, which "release init" and "release root" take. Do it on the machine without a
network where the person will sign. With --import the key stays where it is, in a
token or a key service, and only FILE is written: the public half.`,
		RunE: func(c *cobra.Command, args []string) error {
			if name == "" {
				return usage(errors.New("say what people will call the key with --name, such as root-1 or the place where it lies"))
			}
			if imported != "" {
				text, err := os.ReadFile(imported)
				if err != nil {
					return fmt.Errorf("read the public key: %w", err)
				}
				k, err := release.ImportKey(args[0], name, text)
				if err != nil {
					return err
				}
				return p.said(k.ID(), "Next: give "+args[0]+" to whoever runs `release init` or `release root`.")
			}
			pass, err := p.passphrase(c.InOrStdin(), file, "Passphrase of the new key: ", true)
			if err != nil {
				return err
			}
			k, err := release.NewKey(args[0], name, pass)
			if err != nil {
				return err
			}
			return p.said(k.ID(), "Next: give "+args[0]+".pub to whoever runs `release init` or `release root`. Keep "+args[0]+" and a copy of it offline; without the passphrase it is of no use.")
		},
	}
	c.Flags().StringVar(&name, "name", "", "what people call the key; it is not published")
	c.Flags().StringVar(&file, "passphrase-file", "", "`file` whose first line is the passphrase (default: ask)")
	c.Flags().StringVar(&imported, "import", "", "`file` with a public key (PEM) whose private half an external signer holds")
	return c
}

// publics reads public keys.
func publics(paths []string) ([]release.Public, error) {
	var list []release.Public
	for _, path := range paths {
		k, err := release.ReadPublic(path)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, nil
}

// public reads one, or none.
func public(path string) (*release.Public, error) {
	if path == "" {
		return nil, nil
	}
	k, err := release.ReadPublic(path)
	return &k, err
}

func (p *program) releaseInitCommand() *cobra.Command {
	var dir, online string
	var rootKeys, targetsKeys []string
	plan := release.Plan{}
	c := &cobra.Command{
		Use: "init", Short: "Begin a repository of releases", Args: exactly(0),
		Long: `Make the keys of the server and draft the first root, which says whose signatures
count. Nothing is public before enough people have signed the draft with "release
sign" and "release publish" was run. Then build agents with
RELEASE_ROOT=DIR/public/1.root.json: they trust it for ever.`,
		RunE: func(*cobra.Command, []string) error {
			r, o, err := p.releases(dir)
			if err != nil {
				return err
			}
			if plan.Root, err = publics(rootKeys); err != nil {
				return err
			}
			if plan.Targets, err = publics(targetsKeys); err != nil {
				return err
			}
			if plan.Online, err = public(online); err != nil {
				return err
			}
			plan.Passphrase = o.Passphrase
			if err := r.Init(clock.Now(), plan); err != nil {
				return err
			}
			if plan.RootThreshold == 1 || plan.TargetsThreshold == 1 {
				p.notef("With a threshold of 1, one stolen key is enough to reach every school.\n")
			}
			return p.said("The first root waits in "+r.Draft()+".", "Next: carry that directory to each person who signs: `release sign --draft DIR --key FILE`. Then `release publish`.")
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringArrayVar(&rootKeys, "root-key", nil, "public key `file` of a person who signs roots; once for each")
	c.Flags().IntVar(&plan.RootThreshold, "root-threshold", 2, "how many must sign a root")
	c.Flags().StringArrayVar(&targetsKeys, "targets-key", nil, "public key `file` of a person who signs releases; once for each")
	c.Flags().IntVar(&plan.TargetsThreshold, "targets-threshold", 2, "how many must sign a release")
	c.Flags().StringVar(&online, "online-key", "", "public key `file` of the external signer that holds the server's key (default: key files are made)")
	return c
}

func (p *program) releaseAddCommand() *cobra.Command {
	var dir, noRoot string
	var q release.Request
	c := &cobra.Command{
		Use: "add FILE...", Short: "Put programs into the draft of the next release",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(fmt.Errorf("name the programs that the build made, such as dist/linux-amd64/rollbridge-agent; see `%s --help`", c.CommandPath()))
			}
			return nil
		},
		Long: `Put programs into the draft. Beside each lies release.json, as the build leaves it:
what "rollbridge-agent version --json" prints. A program that is no newer than
what is released, is for another platform than it says, or carries no root of
this repository is refused. Signatures that the draft had are void.`,
		RunE: func(_ *cobra.Command, args []string) error {
			r, _, err := p.releases(dir)
			if err != nil {
				return err
			}
			q.NoRoot = noRoot != ""
			now := clock.Now()
			var list []release.Candidate
			for _, path := range args {
				a, err := r.Inspect(path, q, now)
				if err != nil {
					return err
				}
				list = append(list, a)
			}
			if err := r.Add(now, list...); err != nil {
				return err
			}
			for _, a := range list {
				if err := p.printf("%s %s-%s %x\n", a.Version, a.OS, a.Arch, a.SHA256); err != nil {
					return err
				}
			}
			p.notef("Next: carry %s to each person who signs: `release sign --draft DIR --key FILE`. Then `release publish`.\n", r.Draft())
			return nil
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringVar(&q.Floor, "floor", "", "oldest `version` that agents may still start once they know this release (default: as before)")
	c.Flags().BoolVar(&q.Security, "security", false, "mark it as a security release, which schools should not hold back")
	c.Flags().StringVar(&q.Notes, "notes", "", "a `sentence` or an address for whoever decides at the school")
	c.Flags().IntVar(&q.MinBuild, "min-os-build", 0, fmt.Sprintf("lowest `build` of Windows (default: %d)", release.DefaultMinBuild))
	c.Flags().StringVar(&noRoot, "no-root", "", "take programs without a root of this repository, which can never update again, for this `reason`")
	return c
}

func (p *program) releaseRenewCommand() *cobra.Command {
	var dir string
	var online bool
	c := &cobra.Command{
		Use: "renew", Short: "Draft the same releases for another 90 days", Args: exactly(0),
		Long: `Draft targets that say the same and expire 90 days from now, for people to sign.
With --online the server signs its own metadata again at once instead, as role
jobs does every 6 hours.`,
		RunE: func(c *cobra.Command, _ []string) error {
			r, o, err := p.releases(dir)
			if err != nil {
				return err
			}
			if !online {
				if err := r.RenewTargets(clock.Now()); err != nil {
					return err
				}
				return p.said("The same releases wait in "+r.Draft()+".", "Next: `release sign`, then `release publish`.")
			}
			if err := r.RenewNow(c.Context(), clock.Now(), o); err != nil {
				return err
			}
			return p.printf("The server's metadata are signed again.\n")
		},
	}
	dirFlag(c, &dir)
	c.Flags().BoolVar(&online, "online", false, "sign the server's own metadata again now")
	return c
}

func (p *program) releaseRootCommand() *cobra.Command {
	var dir, online string
	var addRoot, addTargets []string
	var change release.RootChange
	c := &cobra.Command{
		Use: "root", Short: "Draft the next root: renewal, other keys, other thresholds", Args: exactly(0),
		Long: `Draft the next root. Without a flag it only gets another year. A root is signed by
the threshold of the keys before it and of its own, so bring a new person in while
the others are still there.`,
		RunE: func(*cobra.Command, []string) error {
			r, o, err := p.releases(dir)
			if err != nil {
				return err
			}
			if change.AddRoot, err = publics(addRoot); err != nil {
				return err
			}
			if change.AddTargets, err = publics(addTargets); err != nil {
				return err
			}
			if change.Online, err = public(online); err != nil {
				return err
			}
			change.NewOnline = change.NewOnline || change.Online != nil
			change.Passphrase = o.Passphrase
			if err := r.ChangeRoot(clock.Now(), change); err != nil {
				return err
			}
			return p.said("The next root waits in "+r.Draft()+".", "Next: `release show`, `release sign` by each person, then `release publish`.")
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringArrayVar(&addRoot, "add-root-key", nil, "public key `file` of one more person who signs roots")
	c.Flags().StringArrayVar(&change.DropRoot, "drop-root-key", nil, "`name` or id of a key that signs roots no more")
	c.Flags().IntVar(&change.RootThreshold, "root-threshold", 0, "how many must sign a root (default: as before)")
	c.Flags().StringArrayVar(&addTargets, "add-targets-key", nil, "public key `file` of one more person who signs releases")
	c.Flags().StringArrayVar(&change.DropTargets, "drop-targets-key", nil, "`name` or id of a key that signs releases no more")
	c.Flags().IntVar(&change.TargetsThreshold, "targets-threshold", 0, "how many must sign a release (default: as before)")
	c.Flags().BoolVar(&change.NewOnline, "new-online-keys", false, "give the server new keys")
	c.Flags().StringVar(&online, "online-key", "", "public key `file` of the external signer that holds the server's new key")
	return c
}

func (p *program) releaseDiscardCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "discard", Short: "Throw the draft away", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			r, _, err := p.releases(dir)
			if err != nil {
				return err
			}
			if err := r.Discard(); err != nil {
				return err
			}
			return p.printf("The draft is gone; what is public is as it was.\n")
		},
	}
	dirFlag(c, &dir)
	return c
}

func (p *program) releasePublishCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "publish", Short: "Make the signed draft public", Args: exactly(0),
		Long: `Make the draft public once enough people have signed it. Until a version is
promoted it goes to nobody. Cut off anywhere, the repository is the old one or the
new one; run it again to finish.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.releasePublish(c.Context(), dir, asJSON) },
	}
	dirFlag(c, &dir)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (p *program) releasePublish(ctx context.Context, dir string, asJSON bool) error {
	r, o, err := p.releases(dir)
	if err != nil {
		return err
	}
	versions, err := r.Publish(ctx, clock.Now(), o)
	if err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(struct {
			Versions []string `json:"versions"`
		}{versions})
	}
	if len(versions) == 0 {
		return p.printf("Published.\n")
	}
	return p.said("Published: "+strings.Join(versions, ", ")+".", "It goes to nobody yet. Next: `release promote VERSION --ring early --percent 100`.")
}
