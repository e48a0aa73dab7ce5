package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
	"rollbridge/shared/status"
)

// A shelf is one school's records on one database.
type shelf struct {
	*testing.T
	store *Store
	vault *vault.Vault
	state record.Digest
	batch uint64
}

const (
	onePupil  = record.PupilID("0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a")
	authority = "301"
)

func newShelf(t *testing.T, db *database.DB) *shelf {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	if err := vault.Init(dir); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	s := &shelf{T: t, store: New(db), vault: v}
	s.must(s.store.AddSchool(t.Context(), School{ID: "oak", Name: "Oak"}))
	s.exec("INSERT INTO positions (school, agent, generation, sequence, digest, state, applied_at) VALUES ('oak', ?, 1, 0, ?, ?, 1)",
		make([]byte, 16), make([]byte, 32), make([]byte, 32))
	return s
}

func (s *shelf) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shelf) exec(query string, args ...any) {
	s.Helper()
	s.must(s.store.Write(s.Context(), func(tx *Tx) error {
		_, err := tx.Exec(s.Context(), query, args...)
		return err
	}))
}

// write does what apply does with a batch, and moves the position's state.
func (s *shelf) write(f func(w *Writer) error) {
	s.Helper()
	s.batch++
	s.must(s.store.Write(s.Context(), func(tx *Tx) error {
		now := time.Unix(int64(s.batch), 0)
		w := tx.Writer(s.vault, Arrival{School: "oak", Generation: 1, Sequence: s.batch, Received: now, Now: now}, s.state)
		if err := f(w); err != nil {
			return err
		}
		p, err := tx.Position(s.Context(), "oak")
		if err != nil {
			return err
		}
		to := p
		to.State = w.State
		to.Given = map[record.Dataset]map[string][]string{record.DatasetStaff: {authority: {"Surname"}, "302": {"Email", "Surname"}, "303": {}}}
		if err := tx.Advance(s.Context(), p, to); err != nil {
			return err
		}
		s.state = w.State
		return nil
	}))
}

func versionOf(t *testing.T, r record.Record) Version {
	t.Helper()
	text, err := record.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	ref := Ref{r.Dataset(), r.Key()}
	return Version{Ref: ref, Canonical: text, Tag: record.NewTag([]byte("id key"), ref.Dataset, ref.Key, text), AsAt: time.Unix(1, 0)}
}

