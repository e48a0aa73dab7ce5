package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// listed is an invented child; the digits make the UPN.
func listed(t *testing.T, school string, n int, mayKnow bool) Listed {
	t.Helper()
	upn, err := codes.MakeUPN(fmt.Sprintf("301%09d", n))
	if err != nil {
		t.Fatal(err)
	}
	return Listed{School: school, UPN: upn.Reveal(), DOB: record.Date(fmt.Sprintf("2012-03-%02d", 1+n%28)), MayKnow: mayKnow}
}

// rosterShelf has two authorities that ask two schools.
func rosterShelf(t *testing.T, db *database.DB) *shelf {
	s := newShelf(t, db)
	s.must(s.store.AddSchool(t.Context(), School{ID: "elm", Name: "Elm"}))
	for _, code := range []string{authority, "302"} {
		s.must(s.store.PutAuthority(t.Context(), Authority{Code: code, Why: "because"}))
		for _, school := range []string{"oak", "elm"} {
			s.must(s.store.SetProvision(t.Context(), Provision{school, code, map[record.Dataset][]string{record.DatasetPupil: {"UPN"}}}))
		}
	}
	return s
}

// stand imports children as edition n of an authority.
func (s *shelf) stand(authority string, edition int64, children ...Listed) {
	s.Helper()
	was, err := s.store.Roster(s.Context(), s.vault, authority)
	s.must(err)
	for _, c := range children {
		s.must(s.store.StageRoster(s.Context(), s.vault, authority, edition, c.School, []Listed{c}))
	}
	s.must(s.store.TakeRoster(s.Context(), was, edition, len(children), time.Unix(edition, 0)))
	s.must(s.store.DropEditions(s.Context(), authority, edition))
}

func (s *shelf) roster(authority string) []Listed {
	s.Helper()
	r, err := s.store.Roster(s.Context(), s.vault, authority)
	s.must(err)
	return r.Children
}

func (s *shelf) same(what string, want, got []Listed) {
	s.Helper()
	byUPN := func(a, b Listed) int { return cmp.Compare(a.UPN, b.UPN) }
	slices.SortFunc(want, byUPN)
	slices.SortFunc(got, byUPN)
	if !slices.Equal(want, got) {
		s.Errorf("%s: %d children, want %d, or they are others", what, len(got), len(want))
	}
}

func TestRosterStandsWholeOrNotAtAll(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := rosterShelf(t, db), t.Context()
		one, two, three := listed(t, "elm", 1, true), listed(t, "oak", 2, false), listed(t, "oak", 3, true)
		s.stand(authority, 10, one, two)
		s.same("the first", []Listed{one, two}, s.roster(authority))
		was, err := s.store.Roster(ctx, s.vault, authority)
		s.must(err)
		if was.Edition != 10 || !was.Imported.Equal(time.Unix(10, 0)) {
			t.Errorf("edition %d of %v", was.Edition, was.Imported)
		}

		// Killed after one school: what stood stands, and what is left goes later.
		s.must(s.store.StageRoster(ctx, s.vault, authority, 20, "oak", []Listed{three}))
		s.same("with an edition staged", []Listed{one, two}, s.roster(authority))
		if err := s.store.TakeRoster(ctx, was, 20, 2, time.Now()); !errors.Is(err, ErrRosterMoved) {
			t.Errorf("half an edition was taken over: %v", err)
		}
		s.same("after half an edition", []Listed{one, two}, s.roster(authority))
		s.stand("302", 25, listed(t, "oak", 4, true))
		s.stand(authority, 30, three)
		s.same("the next", []Listed{three}, s.roster(authority))
		if n := s.count("SELECT COUNT(*) FROM roster"); n != 2 {
			t.Errorf("%d rows are left of 2", n)
		}
		if err := s.store.TakeRoster(ctx, was, 40, 0, time.Now()); !errors.Is(err, ErrRosterMoved) {
			t.Errorf("an import that began before another was taken over: %v", err)
		}
		if _, err := s.store.Roster(ctx, s.vault, "999"); !errors.Is(err, ErrNotFound) {
			t.Errorf("no such authority: %v", err)
		}
		s.fsck()
	})
}

