package e2e

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// exitHeld is how a sync ends that kept something back.
const exitHeld = 3

// A stopped is a world whose agent reads files that a test spoils.
type stopped struct {
	*world
}

func newStopped(t *testing.T) *stopped {
	t.Helper()
	monday := nextMonday(time.Now())
	clock := filepath.Join(t.TempDir(), "clock")
	at(t, clock, monday, "09:00") // a school day, so that a word is shown for it
	config := small()
	config.Canary, config.Today = canary, demoschool.Date(monday.Year(), monday.Month(), monday.Day())
	s := &stopped{emptyWorld(t, config)}
	s.must(os.Mkdir(s.folder(), 0o755))
	s.write()
	code := s.setUpCollector(stack.CollectorOptions{Clock: clock})
	s.enrolAt(stack.Folder("csv", s.folder()), code, stack.AgentOptions{Clock: clock})
	s.sync()
	return s
}

func (s *stopped) write() {
	s.t.Helper()
	s.must(s.school.WriteCSV(s.folder()))
}

// edit rewrites a file.
func (s *stopped) edit(name string, change func(rows [][]string) [][]string) {
	s.t.Helper()
	path := filepath.Join(s.folder(), name)
	f, err := os.Open(path)
	s.must(err)
	rows, err := csv.NewReader(f).ReadAll()
	s.must(err)
	s.must(f.Close())
	out, err := os.Create(path)
	s.must(err)
	s.must(csv.NewWriter(out).WriteAll(change(rows)))
	s.must(out.Close())
}

// turned puts the first column last.
func turned(rows [][]string) [][]string {
	for i, row := range rows {
		rows[i] = append(slices.Clone(row[1:]), row[0])
	}
	return rows
}

// emptied empties the column of a heading.
func emptied(heading string) func([][]string) [][]string {
	return func(rows [][]string) [][]string {
		at := slices.Index(rows[0], heading)
		for _, row := range rows[1:] {
			row[at] = ""
		}
		return rows
	}
}

// heldBy runs a sync that must keep something back, and returns the code that the
// collector shows once it has what the agent says.
func (w *world) heldBy(why protocol.Why, says ...string) (code string) {
	w.t.Helper()
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code != exitHeld {
		w.t.Fatalf("sync ended with %d, want %d, and said:\n%s%s", r.Code, exitHeld, r.Stdout, r.Stderr)
	}
	for _, want := range says {
		if !strings.Contains(r.Stderr, want) {
			w.t.Errorf("the school is told:\n%s\nwant in it: %s", r.Stderr, want)
		}
	}
	for _, found := range marks([]byte(r.Stdout + r.Stderr)) {
		w.t.Errorf("%s was said", found)
	}
	w.must(stack.Await(w.ctx, "the hold to be shown to the operator", func() (bool, error) {
		for _, h := range w.status().Holds {
			if h.Why == why {
				code = h.Code
			}
		}
		return code != "", nil
	}))
	if why.Releasable() && !strings.Contains(r.Stderr, "--release "+code) {
		w.t.Errorf("the school is not told of --release %s:\n%s", code, r.Stderr)
	}
	return code
}

// told waits for what the authority reads beside the school's name.
func (s *stopped) told(says ...string) {
	s.t.Helper()
	s.word(status.Held)
	got := s.status().AM
	for _, want := range says {
		if !strings.Contains(got.Next, want) {
			s.t.Errorf("the authority is told %q, want in it %q", got.Next, want)
		}
	}
	if got.Owner == "" || got.Owner == "Nobody" {
		s.t.Errorf("%q acts", got.Owner)
	}
}

// free waits until nothing is held any more, and everything is as in the MIS.
func (s *stopped) free() {
	s.t.Helper()
	s.same()
	s.must(stack.Await(s.ctx, "nothing to be held", func() (bool, error) {
		got := s.status()
		return len(got.Holds) == 0 && got.AM.Status != status.Held, nil
	}))
}

// mark changes a mark, to see that a register goes, or does not.
func (s *stopped) mark() {
	s.t.Helper()
	s.must(s.school.ChangeMark(s.school.LookedAfter()[0].ID, s.school.Today(), demoschool.AM, map[bool]string{true: "I", false: "M"}[time.Now().UnixNano()%2 == 0]))
}