func (s *shelf) put(records ...record.Record) {
	s.Helper()
	s.write(func(w *Writer) error {
		var list []Version
		for _, r := range records {
			list = append(list, versionOf(s.T, r))
		}
		if err := w.Store(s.Context(), list); err != nil {
			return err
		}
		for _, r := range records {
			if p, ok := r.(*record.Pupil); ok {
				if err := w.Describe(s.Context(), p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s *shelf) row(w *Writer, ref Ref) Row {
	s.Helper()
	row, ok, err := w.Find(s.Context(), ref)
	if err != nil || !ok {
		s.Fatalf("a %s row is not there, %v", ref.Dataset, err)
	}
	return row
}

func (s *shelf) all() (list []Stored) {
	s.Helper()
	for r, err := range s.store.Records(s.Context(), "oak", s.vault) {
		s.must(err)
		list = append(list, r)
	}
	return list
}

// texts are the canonical bytes of one dataset.
func (s *shelf) texts(d record.Dataset) (texts []string) {
	s.Helper()
	for _, r := range s.all() {
		if r.Record.Dataset() == d {
			texts = append(texts, string(versionOf(s.T, r.Record).Canonical))
		}
	}
	return texts
}

func (s *shelf) fsck() {
	s.Helper()
	found, err := s.store.Fsck(s.Context(), s.vault)
	s.must(err)
	for _, f := range found {
		s.Errorf("fsck: %+v", f)
	}
}

func (s *shelf) count(query string) (n int) {
	s.Helper()
	s.must(s.store.Read(s.Context(), func(tx *Tx) error { return tx.QueryRow(s.Context(), query).Scan(&n) }))
	return n
}

// thePupil is the pupil on whom the others hang.
func thePupil(version int) *record.Pupil {
	p := recordtest.Make(record.DatasetPupil, onePupil, 1, version).(*record.Pupil)
	p.CareAuthority = authority
	return p
}

func thing(d record.Dataset, number, version int) record.Record {
	if d == record.DatasetPupil {
		return thePupil(version)
	}
	return recordtest.Make(d, onePupil, number, version)
}

// The store does with every dataset what its package comment says.
func TestEveryDataset(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for _, d := range record.Datasets() {
			t.Run(string(d), func(t *testing.T) {
				s := newShelf(t, db)
				defer s.forget()
				s.put(thePupil(1))
				s.life(d)
			})
		}
	})
}

func (s *shelf) life(d record.Dataset) {
	s.Helper()
	want := func(what string, records ...record.Record) {
		s.Helper()
		var texts []string
		for _, r := range records {
			texts = append(texts, string(versionOf(s.T, r).Canonical))
		}
		got := s.texts(d)
		slices.Sort(got)
		slices.Sort(texts)
		if diff := cmp.Diff(texts, got); diff != "" {
			s.Errorf("%s: %s", what, diff)
		}
		s.fsck()
	}
	first := thing(d, 1, 1)
	ref := Ref{d, first.Key()}
	s.put(first)
	want("stored", first)
	s.put(thing(d, 1, 2))
	want("changed", thing(d, 1, 2))

	// Quarantined: the last good version stays, and the refused one is sealed by
	// the school's key.
	bad := versionOf(s.T, thing(d, 1, 3))
	s.write(func(w *Writer) error {
		return w.Refuse(s.Context(), ref, bad.Canonical, bad.Tag, []string{"x:malformed"})
	})
	want("refused", thing(d, 1, 2))
	s.put(thing(d, 1, 3))
	want("put right", thing(d, 1, 3))
	if n := s.count("SELECT COUNT(*) FROM quarantine"); n != 0 {
		s.Errorf("%d records are in quarantine still", n)
	}

	s.write(func(w *Writer) error { return w.Mark(s.Context(), s.row(w, ref), false, "ABCD1234") })
	want("held", thing(d, 1, 3))
	s.write(func(w *Writer) error {
		rows, err := w.Held(s.Context(), "ABCD1234")
		if err != nil || len(rows) != 1 || rows[0].Ref != ref {
			s.Errorf("held are %+v, %v", rows, err)
		}
		return w.Mark(s.Context(), s.row(w, ref), true, "")
	})

	day := time.Now()
	for range 16 {
		day = day.Add(24 * time.Hour)
		if _, err := s.store.Rotate(s.Context(), s.vault, day); err != nil {
			s.Fatal(err)
		}
	}
	want("re-wrapped for longer than a backup lives", thing(d, 1, 3))

	if d != record.DatasetPupil {
		s.write(func(w *Writer) error { return w.Remove(s.Context(), s.row(w, ref), "left") })
		want("removed")
		s.put(thing(d, 1, 4))
		want("come back", thing(d, 1, 4))
	}
	s.check(d, ref)
}

// check is about whose a record is.
func (s *shelf) check(d record.Dataset, ref Ref) {
	s.Helper()
	if got := s.count("SELECT COUNT(*) FROM pupils"); got != 1 {
		s.Errorf("there are %d pupils, want 1: a record made one up", got)
	}
	owner := "'" + string(onePupil) + "'"
	if !d.OfPupils() {
		owner = "''"
	}
	for _, table := range []string{"records", "record_history"} {
		all, own := s.count("SELECT COUNT(*) FROM "+table+" WHERE dataset = '"+string(d)+"'"),
			s.count("SELECT COUNT(*) FROM "+table+" WHERE dataset = '"+string(d)+"' AND pupil = "+owner)
		if all == 0 || all != own {
			s.Errorf("of %d rows of %s %d are their owner's", all, table, own)
		}
	}
	var out bytes.Buffer
	s.must(s.store.Export(s.Context(), "oak", s.vault, &out))
	for line := range strings.Lines(out.String()) {
		var e struct {
			Dataset     record.Dataset
			Key         record.Key
			Authority   string
			Authorities []string
		}
		s.must(json.Unmarshal([]byte(line), &e))
		if e.Dataset != d || e.Key != ref.Key {
			continue
		}
		ok := e.Authority == authority && e.Authorities == nil
		if !d.OfPupils() {
			ok = e.Authority == "" && slices.Equal(e.Authorities, []string{authority, "302", "303"})
		}
		if !ok {
			s.Errorf("the export says authority %q, authorities %v", e.Authority, e.Authorities)
		}
	}
}

// forget destroys everything of the school: nothing of any dataset is left, nor
// the keys.
func (s *shelf) forget() {
	s.Helper()
	s.stop("oak", time.Now())
	s.fsck()
	for _, err := range s.store.Records(s.Context(), "oak", s.vault) {
		if !errors.Is(err, ErrStopped) {
			s.Errorf("a stopped school's records are shown: %v", err)
		}
	}
	s.must(s.store.Write(s.Context(), func(tx *Tx) error { return tx.ForgetSchool(s.Context(), "oak") }))
	for _, table := range []string{"records", "record_history", "quarantine", "pupils", "school_keys", "positions"} {
		if n := s.count("SELECT COUNT(*) FROM " + table); n != 0 {
			s.Errorf("%d rows of %s are left of a school that is forgotten", n, table)
		}
	}
	s.exec("DELETE FROM stops WHERE school = 'oak'")
	s.exec("DELETE FROM schools WHERE school = 'oak'")
}

// An authority sees its own pupils whole, and of the staff what it was given.
func TestWhatAnAuthoritySees(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		s.put(thePupil(1), thing(record.DatasetBehaviour, 1, 1), thing(record.DatasetStaff, 1, 1))
		sees := func(code string) map[record.Dataset]string {
			seen := map[record.Dataset]string{}
			for _, r := range s.all() {
				if own, ok := r.For(code); ok {
					seen[own.Dataset()] = string(versionOf(t, own).Canonical)
				}
			}
			return seen
		}
		key := string(thing(record.DatasetStaff, 1, 1).Key())
		whole := func(r record.Record) string { return string(versionOf(t, r).Canonical) }
		for code, want := range map[string]map[record.Dataset]string{
			authority: {record.DatasetPupil: whole(thePupil(1)), record.DatasetBehaviour: whole(thing(record.DatasetBehaviour, 1, 1)),
				record.DatasetStaff: fmt.Sprintf(`{"staff":%q,"Surname":"Fictional Surname 1"}`, key)},
			"302": {record.DatasetStaff: fmt.Sprintf(`{"staff":%q,"Surname":"Fictional Surname 1","Email":"Fictional Email 1"}`, key)},
			"303": {record.DatasetStaff: fmt.Sprintf(`{"staff":%q}`, key)},
			"304": {},
			"":    {},
		} {
			if diff := cmp.Diff(want, sees(code)); diff != "" {
				t.Errorf("authority %q: %s", code, diff)
			}
		}
		// Looking at it as one authority changes nothing for the next.
		if got := s.texts(record.DatasetStaff)[0]; got != whole(thing(record.DatasetStaff, 1, 1)) {
			t.Errorf("the record itself is cut: %s", got)
		}
	})
}

// What stands with the school's staff is told to those who are given the staff.
func TestAnAuthorityIsToldOfItsStaffOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		for _, code := range []string{authority, "304"} {
			s.must(s.store.PutAuthority(t.Context(), Authority{Code: code, Why: "a reason"}))
			s.must(s.store.SetProvision(t.Context(), Provision{School: "oak", Authority: code, Datasets: map[record.Dataset][]string{record.DatasetPupil: {}}}))
		}
		bad := versionOf(t, thing(record.DatasetStaff, 1, 1))
		s.write(func(w *Writer) error {
			h := Hold{}
			h.Code, h.Dataset, h.Gone, h.Of = "ABCD1234", record.DatasetStaff, 3, 9
			if err := w.Hold(t.Context(), h); err != nil {
				return err
			}
			return w.Refuse(t.Context(), bad.Ref, bad.Canonical, bad.Tag, []string{"x:malformed"})
		})
		for code, want := range map[string]int{"": 1, authority: 1, "304": 0} {
			list, err := s.store.Schools(t.Context(), code)
			s.must(err)
			if got := list[0]; got.Quarantined != want || len(got.Holds) != want || want == 1 && got.Holds[0].Gone != 3 {
				t.Errorf("authority %q: %d refused, holds %+v", code, got.Quarantined, got.Holds)
			}
			if f := list[0].Facts(time.Now(), status.AM); f.Held != (want == 1) {
				t.Errorf("authority %q: held %v", code, f.Held)
			}
		}
		s.fsck()
	})
}

// Fsck finds a record that has another owner than it should, or whose owner has
// no key.
func TestFsckFindsWrongOwners(t *testing.T) {
	for name, query := range map[string]string{
		"staff under a pupil":        "UPDATE records SET pupil = '" + string(onePupil) + "' WHERE dataset = 'staff'",
		"a pupil's under the school": "UPDATE records SET pupil = '' WHERE dataset = 'behaviour'",
		"the school's key is gone":   "DELETE FROM school_keys",
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				s := newShelf(t, db)
				s.put(thePupil(1), thing(record.DatasetBehaviour, 1, 1), thing(record.DatasetStaff, 1, 1))
				s.fsck()
				s.exec(query)
				for _, v := range []*vault.Vault{nil, s.vault} {
					found, err := s.store.Fsck(t.Context(), v)
					if err != nil || !slices.ContainsFunc(found, func(f Finding) bool { return f.Check == CheckKeys }) {
						t.Errorf("found %+v, %v", found, err)
					}
				}
			})
		})
	}
}
