package children_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/roster"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// listedAt puts children on a school's part of the roster of north.
func (r *rig) listedAt(list *[]store.Listed, school, name string, mayKnow ...bool) {
	r.Helper()
	r.School(school, name)
	for _, may := range mayKnow {
		n := len(*list) + 1
		*list = append(*list, store.Listed{School: school, UPN: registertest.UPN(n), DOB: record.Date(fmt.Sprintf("2012-04-%02d", n)), MayKnow: may})
	}
}

// told says that a school's agent has the roster, and what it made of it.
func (r *rig) told(school string, use *protocol.RosterUse) {
	r.Helper()
	r.Must(r.Store.Write(r.Context(), func(tx *store.Tx) error {
		if err := tx.SetTold(r.Context(), r.Vault, school, store.Told{Agent: []byte("a"), Digest: []byte("d"), At: clock.Now()}); err != nil || use == nil {
			return err
		}
		use.Authority = north
		return tx.SetRosterUse(r.Context(), school, []store.RosterUse{{RosterUse: *use, AsAt: clock.Now()}})
	}))
}

func (r *rig) imported(authority string, children ...store.Listed) {
	r.Helper()
	_, err := roster.Importer{Store: r.Store, Vault: r.Vault}.Import(r.Context(), authority, children, roster.Options{})
	r.Must(err)
}

// sent puts a child on a school's list without a record of it.
func (r *rig) sent(school, id string, index []byte) {
	r.Helper()
	r.Exec("INSERT INTO pupils (school, pupil, authority, key, epoch, upn_index, first_seen) VALUES (?, ?, ?, ?, 1, ?, 1)", school, id, north, []byte("k"), index)
}

// Every reason why a child of the roster is missed is said, with the next step; whom a
// school may not know is never to be asked of it.
func TestMissingSaysWhoAndWhy(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		var list []store.Listed
		r.listedAt(&list, "ash", "Ash School", true, true, false)
		r.told("ash", &protocol.RosterUse{Waiting: 1})
		r.listedAt(&list, "birch", "Birch School", true)
		r.told("birch", &protocol.RosterUse{NotFound: 1})
		r.listedAt(&list, "cedar", "Cedar School", true, true)
		r.told("cedar", &protocol.RosterUse{NotFound: 1, Waiting: 1})
		r.listedAt(&list, "dogwood", "Dogwood School", true)
		r.Exec("UPDATE agents SET state = 'superseded' WHERE school = 'dogwood'")
		r.listedAt(&list, "elm", "Elm School", true)
		r.Must(r.Store.DropProvision(t.Context(), "elm", north))
		r.listedAt(&list, "fir", "Fir School", true, false)
		r.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'fir'", database.Micros(clock.Now().Add(-72*time.Hour)))
		r.listedAt(&list, "gorse", "Gorse School", true)
		r.listedAt(&list, "hazel", "Hazel School", true)
		r.told("hazel", nil)
		r.listedAt(&list, "ivy", "Ivy School", true)
		r.told("ivy", &protocol.RosterUse{Sent: 1})
		r.sent("ivy", "n", nil)
		r.sent("ash", "sent", r.Vault.BlindIndex(list[0].UPN))
		r.imported(north, list...)
		r.imported(south, store.Listed{School: "ash", UPN: registertest.UPN(99), DOB: "2013-09-30", MayKnow: true})

		viewer := r.as("viewer", account.Viewer, north)
		has(t, r.get(viewer, "/children"), "12 children on your roster are not sent by any school", "/children/missing")
		body := r.get(viewer, "/children/missing")
		has(t, body, "12 children of 13 on the roster are not sent by any school",
			"At the school, but not marked there as looked after: 1 child.", "accept the child", "Not found at this school: 1 child.", "Check the UPN",
			"The school says how many, not who.", "The school is not set up yet.", "You do not ask this school for data any more.",
			"Stopped by school", "Phone the school about the child each day.", "The school has not been told of its part of the roster yet.",
			"and has not said what it found since.", "The school has found them all.", "sends 1 child without a UPN",
			"The school may not know of the child", "Ask those who may know, not the school.")
		for i, c := range list {
			if shown := strings.Contains(body, c.UPN) && strings.Contains(body, fmt.Sprintf("%d April 2012", i+1)); shown != (i > 0) {
				t.Errorf("child %d is shown: %v", i, shown)
			}
		}
		lacks(t, body, registertest.UPN(99), "30 September 2013")
		if n := len(r.audited(north, audit.RosterViewed)); n != 10 {
			t.Errorf("%d entries of the look", n)
		}
		b := r.as("caseload", account.Caseload, north, r.child("ash", north, "Ann", "One"))
		if a := b.Get("/children/missing"); a.Code != 404 {
			t.Errorf("a caseload sees the roster: %d", a.Code)
		}
		lacks(t, r.get(b, "/children"), "roster")
		r.clean()
	})
}

func TestNoRosterAndNobodyMissed(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	var list []store.Listed
	r.listedAt(&list, "ash", "Ash School", true, true)
	viewer := r.as("viewer", account.Viewer, north)
	lacks(t, r.get(viewer, "/children"), "oster")
	has(t, r.get(viewer, "/children/missing"), "No roster has been imported")
	r.imported(north, list...)
	for i, c := range list {
		r.sent("ash", fmt.Sprint(i), r.Vault.BlindIndex(c.UPN))
	}
	has(t, r.get(viewer, "/children"), "Every child on your roster is sent by a school.")
	has(t, r.get(viewer, "/children/missing"), "All 2 children on the roster are sent by a school.")
	r.clean()
}
