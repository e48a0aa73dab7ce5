package portal_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal"
	"rollbridge/collector/roster"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func upn(t *testing.T, n int) string {
	t.Helper()
	u, err := codes.MakeUPN(fmt.Sprintf("855%09d", n))
	if err != nil {
		t.Fatal(err)
	}
	return u.Reveal()
}

// A rosterSite has children on the roster of 855 at schools that miss them for
// every reason there is, and one on that of 856.
type rosterSite struct {
	*testing.T
	db       *database.DB
	store    *store.Store
	vault    *vault.Vault
	children []store.Listed
}

func newRosterSite(t *testing.T, db *database.DB) *rosterSite {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	s := &rosterSite{T: t, db: db, store: store.New(db)}
	s.must(vault.Init(dir))
	v, err := vault.Open(dir)
	s.must(err)
	t.Cleanup(func() { _ = v.Close() })
	s.vault = v
	for _, code := range []string{"855", "856"} {
		s.must(s.store.PutAuthority(t.Context(), store.Authority{Code: code, Why: "A reason"}))
	}
	return s
}

func (s *rosterSite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *rosterSite) exec(query string, args ...any) {
	s.Helper()
	s.must(s.db.Write(s.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(s.Context(), query, args...)
		return err
	}))
}

// school adds a school that 855 asks, with an agent, and children of its roster
// there.
func (s *rosterSite) school(id, name string, mayKnow ...bool) {
	s.Helper()
	s.must(s.store.AddSchool(s.Context(), store.School{ID: id, Name: name, Phone: "01632 960101"}))
	s.must(s.store.SetProvision(s.Context(), store.Provision{School: id, Authority: "855", Datasets: map[record.Dataset][]string{"pupil": {"UPN"}}}))
	agent := fmt.Appendf(nil, "%-16s", id)
	s.exec("INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state, created_at, confirmed_at) VALUES (?, ?, 1, ?, ?, ?, 'a', 'confirmed', 1, 1)",
		id, agent, []byte("k"), []byte("k"), []byte("k"))
	for _, may := range mayKnow {
		s.children = append(s.children, store.Listed{School: id, UPN: upn(s.T, len(s.children)+1), DOB: record.Date(fmt.Sprintf("2012-04-%02d", len(s.children)+1)), MayKnow: may})
	}
}

// told says that a school's agent has the roster, and what it made of it.
func (s *rosterSite) told(school string, use *protocol.RosterUse) {
	s.Helper()
	s.must(s.store.Write(s.Context(), func(tx *store.Tx) error {
		if err := tx.SetTold(s.Context(), s.vault, school, store.Told{Agent: []byte("a"), Digest: []byte("d"), At: clock.Now()}); err != nil || use == nil {
			return err
		}
		use.Authority = "855"
		return tx.SetRosterUse(s.Context(), school, []store.RosterUse{{RosterUse: *use, AsAt: clock.Now()}})
	}))
}

func (s *rosterSite) pupil(school, id, authority string, index []byte) {
	s.Helper()
	s.exec("INSERT INTO pupils (school, pupil, authority, key, epoch, upn_index, first_seen) VALUES (?, ?, ?, ?, 1, ?, 1)", school, id, authority, []byte("k"), index)
}

func (s *rosterSite) imported(authority string, children ...store.Listed) {
	s.Helper()
	_, err := roster.Importer{Store: s.store, Vault: s.vault}.Import(s.Context(), authority, children, roster.Options{})
	s.must(err)
}

func (s *rosterSite) browse() (*browser, *bytes.Buffer) {
	s.Helper()
	var log bytes.Buffer
	server := httptest.NewTLSServer(portal.New(s.db, slog.New(slog.NewTextHandler(&log, nil)), portal.Options{Vault: s.vault}).Handler())
	s.Cleanup(server.Close)
	return newBrowser(s.T, server, s.vault), &log
}

