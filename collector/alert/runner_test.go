package alert

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/collector/audit"
	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

const (
	north = registertest.Northshire
	south = registertest.Southshire
	link  = "https://attendance.example.org"
)

func at(hour, minute int) time.Time { return registertest.At(hour, minute) }

// A rig is a collector's data with a mail server.
type rig struct {
	*registertest.Rig
	server *mailServer
	log    bytes.Buffer
}

func newRig(t *testing.T, db *database.DB, behave func(*mailServer)) *rig {
	t.Helper()
	r := &rig{Rig: registertest.New(t, db), server: newMailServer(t, behave)}
	r.School("abbey", "Abbey Road Primary")
	r.School("oak", "Oak Academy")
	r.Pupil("abbey", record.Pupil{ID: registertest.PupilID(1), Forename: "Forename", Surname: "Surnamely", CareAuthority: north})
	c := r.Pupil("oak", record.Pupil{ID: registertest.PupilID(2), Forename: "Forename", Surname: "Surnamely", CareAuthority: north})
	r.Today(c, "N")
	r.AsAt("oak", at(9, 35))
	return r
}

func well(*mailServer) {}

// runner is a process of its own on the rig's database.
func (r *rig) runner() *Runner {
	return New(Config{DB: r.DB, Vault: r.Vault, Sender: r.server.mailer(), Link: link, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Metrics: prometheus.NewRegistry()})
}

// person adds somebody who wants e-mails, changed by a statement.
func (r *rig) person(name string, change ...string) {
	r.Helper()
	r.Exec("INSERT INTO users (id, name, password, created_at, role, email, alerts) VALUES (?, ?, '', 1, 'caller', ?, TRUE)", name+"-id", name, name+"@example.org")
	r.Exec("INSERT INTO user_authorities (user_id, authority) VALUES (?, ?)", name+"-id", north)
	for _, c := range change {
		r.Exec("UPDATE users SET "+c+" WHERE id = ?", name+"-id")
	}
}

// once runs a process once and wants to be called again at a time.
func (r *rig) once(p *Runner, now, next time.Time) {
	r.Helper()
	got, err := p.Once(r.Context(), now)
	r.Must(err)
	if !got.Equal(next) {
		r.Errorf("at %s: next at %s, want %s", now.Format(time.TimeOnly), got.In(status.London()).Format(time.TimeOnly), next.Format(time.TimeOnly))
	}
}

// to are the names of those who got a letter, in order.
func (r *rig) to() (names []string) {
	for _, l := range r.server.taken() {
		_, rest, _ := strings.Cut(l, "TO:<")
		name, _, _ := strings.Cut(rest, "@")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r *rig) want(what string, names ...string) {
	r.Helper()
	if got := r.to(); !slices.Equal(got, names) {
		r.Errorf("%s: %v got a letter, want %v", what, got, names)
	}
}

func TestOneLetterForEachPersonAndSession(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db, well)
		r.person("alex")
		r.person("dewi", "language = 'cy'")
		p := r.runner()
		r.once(p, at(8, 0), at(8, 5))
		r.once(p, at(10, 14), at(10, 15))
		r.want("before the time")
		r.once(p, at(10, 15), at(10, 20))
		r.want("at the time", "alex", "dewi")
		r.once(p, at(10, 20), at(10, 25))
		r.once(r.runner(), at(10, 21), at(10, 26))
		r.want("again, and after a restart", "alex", "dewi")
		r.once(p, at(14, 30), at(14, 35))
		r.want("in the afternoon", "alex", "alex", "dewi", "dewi")
		letters := r.server.taken()
		i := slices.IndexFunc(letters, func(l string) bool { return strings.Contains(l, "alex@") })
		for _, text := range []string{"Subject: Barking and Dagenham: 2 schools to call", "This morning's registers", "Correct at 10:15am, Monday 23 November 2026", "Schools to call: 2",
			"Children absent without a reason: 1", "Children whose register has not come: 1", "Registers received: 1 of 2", link} {
			if !strings.Contains(unfold(letters[i]), text) {
				t.Errorf("the letter has no %q:\n%s", text, letters[i])
			}
		}
		i = slices.IndexFunc(letters, func(l string) bool { return strings.Contains(l, "dewi@") })
		if !strings.Contains(unfold(letters[i]), "Ysgolion i'w ffonio: 2") {
			t.Errorf("the letter is not in Welsh:\n%s", letters[i])
		}
		for _, l := range letters {
			for _, secret := range []string{"Abbey", "Oak", "Forename", "Surnamely", string(registertest.PupilID(1))} {
				if strings.Contains(l, secret) {
					t.Errorf("a letter has %q", secret)
				}
			}
		}
		list, _, err := audit.New(db, r.Vault).Read(t.Context(), audit.Query{Chain: audit.OfAuthority(north)})
		if err != nil || len(list) != 4 || list[0].Action != audit.AlertSent || list[0].User != audit.ByProgram {
			t.Errorf("in the log: %+v, %v", list, err)
		}
	})
}

