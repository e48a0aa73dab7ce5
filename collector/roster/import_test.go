package roster

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

const (
	authority = "301"
	another   = "302"
)

// newImporter works on a database with two authorities that ask three schools.
func newImporter(t *testing.T, db *database.DB) Importer {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	must(t, vault.Init(dir))
	v, err := vault.Open(dir)
	must(t, err)
	t.Cleanup(func() { _ = v.Close() })
	st := store.New(db)
	for _, school := range []string{"oak", "elm", "ash"} {
		must(t, st.AddSchool(t.Context(), store.School{ID: school, Name: school}))
	}
	for _, code := range []string{authority, another} {
		must(t, st.PutAuthority(t.Context(), store.Authority{Code: code, Why: "because"}))
	}
	return Importer{Store: st, Vault: v}
}

func must(t interface {
	Helper()
	Fatal(...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func child(n int, school string, mayKnow bool, day int) store.Listed {
	return store.Listed{School: school, UPN: upn(n), DOB: record.Date(fmt.Sprintf("2012-03-%02d", day)), MayKnow: mayKnow}
}

func ordered(list []store.Listed) []store.Listed {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b store.Listed) int { return cmp.Compare(a.UPN, b.UPN) })
	return list
}

// anyRoster is up to 12 children at three schools.
func anyRoster(t *rapid.T, name string) []store.Listed {
	var list []store.Listed
	for n := range 12 {
		if rapid.Bool().Draw(t, fmt.Sprintf("%s: child %d", name, n)) {
			list = append(list, child(n, rapid.SampledFrom([]string{"oak", "elm", "ash"}).Draw(t, "school"),
				rapid.Bool().Draw(t, "may know"), rapid.IntRange(1, 2).Draw(t, "day")))
		}
	}
	return list
}

// Import A, then B: B stands, the diff counts what lies between them, and a dry
// run or an import that is killed anywhere leaves A or B whole and nothing of
// another authority's touched.
func TestImportProperty(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		base, ctx := newImporter(t, db), t.Context()
		others := []store.Listed{child(1, "oak", true, 1), child(99, "elm", false, 1)}
		_, err := base.Import(ctx, another, others, Options{})
		must(t, err)
		rapid.Check(t, func(t *rapid.T) {
			stands := func(what string, want []store.Listed) {
				t.Helper()
				for code, want := range map[string][]store.Listed{authority: want, another: others} {
					r, err := base.Store.Roster(ctx, base.Vault, code)
					must(t, err)
					if !slices.Equal(ordered(r.Children), ordered(want)) {
						t.Fatalf("%s: authority %s has %d children, want %d, or they are others", what, code, len(r.Children), len(want))
					}
				}
			}
			force := func(i Importer, list []store.Listed, o Options) (Diff, error) {
				t.Helper()
				d, err := i.Import(ctx, authority, list, o)
				if errors.Is(err, ErrRelease) {
					o.Release = d.Release
					d, err = i.Import(ctx, authority, list, o)
				}
				return d, err
			}
			a, b := anyRoster(t, "A"), anyRoster(t, "B")
			_, err := force(base, a, Options{})
			must(t, err)
			stands("A", a)
			dry, err := base.Import(ctx, authority, b, Options{DryRun: true})
			must(t, err)
			stands("a dry run", a)

			step, left := rapid.SampledFrom([]string{"stage", "take", "drop"}).Draw(t, "killed at"), rapid.IntRange(0, 3).Draw(t, "after")
			killed := base
			errKilled := errors.New("killed")
			killed.fault = func(s string) error {
				if s == step {
					if left == 0 {
						return errKilled
					}
					left--
				}
				return nil
			}
			_, err = force(killed, b, Options{})
			switch {
			case err == nil || errors.Is(err, errKilled) && step == "drop":
				stands("an import", b)
				_, err = force(base, a, Options{})
				must(t, err)
			case errors.Is(err, errKilled):
				stands("a killed import", a)
			default:
				t.Fatal(err)
			}

			d, err := force(base, b, Options{})
			must(t, err)
			stands("B", b)
			if d.Before != len(a) || d.After != len(b) || d.Before+d.Added-d.Removed != d.After || d.Counts != dry.Counts {
				t.Fatalf("the diff of %d to %d children is %+v, of the dry run %+v", len(a), len(b), d, dry)
			}
			var sum Counts
			for _, s := range d.Schools {
				sum.Added += s.Added
				sum.Changed += s.Changed
				sum.Removed += s.Removed
				sum.Moved += s.Moved
			}
			if sum != d.Counts {
				t.Fatalf("the schools' counts are %+v, the whole %+v", sum, d.Counts)
			}
			if again, err := base.Import(ctx, authority, b, Options{}); err != nil || again.Some() {
				t.Fatalf("the same again changes %+v, %v", again.Counts, err)
			}
		})
		found, err := base.Store.Fsck(ctx, base.Vault)
		must(t, err)
		for _, f := range found {
			t.Errorf("fsck: %+v", f)
		}
	})
}

func TestManyRemovalsNeedTheirCode(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		i, ctx := newImporter(t, db), t.Context()
		var all []store.Listed
		for n := range 10 {
			all = append(all, child(n, "oak", true, 1))
		}
		_, err := i.Import(ctx, authority, all, Options{})
		must(t, err)
		if d, err := i.Import(ctx, authority, all[:8], Options{DryRun: true}); err != nil || d.Release != "" {
			t.Errorf("2 of 10 need a code: %+v, %v", d, err)
		}
		moved := slices.Clone(all)
		for n := range moved {
			moved[n].School = "elm"
		}
		if d, err := i.Import(ctx, authority, moved, Options{DryRun: true}); err != nil || d.Release != "" || d.Moved != 10 {
			t.Errorf("who moves is removed: %+v, %v", d, err)
		}
		three, err := i.Import(ctx, authority, all[:7], Options{})
		if !errors.Is(err, ErrRelease) || three.Release == "" || three.Removed != 3 {
			t.Fatalf("3 of 10: %+v, %v", three, err)
		}
		// A code is a yes to these removals, and to no others.
		for name, list := range map[string][]store.Listed{"more": all[:6], "others": all[3:], "all": nil,
			"another authority's": {child(50, "oak", true, 1), child(51, "oak", true, 1)}} {
			d, err := i.Import(ctx, authority, list, Options{Release: three.Release})
			if !errors.Is(err, ErrRelease) || d.Release == three.Release {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
		}
		if r, err := i.Store.Roster(ctx, i.Vault, authority); err != nil || len(r.Children) != 10 {
			t.Errorf("%d children stand, %v", len(r.Children), err)
		}
		if _, err := i.Import(ctx, authority, all[:7], Options{Release: three.Release}); err != nil {
			t.Error(err)
		}
	})
}

// Of two imports at once the first to end wins, and the other changes nothing.
func TestImportsAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		slow, ctx := newImporter(t, db), t.Context()
		fast := slow
		slow.fault = func(step string) error {
			if step != "take" {
				return nil
			}
			_, err := fast.Import(ctx, authority, []store.Listed{child(1, "oak", true, 1)}, Options{})
			return err
		}
		if _, err := slow.Import(ctx, authority, []store.Listed{child(2, "elm", true, 1), child(3, "ash", true, 1)}, Options{}); !errors.Is(err, store.ErrRosterMoved) {
			t.Errorf("the slow one: %v", err)
		}
		r, err := slow.Store.Roster(ctx, slow.Vault, authority)
		if err != nil || len(r.Children) != 1 || r.Children[0] != child(1, "oak", true, 1) {
			t.Errorf("%d children stand, %v", len(r.Children), err)
		}
	})
}