func TestSchoolIsToldWhatItMayKnow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := rosterShelf(t, db)
		one, two, three := listed(t, "oak", 1, true), listed(t, "oak", 2, false), listed(t, "elm", 3, true)
		other := listed(t, "oak", 4, true)
		s.stand(authority, 10, one, two, three)
		s.stand("302", 10, other)
		part := func() map[string][]Listed {
			t.Helper()
			var found map[string][]Listed
			s.must(s.store.Read(t.Context(), func(tx *Tx) (err error) {
				found, err = tx.RosterOf(t.Context(), s.vault, "oak")
				return err
			}))
			return found
		}
		if !reflect.DeepEqual(map[string][]Listed{authority: {one}, "302": {other}}, part()) {
			t.Error("oak is not told of one child of each authority")
		}
		s.must(s.store.DropProvision(t.Context(), "oak", "302"))
		if !reflect.DeepEqual(map[string][]Listed{authority: {one}}, part()) {
			t.Error("oak is told of an authority that asks it nothing")
		}
		s.stand(authority, 20, two)
		if len(part()) != 0 {
			t.Error("oak is told of a child whom it may not know")
		}
	})
}

func TestTold(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := newShelf(t, db), t.Context()
		told := Told{Agent: []byte("0123456789abcdef"), Digest: []byte("a digest"), At: time.Unix(5, 0)}
		var got, none Told
		s.must(s.store.Write(ctx, func(tx *Tx) (err error) {
			if none, err = tx.Told(ctx, s.vault, "oak"); err != nil {
				return err
			}
			if err = tx.SetTold(ctx, s.vault, "oak", Told{Agent: told.Agent, Digest: []byte("another")}); err != nil {
				return err
			}
			if err = tx.SetTold(ctx, s.vault, "oak", told); err != nil {
				return err
			}
			got, err = tx.Told(ctx, s.vault, "oak")
			return err
		}))
		if none.Agent != nil || !bytes.Equal(got.Agent, told.Agent) || !bytes.Equal(got.Digest, told.Digest) || !got.At.Equal(told.At) {
			t.Errorf("told %v, then %v", none, got)
		}
		if n := s.count("SELECT COUNT(*) FROM roster_told WHERE digest = CAST('a digest' AS " + map[bool]string{true: "BYTEA", false: "BLOB"}[db.Dialect == database.Postgres] + ")"); n != 0 {
			t.Error("the digest stands in clear")
		}
	})
}

// A fresh start after a revoke destroys the school's key and all that it seals;
// what authorities say of their own children is sealed anew.
func TestRostersOutliveForgottenSchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := rosterShelf(t, db), t.Context()
		one, two := listed(t, "oak", 1, true), listed(t, "elm", 2, true)
		s.stand(authority, 10, one, two)
		s.must(s.store.StageRoster(ctx, s.vault, authority, 20, "oak", []Listed{one}))
		s.must(s.store.Write(ctx, func(tx *Tx) error {
			if err := tx.SetTold(ctx, s.vault, "oak", Told{Agent: []byte{1}, Digest: []byte{1}}); err != nil {
				return err
			}
			if err := tx.SetRosterUse(ctx, "oak", []RosterUse{{RosterUse: protocol.RosterUse{Authority: authority}}}); err != nil {
				return err
			}
			return tx.KeepOwn(ctx, s.vault, "oak", func() error { return tx.ForgetSchool(ctx, "oak") })
		}))
		s.same("after a forgotten school", []Listed{two, one}, s.roster(authority))
		for _, table := range []string{"roster_told", "roster_use", "roster WHERE edition = 20"} {
			if n := s.count("SELECT COUNT(*) FROM " + table); n != 0 {
				t.Errorf("%s keeps %d rows", table, n)
			}
		}
		s.fsck()
	})
}