// unfold undoes quoted-printable's soft line ends.
func unfold(letter string) string { return strings.NewReplacer("=\n", "", "=3D", "=").Replace(letter) }

func TestSeveralProcessesSendOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db, well)
		var names []string
		for n := range 4 {
			names = append(names, fmt.Sprintf("person%d", n))
			r.person(names[n])
		}
		var wait sync.WaitGroup
		for range 4 {
			p := New(Config{DB: r.DB, Vault: r.Vault, Sender: r.server.mailer(), Link: link, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
			wait.Go(func() {
				if _, err := p.Once(t.Context(), at(10, 15)); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		r.want("four processes", names...)
	})
}

func sqlite(t *testing.T, behave func(*mailServer)) *rig {
	t.Helper()
	return newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), behave)
}

func TestAMissedTimeIsCaughtUpWithinTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		now  time.Time
		want int
	}{
		"in the morning":         {at(13, 44), 1},
		"between the sessions":   {at(13, 45), 0},
		"in the afternoon":       {at(16, 59), 1},
		"in the evening":         {at(17, 0), 0},
		"on a Saturday":          {registertest.On(registertest.Monday.AddDate(0, 0, 5), 10, 15), 0},
		"on a bank holiday":      {registertest.On(time.Date(2026, 12, 25, 0, 0, 0, 0, status.London()), 10, 15), 0},
		"when the clocks change": {registertest.On(time.Date(2027, 3, 29, 0, 0, 0, 0, status.London()), 10, 15), 0}, // Easter Monday
		"in summer time":         {registertest.On(time.Date(2027, 4, 20, 0, 0, 0, 0, status.London()), 10, 15), 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := sqlite(t, well)
			r.person("alex")
			if _, err := r.runner().Once(t.Context(), c.now); err != nil {
				t.Fatal(err)
			}
			if n := len(r.to()); n != c.want {
				t.Errorf("%d letters", n)
			}
		})
	}
}

func TestWhoGetsALetter(t *testing.T) {
	r := sqlite(t, well)
	r.person("alex")
	r.person("viewer", "role = 'viewer'")
	r.person("unasked", "alerts = FALSE")
	r.person("nowhere", "email = ''")
	r.person("caseload", "role = 'caseload'")
	r.person("gone", "disabled_at = 1")
	r.person("invited", "must_change = TRUE")
	r.person("ended", fmt.Sprintf("until_at = %d", database.Micros(at(10, 0))))
	r.person("elsewhere")
	r.Exec("DELETE FROM user_authorities WHERE user_id = 'elsewhere-id'")
	r.person("team")
	r.Exec("INSERT INTO user_authorities (user_id, authority) VALUES ('team-id', ?)", south)
	_, err := r.runner().Once(t.Context(), at(10, 15))
	r.Must(err)
	r.want("of all", "alex", "team", "team", "viewer")
}

// One school with late hours does not keep the others' letter back, and most
// schools' hours count.
func TestTheTimeIsThatOfMostSchools(t *testing.T) {
	r := sqlite(t, well)
	r.School("elm", "Elm School")
	r.person("alex")
	late := func(school string) {
		r.Must(r.DB.Write(t.Context(), func(tx *database.Tx) error {
			return calendar.SetTimes(t.Context(), tx, school, "2026-11-23", map[status.Session]status.Clock{
				status.AM: {Register: 10 * time.Hour, Late: 10*time.Hour + 15*time.Minute, NotReceived: 11 * time.Hour},
				status.PM: status.DefaultClocks()[status.PM],
			}, calendar.Change{At: at(9, 0)})
		}))
	}
	late("elm")
	p := r.runner()
	r.once(p, at(10, 14), at(10, 15))
	late("oak")
	r.once(p, at(10, 15), at(10, 20))
	r.want("two of three are late")
	r.once(p, at(10, 58), at(11, 0))
	r.once(p, at(11, 0), at(11, 5))
	r.want("at the time of most", "alex")
}

