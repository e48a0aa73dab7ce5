package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"rollbridge/agent/school"
	"rollbridge/agent/slot"
	"rollbridge/agent/update"
	"rollbridge/shared/release"
	"rollbridge/shared/version"
)

// A versionReport is `version --json`, a contract with scripts and with whoever
// signs releases.
type versionReport struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	// StateSchema is the newest schema of its state that it writes, StateReads that
	// it can read.
	StateSchema int    `json:"state_schema"`
	StateReads  int    `json:"state_reads"`
	DataScope   string `json:"data_scope"`
	// Released says that it was built to be released: it holds the first root.
	Released bool `json:"released"`
	// Verified is what --verify found.
	Verified []verdict `json:"verified,omitempty"`
}

// A verdict is what was found of one program. Released is nil where it cannot be
// told.
type verdict struct {
	What     string `json:"what"`
	File     string `json:"file"`
	SHA256   string `json:"sha256,omitempty"`
	Version  string `json:"version,omitempty"`
	Released *bool  `json:"released"`
	Text     string `json:"text"`
}

func (p *program) version() *cobra.Command {
	var asJSON, verify bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program, and whether what runs was released",
		Long: `With --verify the program that you have called, and the one that the service runs, are compared
with the signed list of releases that the service has fetched: hash for hash, without a
network. It says which version each is, that one is none of those released, or plainly that it
cannot be told. A program that somebody has replaced could say anything: where that is the
question, compare the hashes with those that the operator publishes, by another program
(sha256sum; Get-FileHash).

Exit code with --verify: 0 what runs was released, 3 it was not, 1 it cannot be told.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			report := versionReport{Version: version.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
				StateSchema: update.StateWrites, StateReads: update.StateReads, DataScope: release.DataScope(), Released: release.Root() != nil}
			if verify {
				report.Verified = compareAll(update.Default().Dir)
			}
			if asJSON {
				if err := p.printJSON(report); err != nil {
					return err
				}
			} else {
				p.printf("rollbridge-agent %s\n", version.String())
				for _, v := range report.Verified {
					p.printf("%s: %s\n  %s\n", v.What, v.Text, v.File)
					if v.SHA256 != "" {
						p.printf("  SHA-256 %s\n", v.SHA256)
					}
				}
			}
			return judged(report.Verified)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	c.Flags().BoolVar(&verify, "verify", false, "compare what runs with the signed list of releases, without a network")
	return c
}

// judged is the error for what was found.
func judged(all []verdict) error {
	unknown := false
	for _, v := range all {
		if v.Released != nil && !*v.Released {
			return &school.Fault{Kind: school.Refused, Text: "a program on this computer is not what was released: find out who replaced it, and install the package again"}
		}
		unknown = unknown || v.Released == nil
	}
	if unknown {
		return errors.New("it cannot be told whether what runs is what was released")
	}
	return nil
}

// compareAll looks at the program that was called and, if it is another, the one
// that the service runs.
func compareAll(dir slot.Dir) []verdict {
	proof, err := dir.Proof()
	called, own := "", ""
	if path, err := os.Executable(); err == nil {
		called, own = path, version.Version
	}
	all := []verdict{verdictOf("This program", called, own, proof, err)}
	state, stateErr := dir.State()
	if stateErr != nil || state.Running == "" {
		return all
	}
	path := dir.Program(state.Running)
	if _, err := os.Lstat(path); err != nil {
		path = dir.Own() // the package's own copy has no slot
	}
	if here, err := os.Stat(called); err == nil {
		if there, err := os.Stat(path); err == nil && os.SameFile(here, there) {
			all[0].What = "This program, which the service runs too"
			return all
		}
	}
	if path == dir.Own() {
		return append(all, verdictOf("The service", path, state.Running, proof, err))
	}
	v := verdictOf("The service", path, state.Running, proof, err)
	// A slot keeps the list that its version was taken from: a later one need not
	// name it any more.
	if v.Released == nil || !*v.Released {
		if _, err := dir.Verify(state.Running); err == nil {
			v.yes(state.Running)
		} else if errors.Is(err, slot.ErrAltered) {
			v.no(state.Running)
		}
	}
	return append(all, v)
}

func (v *verdict) yes(version string) {
	good := true
	v.Version, v.Released = version, &good
	v.Text = fmt.Sprintf("version %s, as it was released and signed", version)
}

func (v *verdict) no(version string) {
	bad := false
	v.Released = &bad
	v.Text = fmt.Sprintf("NOT what was released as version %s", version)
}

func verdictOf(what, path, says string, proof *release.Proof, proofErr error) verdict {
	v := verdict{What: what, File: path}
	sum, err := hashFile(path)
	if err != nil {
		v.Text = fmt.Sprintf("it cannot be told, because the file cannot be read: %s", err)
		return v
	}
	v.SHA256 = fmt.Sprintf("%x", sum)
	if release.Root() == nil {
		v.Text = "it cannot be told: this program was not built as a release, so it knows nobody who signs them"
		return v
	}
	if proofErr != nil {
		v.Text = "it cannot be told, because no signed list of releases is here: the service fetches it, or `rollbridge-agent update check`"
		return v
	}
	if file, found := proof.OfHash(sum); found {
		v.yes(file.Version)
		return v
	}
	if _, listed := proof.Of(says, runtime.GOOS, runtime.GOARCH); !listed {
		v.Text = fmt.Sprintf("it cannot be told: the signed list of releases that is here does not name version %s", says)
		return v
	}
	v.no(says)
	return v
}

func hashFile(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