// TestSafetyStops stages every stop of a school on files, each with what the
// school and the authority are told and how it ends.
func TestSafetyStops(t *testing.T) {
	t.Parallel()
	s := newStopped(t)
	for _, c := range []struct {
		name string
		run  func(*stopped)
	}{
		{"an unrelated column is none", (*stopped).anotherColumn},
		{"contacts in another form", (*stopped).otherForm},
		{"pupils in another form", (*stopped).otherFormOfPupils},
		{"a column of the contacts is gone", (*stopped).columnGone},
		{"ids of the contacts are empty", (*stopped).idsEmpty},
		{"ids of the pupils are empty", (*stopped).idsOfPupilsEmpty},
		{"a removed contact comes back", (*stopped).comesBack},
		{"many contacts disappear", (*stopped).disappear},
	} {
		if !t.Run(c.name, func(t *testing.T) { s.t = t; c.run(s) }) {
			return // what follows begins where this ended
		}
	}
	s.t = t
	s.sound()
}

func (s *stopped) anotherColumn() {
	s.edit(demoschool.ContactsCSV, func(rows [][]string) [][]string {
		for i := range rows {
			rows[i] = slices.Insert(rows[i], 2, canary)
		}
		return rows
	})
	s.sync()
}

// otherForm: the contacts wait, the register goes, a yes sends them.
func (s *stopped) otherForm() {
	p := s.school.LookedAfter()[0].ID
	before := s.held().Counts()
	_, err := s.school.AddContact(p, demoschool.Contact{Forename: "Robin", Surname: "Example", Relationship: "FOF"})
	s.must(err)
	s.mark()
	s.write()
	s.edit(demoschool.ContactsCSV, turned)
	code := s.heldBy(protocol.WhySchema, "columns of contact in another form")
	s.told("contact records in another form", "Registers go on as before")
	if now := s.held().Counts(); now["contact"] != before["contact"] {
		s.t.Errorf("%d contacts, before %d", now["contact"], before["contact"])
	}
	if again := s.heldBy(protocol.WhySchema); again != code {
		s.t.Error("the same form has another code the second time")
	}
	_, err = s.agent.Command(s.ctx, "sync", "--release", code)
	s.must(err)
	s.free()
	s.sync() // and stays released
	s.write()
	back := s.heldBy(protocol.WhySchema) // another form than was released
	_, err = s.agent.Command(s.ctx, "sync", "--release", back)
	s.must(err)
	s.free()
}

// otherFormOfPupils: nothing goes but a signed batch that says so.
func (s *stopped) otherFormOfPupils() {
	before, sealed := s.held(), s.lastRead().Sealed.Sequence
	s.mark()
	s.write()
	s.edit(demoschool.PupilsCSV, turned)
	s.heldBy(protocol.WhySchema, "columns of pupil in another form", "nor anything else")
	s.told("pupil records in another form", "phone the school for today's register")
	s.must(oracle.Same(before, s.held()))
	if now := s.lastRead().Sealed.Sequence; now != sealed+1 {
		s.t.Errorf("batch %d after %d: silence is no answer", now, sealed)
	}
	s.write() // as it was
	s.sync()
	s.free()
}

func (s *stopped) columnGone() {
	s.mark()
	s.write()
	s.edit(demoschool.ContactsCSV, func(rows [][]string) [][]string {
		rows[0][slices.Index(rows[0], "Surname")] = canary
		return rows
	})
	code := s.heldBy(protocol.WhyPermission, `no column headed "Surname"`)
	s.told("does not let the agent read its contact records")
	r, err := s.agent.Try(s.ctx, "sync", "--release", code)
	s.must(err)
	if r.Code != exitHeld || !strings.Contains(r.Stderr, "a yes does not help") {
		s.t.Errorf("a release ended with %d and said:\n%s", r.Code, r.Stderr)
	}
	s.write()
	s.sync()
	s.free()
}

func (s *stopped) idsEmpty() {
	s.mark()
	s.write()
	s.edit(demoschool.ContactsCSV, emptied("Pupil ID"))
	s.heldBy(protocol.WhyIdentifier, "the ids in contact are empty in every row")
	s.told("contact records come without the ids")
	s.same() // the register went, and no contact
	s.write()
	s.sync()
	s.free()
}

// idsOfPupilsEmpty: the read is void, and a check-in says so.
func (s *stopped) idsOfPupilsEmpty() {
	before := s.held()
	s.edit(demoschool.PupilsCSV, emptied("Pupil ID"))
	r, err := s.agent.Try(s.ctx, "sync")
	s.must(err)
	if r.Code != exitMIS || s.lastRead().Problem != protocol.ProblemIdentifier {
		s.t.Errorf("sync ended with %d: %s", r.Code, r.Stderr)
	}
	r, err = s.agent.Try(s.ctx, "sync") // checks in first
	s.must(err)
	if r.Code != exitMIS {
		s.t.Errorf("sync ended with %d: %s", r.Code, r.Stderr)
	}
	s.told("pupil records come without the ids", "phone the school for today's register")
	s.must(oracle.Same(before, s.held()))
	s.write()
	s.sync()
	s.sync() // whose check-in says that it is well
	s.free()
}