func TestGreylisting(t *testing.T) {
	r := sqlite(t, func(s *mailServer) { s.later = 3 })
	r.person("alex")
	p := r.runner()
	r.once(p, at(10, 15), at(10, 16))
	r.once(p, at(10, 16), at(10, 18))
	r.once(p, at(10, 17), at(10, 18))
	r.once(p, at(10, 18), at(10, 22))
	r.want("before the server takes it")
	// Another process goes on where this one was.
	r.once(r.runner(), at(10, 22), at(10, 27))
	r.want("the fourth time", "alex")
	if strings.Contains(r.log.String(), "@") || strings.Contains(r.log.String(), "greylisted") || !strings.Contains(r.log.String(), "reason=later") {
		t.Errorf("logged: %s", &r.log)
	}
}

func TestARefusedPersonDoesNotKeepOthersBack(t *testing.T) {
	r := sqlite(t, func(s *mailServer) { s.refuse = "alex" })
	r.person("alex")
	r.person("sam")
	p := r.runner()
	r.once(p, at(10, 15), at(10, 20))
	r.once(p, at(10, 20), at(10, 25))
	r.want("one of two", "sam")
	if n := strings.Count(r.log.String(), "given up"); n != 1 || strings.Contains(r.log.String(), "@") {
		t.Errorf("%d given up: %s", n, &r.log)
	}
}

// A mail server that cannot be used is asked less and less often, however many
// people wait, until the session is over.
func TestAServerThatIsDown(t *testing.T) {
	r := sqlite(t, func(s *mailServer) { s.noStartTLS = true })
	for n := range 5 {
		r.person(fmt.Sprintf("person%d", n))
	}
	p := r.runner()
	r.once(p, at(10, 15), at(10, 16))
	if r.server.conns != 1 {
		t.Errorf("%d connections for five people", r.server.conns)
	}
	r.once(p, at(10, 16), at(10, 18))
	r.once(p, at(10, 18), at(10, 22))
	now, tries := at(10, 22), 0
	for now.Before(at(13, 45)) && tries < 200 {
		next, err := p.Once(t.Context(), now)
		r.Must(err)
		if !next.After(now) {
			t.Fatalf("at %s again at %s", now, next)
		}
		now = next
		tries++
	}
	if r.server.conns > 20 {
		t.Errorf("%d connections in a morning", r.server.conns)
	}
	r.want("all the morning")
	if strings.Contains(r.log.String(), "@") {
		t.Errorf("logged: %s", &r.log)
	}
}

// A process that dies while it sends leaves the letter to another.
func TestAProcessThatDies(t *testing.T) {
	r := sqlite(t, well)
	r.person("alex")
	dead := r.runner()
	p := parcel{north, "2026-11-23", status.AM}
	r.Must(dead.ledger.open(t.Context(), p, []string{"alex-id"}, at(10, 15)))
	tasks, err := dead.ledger.unsent(t.Context(), p)
	r.Must(err)
	if taken, err := dead.ledger.take(t.Context(), tasks[0], at(10, 15)); !taken || err != nil {
		t.Fatal(taken, err)
	}
	other := r.runner()
	r.once(other, at(10, 16), at(10, 15).Add(lease))
	r.want("while it may be sending")
	r.once(other, at(10, 15).Add(lease), at(10, 20).Add(lease))
	r.want("after that", "alex")
}

func TestOldOnesAreForgotten(t *testing.T) {
	r := sqlite(t, well)
	r.person("alex")
	_, err := r.runner().Once(t.Context(), at(10, 15))
	r.Must(err)
	rows := func() (n int) {
		r.Must(r.DB.Read(t.Context(), func(tx *database.Tx) error { return tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM alerts").Scan(&n) }))
		return n
	}
	for _, c := range []struct{ days, want int }{{keep, 1}, {keep + 1, 0}} {
		_, err := r.runner().Once(t.Context(), registertest.On(registertest.Monday.AddDate(0, 0, c.days), 8, 0))
		r.Must(err)
		if rows() != c.want {
			t.Errorf("after %d days %d are left", c.days, rows())
		}
	}
}
