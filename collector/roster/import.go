package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// ErrRelease refuses an import that takes many children away, until it is
// repeated with the code in Diff.Release.
var ErrRelease = errors.New("so many children would leave the roster that nothing was changed")

// An Importer takes over rosters. Several may work at once: the first to end
// wins, and the others change nothing (store.ErrRosterMoved).
type Importer struct {
	Store *store.Store
	Vault *vault.Vault

	// fault, in tests, ends the import at a step.
	fault func(step string) error
}

// Options of an import.
type Options struct {
	// DryRun compares and changes nothing.
	DryRun bool
	// Release is the code of an earlier refusal.
	Release string
}

// Import makes children the roster of an authority in place of what it was,
// and says what changed; the schools are then to be told (Diff.Schools, also
// where nothing changed: an earlier import may have ended before it told them).
// With ErrRelease nothing has changed and the Diff is what would have.
func (i Importer) Import(ctx context.Context, authority string, children []store.Listed, o Options) (Diff, error) {
	was, err := i.Store.Roster(ctx, i.Vault, authority)
	if err != nil {
		return Diff{}, err
	}
	d := Compare(authority, was.Children, children, i.Vault.BlindIndex)
	if !o.DryRun && d.Release != "" && !strings.EqualFold(o.Release, d.Release) {
		return d, ErrRelease
	}
	if o.DryRun || !d.Some() {
		return d, nil
	}
	if err := i.take(ctx, was, children); err != nil {
		return d, fmt.Errorf("import the roster of authority %s: %w", authority, err)
	}
	return d, nil
}

// take stores the new edition school by school, beside the one that stands, and
// then lets it stand.
func (i Importer) take(ctx context.Context, was store.Roster, children []store.Listed) error {
	now := clock.Now()
	// An edition is also a time, so that one that was left behind has an age.
	edition := max(was.Edition+1, now.UnixMicro())
	bySchool := map[string][]store.Listed{}
	for _, c := range children {
		bySchool[c.School] = append(bySchool[c.School], c)
	}
	for school, part := range bySchool {
		if err := i.failing("stage"); err != nil {
			return err
		}
		if err := i.Store.StageRoster(ctx, i.Vault, was.Authority, edition, school, part); err != nil {
			return err
		}
	}
	if err := i.failing("take"); err != nil {
		return err
	}
	if err := i.Store.TakeRoster(ctx, was, edition, len(children), now); err != nil {
		return err
	}
	if err := i.failing("drop"); err != nil {
		return err
	}
	return i.Store.DropEditions(ctx, was.Authority, edition)
}

func (i Importer) failing(step string) error {
	if i.fault == nil {
		return nil
	}
	return i.fault(step)
}