func TestMissing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := rosterShelf(t, db), t.Context()
		sent, left, others, elms := listed(t, "oak", 1, true), listed(t, "oak", 2, true), listed(t, "oak", 3, true), listed(t, "elm", 4, true)
		s.stand(authority, 10, sent, left, others, elms)
		pupil := func(school, id, authority, upn string, leftAt any) {
			t.Helper()
			s.exec("INSERT INTO pupils (school, pupil, authority, key, epoch, upn_index, first_seen, left_at) VALUES (?, ?, ?, ?, 1, ?, 1, ?)",
				school, id, authority, []byte("k"), s.vault.BlindIndex(upn), leftAt)
		}
		find := func(v string) []Unsent {
			t.Helper()
			m, err := s.store.Missing(ctx, s.vault, v)
			s.must(err)
			if v == authority && (m.Listed != 4 || !m.Imported.Equal(time.Unix(10, 0))) {
				t.Errorf("%d children, imported %v", m.Listed, m.Imported)
			}
			counts, err := s.store.MissingCounts(ctx)
			s.must(err)
			if v == authority && (len(counts) != 1 || counts[0].Listed != m.Listed || counts[0].Unsent != m.Unsent || !counts[0].Imported.Equal(m.Imported)) {
				t.Errorf("the counts are %+v of %+v", counts, m)
			}
			return m.Schools
		}
		if list := find(authority); len(list) != 2 || list[0].School.ID != "elm" || len(list[1].Children) != 3 {
			t.Fatalf("%d schools before anything came", len(list))
		}
		pupil("elm", "a", authority, sent.UPN, nil) // at another school than the roster says: sent all the same
		pupil("oak", "b", authority, left.UPN, 5)
		pupil("oak", "c", "302", others.UPN, nil)
		s.exec("INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('oak', 'd', ?, ?, 1, 1)", authority, []byte("k"))
		s.must(s.store.Write(ctx, func(tx *Tx) error {
			return tx.SetRosterUse(ctx, "oak", []RosterUse{
				{RosterUse: protocol.RosterUse{Authority: authority, Waiting: 1, NotFound: 2}, AsAt: time.Unix(7, 0)},
				{RosterUse: protocol.RosterUse{Authority: "855", Waiting: 1}}, // asks oak nothing
			})
		}))
		list := find(authority)
		if len(list) != 2 {
			t.Fatalf("%d schools", len(list))
		}
		s.same("at oak", []Listed{left, others}, list[1].Children)
		s.same("at elm", []Listed{elms}, list[0].Children)
		u := list[1]
		if u.Nameless != 1 || !u.Asked || u.SetUp || u.Use == nil || u.Use.Waiting != 1 || u.Use.NotFound != 2 || !u.Use.AsAt.Equal(time.Unix(7, 0)) {
			t.Errorf("of oak is known %+v", u)
		}
		if list[0].Use != nil || s.count("SELECT COUNT(*) FROM roster_use") != 1 {
			t.Error("a use is kept that is not the school's")
		}
		if len(find("302")) != 0 {
			t.Error("an authority without a roster misses somebody")
		}
		// A school that stops sends nobody any more.
		s.exec("UPDATE schools SET revoked_at = 9 WHERE school = 'elm'")
		if list := find(authority); len(list[1].Children) != 3 {
			t.Errorf("%d children of oak with elm stopped", len(list[1].Children))
		}
		// Of the children whom a stopped school sent not even the number is told.
		s.exec("UPDATE schools SET revoked_at = 9 WHERE school = 'oak'")
		if n := find(authority)[1].Nameless; n != 0 {
			t.Errorf("%d children without a UPN at a school that has stopped", n)
		}
	})
}

func TestFsckFindsRosterDamage(t *testing.T) {
	for name, damage := range map[string]string{
		"moved":   "UPDATE roster SET school = 'elm' WHERE school = 'oak'",
		"edition": "UPDATE roster SET edition = 11",
		"told":    "UPDATE roster_told SET school = 'elm'",
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				s := rosterShelf(t, db)
				s.stand(authority, 10, listed(t, "oak", 1, true), listed(t, "elm", 2, true))
				s.must(s.store.Write(t.Context(), func(tx *Tx) error {
					return tx.SetTold(t.Context(), s.vault, "oak", Told{Agent: []byte{1}, Digest: []byte{1}})
				}))
				s.fsck()
				s.exec(damage)
				found, err := s.store.Fsck(t.Context(), s.vault)
				s.must(err)
				if len(found) == 0 || found[0].Check != CheckRoster {
					t.Errorf("found %+v", found)
				}
			})
		})
	}
}

func TestListedPrintsAsAWord(t *testing.T) {
	c := listed(t, "oak", 1, true)
	if text := fmt.Sprintf("%v %+v %#v %s", c, []Listed{c}, c, c); strings.Contains(text, c.UPN) || strings.Contains(text, "2012") {
		t.Errorf("it prints as %s", text)
	}
}