func (s *stopped) comesBack() {
	p := s.school.LookedAfter()[0].ID
	var one demoschool.Contact
	for c := range s.school.Contacts(p) {
		one = c
	}
	s.must(s.school.RemoveContact(p, one.ID))
	s.write()
	s.sync()
	_, err := s.school.AddContact(p, one)
	s.must(err)
	s.mark()
	s.write()
	before := s.held().Counts()
	code := s.heldBy(protocol.WhyReturned, "1 contact records of authority", "preview --release")
	s.told("removed from a child are in the school's system again", "must not be told anything")
	if now := s.held().Counts(); now["contact"] != before["contact"] {
		s.t.Error("who was removed is shown again")
	}
	preview, err := s.agent.Command(s.ctx, "preview", "--release", code, "--reveal")
	s.must(err)
	if !strings.Contains(preview, one.Forename) {
		s.t.Error("a preview with the code does not show who it is")
	}
	_, err = s.agent.Command(s.ctx, "sync", "--release", code)
	s.must(err)
	s.free()
	s.sync("--full")
}

// loseContacts takes a contact from each child at once.
func (w *world) loseContacts() {
	w.t.Helper()
	for _, p := range w.school.LookedAfter() {
		for c := range w.school.Contacts(p.ID) {
			w.must(w.school.RemoveContact(p.ID, c.ID))
			break
		}
	}
}

func (s *stopped) disappear() {
	before := s.held().Counts()
	s.loseContacts()
	s.write()
	code := s.heldBy(protocol.WhyDisappearance, "contact records disappeared at once")
	s.told("contact records are missing from what was read")
	if now := s.held().Counts(); now["contact"] != before["contact"] {
		s.t.Error("contacts were removed although nobody said yes")
	}
	_, err := s.agent.Command(s.ctx, "sync", "--release", code)
	s.must(err)
	s.free()
}

// TestStopsOfADatabase takes rights and columns away from one view after another:
// the rest of the morning goes.
func TestStopsOfADatabase(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.setUpMIS(w.school.TablesSQL, stack.MISOptions{Staged: true})
	source := w.mis.Server()
	f := &faulty{world: w, server: w.mis.Instance.StandIn(), user: source.User}
	source.CertificateFile = w.pin(source.CertificateFile)
	w.enrolAt(source.Source("sql-views"), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	w.sync()
	days, pupil := w.school.SchoolDays(), w.school.LookedAfter()[0].ID
	for i, c := range []struct {
		name  string
		begin func(f *faulty) (mend func())
		why   protocol.Why
		says  string
		// register: the register is what is stopped.
		register bool
	}{
		{"view missing", func(f *faulty) func() {
			f.run("DROP VIEW rollbridge.contact")
			return func() {
				f.run(strings.Replace(f.viewText("contact"), "ALTER", "CREATE", 1))
				f.run("GRANT SELECT ON rollbridge.contact TO LOGIN_NAME")
			}
		}, protocol.WhyPermission, "[rollbridge].[contact]", false},
		{"column missing", view("contact", "\tk.Relationship AS Relationship,\n", ""), protocol.WhyPermission, "Relationship", false},
		{"ids empty", view("contact", "k.ContactID AS contact", "CAST(NULL AS int) AS contact"), protocol.WhyIdentifier, "the identifier of the contact is empty", false},
		{"permission revoked", script("REVOKE SELECT ON rollbridge.attendance FROM LOGIN_NAME", "GRANT SELECT ON rollbridge.attendance TO LOGIN_NAME"),
			protocol.WhyPermission, "GRANT SELECT ON [rollbridge].[attendance]", true},
		{"permission revoked after the look", revokedAt(readsContacts, 0), protocol.WhyPermission, "GRANT SELECT ON [rollbridge].[attendance]", true},
		{"permission revoked in the middle of the read", revokedAt(readsContacts, 5), protocol.WhyPermission, "GRANT SELECT ON [rollbridge].[attendance]", true},
		{"another type", view("contact", "CAST(NULL AS nvarchar(100)) AS PhoneOther", "CAST(NULL AS varchar(100)) AS PhoneOther"), protocol.WhySchema, "columns of contact in another form", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.must(w.school.ChangeMark(pupil, days[i], demoschool.AM, []string{"I", "M"}[i%2]))
			before := w.held()
			w.write()
			mend := c.begin(f)
			w.heldBy(c.why, c.says)
			if c.register {
				w.must(oracle.Same(before, w.held()))
			} else {
				w.same()
			}
			mend()
			w.sync()
			f.well()
			if holds := w.status().Holds; len(holds) != 0 {
				t.Errorf("still held: %+v", holds)
			}
		})
	}
	w.t = t
	w.sound()
}