// everyReason fills the site.
func (s *rosterSite) everyReason() {
	s.Helper()
	s.school("ash", "Ash School", true, true, false)
	s.told("ash", &protocol.RosterUse{Waiting: 1})
	s.school("birch", "Birch School", true)
	s.told("birch", &protocol.RosterUse{NotFound: 1})
	s.school("cedar", "Cedar School", true, true)
	s.told("cedar", &protocol.RosterUse{NotFound: 1, Waiting: 1})
	s.school("dogwood", "Dogwood School", true)
	s.exec("UPDATE agents SET state = 'superseded' WHERE school = 'dogwood'")
	s.school("elm", "Elm School", true)
	s.must(s.store.DropProvision(s.Context(), "elm", "855"))
	s.school("fir", "Fir School", true, false)
	s.exec("UPDATE schools SET revoked_at = ? WHERE school = 'fir'", database.Micros(clock.Now().Add(-72*time.Hour)))
	s.school("gorse", "Gorse School", true)
	s.school("hazel", "Hazel School", true)
	s.told("hazel", nil)
	s.school("ivy", "Ivy School", true)
	s.told("ivy", &protocol.RosterUse{Sent: 1})
	s.pupil("ivy", "n", "855", nil)
	s.pupil("ash", "sent", "855", s.vault.BlindIndex(s.children[0].UPN))
	s.imported("855", s.children...)
	s.imported("856", store.Listed{School: "ash", UPN: upn(s.T, 99), DOB: "2013-09-30", MayKnow: true})
}

func TestRosterSaysWhoIsMissedAndWhy(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRosterSite(t, db)
		s.everyReason()
		b, log := s.browse()
		b.enter(db, "jo", "855")
		first, list := b.get("/"), b.get("/roster")
		if first.code != http.StatusOK || list.code != http.StatusOK {
			t.Fatalf("%d, %d: %s", first.code, list.code, log)
		}
		for _, page := range []string{first.body, list.body} {
			for _, want := range []string{
				"12 of 13 children on the roster are not sent by any school",
				"At the school, but not marked there as looked after: 1 child.", "accept the child",
				"Not found at this school: 1 child.", "Check the UPN",
				"The school says how many, not who.",
				"The school is not set up yet.", "You do not ask this school for data any more.",
				"Stopped by school", "Phone the school each day.",
				"The school has not been told of its part of the roster yet.",
				"and has not said what it found since.",
				"The school has found them all.", "sends 1 child without a UPN",
				"The school may not know of the child", "Ask those who may know, not the school.",
			} {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
			if strings.Contains(page, "<script") || strings.Contains(page, "style=") {
				t.Error("the page runs or styles by itself")
			}
		}
		for i, c := range s.children {
			if strings.Contains(first.body, c.UPN) {
				t.Error("the first page shows a child")
			}
			if shown := strings.Contains(list.body, c.UPN) && strings.Contains(list.body, fmt.Sprintf("%d April 2012", i+1)); shown != (i > 0) {
				t.Errorf("child %d is shown: %v", i, shown)
			}
		}
		if strings.Contains(list.body, upn(t, 99)) || strings.Contains(list.body, "30 September 2013") {
			t.Error("another authority's child is shown")
		}
		if strings.Contains(log.String(), "855") {
			t.Errorf("logged: %s", log)
		}
	})
}

// Who belongs to no authority sees how many, never whom.
func TestOnlyItsAuthoritySeesAChild(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRosterSite(t, db)
		s.everyReason()
		operator, _ := s.browse()
		operator.enter(db, "op", "")
		a := operator.get("/")
		if !strings.Contains(a.body, "12 of 13 children on the roster are not sent") || !strings.Contains(a.body, "1 of 1 child on the roster is not sent") {
			t.Error("the operator does not see how many are missed")
		}
		if strings.Contains(a.body, `href="/roster"`) || slices.ContainsFunc(s.children, func(c store.Listed) bool { return strings.Contains(a.body, c.UPN) }) {
			t.Error("the operator sees a child")
		}
		if a := operator.get("/roster"); a.code != http.StatusNotFound {
			t.Errorf("the operator's list of children: %d", a.code)
		}
		nobody, _ := s.browse()
		if a := nobody.get("/roster"); a.location != "/sign-in" {
			t.Errorf("without signing in: %d to %q", a.code, a.location)
		}
	})
}

func TestNoRosterAndNobodyMissed(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	s := newRosterSite(t, db)
	s.school("ash", "Ash School", true, true)
	b, _ := s.browse()
	b.enter(db, "jo", "855")
	if a := b.get("/"); a.code != http.StatusOK || strings.Contains(a.body, "oster") {
		t.Errorf("without a roster: %d", a.code)
	}
	if a := b.get("/roster"); a.code != http.StatusOK || !strings.Contains(a.body, "No roster has been imported") {
		t.Errorf("the list without a roster: %d", a.code)
	}
	s.imported("855", s.children...)
	for i, c := range s.children {
		s.pupil("ash", fmt.Sprint(i), "855", s.vault.BlindIndex(c.UPN))
	}
	if a := b.get("/"); !strings.Contains(a.body, "All 2 children on the roster are sent by a school") || strings.Contains(a.body, `href="/roster"`) {
		t.Error("it is not said that all are sent")
	}
}
