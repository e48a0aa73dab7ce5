package mis

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

const (
	catUPN   = "P207000016049"
	catBorn  = record.Date("2012-08-07")
	annsUPN  = "B801200005001"
	annsBorn = record.Date("2013-04-03")
)

var otherUPN = func() string {
	u, err := codes.MakeUPN("801200005002")
	if err != nil {
		panic(err)
	}
	return u.Reveal()
}()

// rostered is a roster of children as authority, UPN, date of birth, and "yes"
// for those whom the school has accepted.
func rostered(children ...[4]string) *Roster {
	var entries []protocol.RosterEntry
	yes := map[protocol.RosterEntry]bool{}
	for _, c := range children {
		e := protocol.RosterEntry{Authority: c[0], UPN: c[1], DOB: record.Date(c[2])}
		entries = append(entries, e)
		yes[e] = c[3] == "yes"
	}
	return NewRoster(entries, func(e protocol.RosterEntry) bool { return yes[e] })
}

// readRoster is what a read gives out with a roster: the pupils' records by
// surname, and what was offered.
func readRoster(t *testing.T, s *Source, roster *Roster) (pupils map[string]*record.Pupil, offered []Candidate, report Report, err error) {
	t.Helper()
	pupils = map[string]*record.Pupil{}
	ask := Ask{Datasets: asked, Today: today, IDKey: idKey, Roster: roster}
	report, err = s.Read(t.Context(), ask, func(c Candidate) (bool, error) { offered = append(offered, c); return true, nil }, func(row Row) error {
		if p, ok := row.Record.(*record.Pupil); ok {
			pupils[p.Forename] = p
			if row.Authority != p.CareAuthority {
				t.Errorf("a row of authority %q has the record of %q", row.Authority, p.CareAuthority)
			}
			if faults := record.Check(p, today); record.Refused(faults) {
				t.Errorf("the record is refused: %v", faults)
			}
		}
		return nil
	})
	if err != nil {
		noCanary(t, err)
	}
	return pupils, offered, report, err
}

// The marker with its authority decides first; where it says less, the roster
// does, and where it says no or nothing, a person at the school.
func TestRosterDecidesWhereTheMarkerSaysLess(t *testing.T) {
	const line = "p3,P207000016049,Zqjxton,Cat,07/08/2012,F,9,No,\r\n"
	pupil := func(upn, born, marker, authority string) string {
		return "p3," + upn + ",Zqjxton,Cat," + born + ",F,9," + marker + "," + authority + "\r\n"
	}
	cat := [4]string{"815", catUPN, string(catBorn), ""}
	accepted := [4]string{"815", catUPN, string(catBorn), "yes"}
	type want struct {
		// sent is whose the pupil is, "" for not sent; inCare what the record says of
		// the MIS.
		sent    string
		inCare  bool
		by      bool
		unknown int
		use     protocol.RosterUse
		warning string
	}
	use := func(waiting, accepted, sent, notFound int) protocol.RosterUse {
		return protocol.RosterUse{Authority: "815", Waiting: waiting, Accepted: accepted, Sent: sent, NotFound: notFound}
	}
	for name, c := range map[string]struct {
		line   string
		mute   bool // the route cannot say whose a child is
		roster *Roster
		want   want
	}{
		"not marked, on no roster":               {line, false, rostered(), want{}},
		"not marked, waits":                      {line, false, rostered(cat), want{use: use(1, 0, 0, 0)}},
		"not marked, accepted":                   {line, false, rostered(accepted), want{sent: "815", by: true, use: use(0, 1, 1, 0)}},
		"accepted, UPN in small letters, padded": {pupil(" p207000016049 ", "07/08/2012", "No", ""), false, rostered(accepted), want{sent: "815", by: true, use: use(0, 1, 1, 0)}},
		"accepted, MIS names an authority":       {pupil(catUPN, "07/08/2012", "No", "933"), false, rostered(accepted), want{sent: "815", by: true, use: use(0, 1, 1, 0)}},
		"another date of birth":                  {pupil(catUPN, "08/07/2012", "No", ""), false, rostered(accepted), want{use: use(0, 0, 0, 1)}},
		"another UPN":                            {pupil(otherUPN, "07/08/2012", "No", ""), false, rostered(accepted), want{use: use(0, 0, 0, 1)}},
		"no UPN":                                 {pupil("", "07/08/2012", "No", ""), false, rostered(accepted), want{use: use(0, 0, 0, 1)}},
		"no date of birth of one accepted":       {pupil(catUPN, "", "No", ""), false, rostered(accepted), want{unknown: 1, use: use(0, 0, 0, 1)}},
		"no date of birth of one who waits":      {pupil(catUPN, "", "No", ""), false, rostered(cat), want{use: use(0, 0, 0, 1)}},
		"no date of birth of another":            {pupil(otherUPN, "", "No", ""), false, rostered(accepted), want{use: use(0, 0, 0, 1)}},
		"misspelt UPN of one accepted":           {pupil("P207000016048", "07/08/2012", "No", ""), false, rostered(accepted), want{unknown: 1, use: use(0, 0, 0, 1)}},
		"misspelt UPN of one who waits":          {pupil("P207000016048", "07/08/2012", "No", ""), false, rostered(cat), want{use: use(0, 0, 0, 1)}},
		"unknown marker, waits":                  {pupil(catUPN, "07/08/2012", "perhaps", ""), false, rostered(cat), want{unknown: 1, use: use(1, 0, 0, 0)}},
		"unknown marker, accepted":               {pupil(catUPN, "07/08/2012", "perhaps", ""), false, rostered(accepted), want{sent: "815", by: true, use: use(0, 1, 1, 0)}},
		"no marker, accepted":                    {pupil(catUPN, "07/08/2012", "", ""), false, rostered(accepted), want{sent: "815", by: true, use: use(0, 1, 1, 0)}},
		"marked, no authority":                   {pupil(catUPN, "07/08/2012", "Yes", " "), false, rostered(cat), want{sent: "815", inCare: true, by: true, use: use(0, 0, 1, 0)}},
		"marked, no authority, accepted before":  {pupil(catUPN, "07/08/2012", "Yes", ""), false, rostered(accepted), want{sent: "815", inCare: true, by: true, use: use(0, 0, 1, 0)}},
		"marked, no authority, no roster":        {pupil(catUPN, "07/08/2012", "Yes", ""), false, nil, want{unknown: 1}},
		"marked, no authority, not on it":        {pupil(catUPN, "07/08/2012", "Yes", ""), false, rostered(), want{unknown: 1}},
		"marked, an authority that is none":      {pupil(catUPN, "07/08/2012", "Yes", "Q99"), false, rostered(cat), want{unknown: 1, use: use(0, 0, 0, 1)}},
		"marked, the MIS names another":          {pupil(catUPN, "07/08/2012", "Yes", "933"), false, rostered(accepted), want{sent: "933", inCare: true, use: use(0, 0, 0, 0)}},
		"marked, the MIS names the same":         {pupil(catUPN, "07/08/2012", "Yes", "815"), false, rostered(cat), want{sent: "815", inCare: true, use: use(0, 0, 0, 0)}},
		"mute, marked":                           {pupil(catUPN, "07/08/2012", "Yes", ""), true, rostered(cat), want{sent: "815", inCare: true, by: true, use: use(0, 0, 1, 0)}},
		"mute, marked, not on it":                {pupil(catUPN, "07/08/2012", "Yes", ""), true, rostered(), want{warning: "pupil.CareAuthority.not_on_roster"}},
		"mute, marked, misspelt":                 {pupil("P207000016048", "07/08/2012", "Yes", ""), true, rostered(cat), want{unknown: 1, use: use(0, 0, 0, 1)}},
		"mute, marked, no date of birth":         {pupil(catUPN, "", "Yes", ""), true, rostered(cat), want{unknown: 1, use: use(0, 0, 0, 1)}},
		"mute, marked, no roster":                {pupil(catUPN, "07/08/2012", "Yes", ""), true, nil, want{unknown: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			files := school{"pupils.csv": strings.SplitAfter(pupilsCSV, "\r\n")[0] + c.line, "contacts.csv": contactsCSV, "marks.csv": marksCSV}
			p := testProfile(t)
			if c.mute {
				p.Capabilities.CaringAuthority = false
				delete(p.Datasets[record.DatasetPupil].Columns, "CareAuthority")
			}
			s, err := Open(p, site(files.write(t)))
			if err != nil {
				t.Fatal(err)
			}
			pupils, offered, report, err := readRoster(t, s, c.roster)
			if err != nil {
				t.Fatal(err)
			}
			var got want
			if p := pupils["Cat"]; p != nil {
				got.sent, got.inCare, got.by = p.CareAuthority, p.InCare, p.ByRoster
				if len(offered) != 1 || offered[0].Roster != p.ByRoster || (offered[0].Care == MarkerInCare) != p.InCare {
					t.Errorf("offered %+v", offered)
				}
			}
			got.unknown = report.Unknown
			if len(report.Roster) == 1 {
				got.use = report.Roster[0]
			}
			for w := range warnings(report) {
				if strings.HasSuffix(w, ".not_on_roster") {
					got.warning = w
				}
			}
			if c.want != got {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if complete := report.Datasets[0].Complete; complete != (c.want.unknown == 0) {
				t.Errorf("complete: %v", complete)
			}
		})
	}
}

// A pupil who is sent by a roster is sent with everything, and one who waits
// with nothing.
func TestAcceptedPupilHasRecordsOfEveryDataset(t *testing.T) {
	files := small().with("pupils.csv", "p3,,Zqjxton", "p3,"+catUPN+",Zqjxton")
	s, err := Open(testProfile(t), site(files.write(t)))
	if err != nil {
		t.Fatal(err)
	}
	for accepted, want := range map[string]int{"": 0, "yes": 3} {
		id, n := record.NewPupilID(idKey, "p3", catUPN), 0
		ask := Ask{Datasets: asked, Today: today, IDKey: idKey, Roster: rostered([4]string{"815", catUPN, string(catBorn), accepted})}
		_, err = s.Read(t.Context(), ask, everybody, func(row Row) error {
			if row.Record.Pupil() == id {
				n++
			}
			return nil
		})
		if err != nil || n != want {
			t.Errorf("accepted %q: %d records, want %d (%v)", accepted, n, want, err)
		}
	}
}

// Two authorities' word is nobody's, and so is one UPN of two pupils: twins have
// one date of birth, and a UPN is soon copied.
func TestRosterThatDoesNotSayWho(t *testing.T) {
	both := func(yes string) *Roster {
		return rostered([4]string{"815", catUPN, string(catBorn), yes}, [4]string{"933", catUPN, string(catBorn), yes})
	}
	marked := small().with("pupils.csv", "p3,,Zqjxton,Cat,07/08/2012,F,9,No,", "p3,"+catUPN+",Zqjxton,Cat,07/08/2012,F,9,Yes,")
	unmarked := small().with("pupils.csv", "p3,,Zqjxton", "p3,"+catUPN+",Zqjxton")
	for name, c := range map[string]struct {
		files   school
		roster  *Roster
		unknown int
		waiting int
	}{
		"marked, two authorities": {marked, both(""), 1, 0},
		"two wait":                {unmarked, both(""), 0, 2},
		"two accepted":            {unmarked, both("yes"), 1, 0},
	} {
		s, err := Open(testProfile(t), site(c.files.write(t)))
		if err != nil {
			t.Fatal(err)
		}
		pupils, _, report, err := readRoster(t, s, c.roster)
		if err != nil || pupils["Cat"] != nil || report.Unknown != c.unknown {
			t.Errorf("%s: sent %v, %d unclear, %v", name, pupils["Cat"] != nil, report.Unknown, err)
		}
		waiting := 0
		for _, u := range report.Roster {
			waiting += u.Waiting
		}
		if waiting != c.waiting {
			t.Errorf("%s: %d wait, want %d", name, waiting, c.waiting)
		}
	}
	twins := unmarked.with("pupils.csv", "p3,", "p4,"+catUPN+",Zqjxton,Dot,07/08/2012,F,9,No,\r\np3,")
	s, err := Open(testProfile(t), site(twins.write(t)))
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, err = readRoster(t, s, rostered([4]string{"815", catUPN, string(catBorn), "yes"}))
	var ours *Error
	if !errors.As(err, &ours) || !strings.Contains(ours.Text, "two pupils have the UPN") || !strings.Contains(ours.Text, "line 4 and pupils.csv line 5") {
		t.Errorf("two pupils of one UPN: %v", err)
	}
}

// What a person is shown is who waits, and what they are known by.
func TestWaiting(t *testing.T) {
	files := small().with("pupils.csv", "p3,,Zqjxton", "p3,"+catUPN+",Zqjxton")
	s, err := Open(testProfile(t), site(files.write(t)))
	if err != nil {
		t.Fatal(err)
	}
	roster := rostered([4]string{"815", catUPN, string(catBorn), "yes"}, [4]string{"933", annsUPN, string(annsBorn), ""}, [4]string{"933", otherUPN, "2014-01-01", ""})
	waiting, report, err := s.Waiting(context.Background(), Ask{Today: today, IDKey: idKey, Roster: roster})
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%d wait, %v", len(waiting), err)
	}
	w := waiting[0]
	if w.Authority != "815" || w.UPN != catUPN || w.DOB != catBorn || w.Surname != "Zqjxton" || w.Forename != "Cat" || !w.Accepted {
		t.Errorf("%+v", w)
	}
	wantDiff(t, []protocol.RosterUse{{Authority: "815"}, {Authority: "933", NotFound: 1}}, report.Roster)
}

// A CTF is passed over as soon as the marker says no: not that of a pupil whom
// the school has accepted.
func TestRosterReadsCTF(t *testing.T) {
	s, err := Open(ctfProfile(t), site(ctfSchool().write(t)))
	if err != nil {
		t.Fatal(err)
	}
	waits := [4]string{"815", catUPN, string(catBorn), ""}
	if pupils, _, report, err := readRoster(t, s, rostered(waits)); err != nil || len(pupils) != 2 || report.Roster[0].Waiting != 1 {
		t.Errorf("%d pupils, %+v, %v", len(pupils), report.Roster, err)
	}
	waits[3] = "yes"
	n := 0
	id := record.NewPupilID(idKey, "upn", catUPN)
	ask := Ask{Datasets: asked, Today: today, IDKey: idKey, Roster: rostered(waits)}
	if _, err := s.Read(t.Context(), ask, everybody, func(row Row) error {
		if row.Record.Pupil() == id {
			n++
		}
		return nil
	}); err != nil || n != 2 { // pupil and contact; the marks are of no school
		t.Errorf("%d records of the accepted pupil, %v", n, err)
	}
	turned := ctfSchool().with(ctfOne, "<UPN>"+catUPN+"</UPN>", "")
	turned = turned.with(ctfOne, "<LookedAfter><InCare>false</InCare></LookedAfter>", "<LookedAfter><InCare>false</InCare></LookedAfter><UPN>"+catUPN+"</UPN>")
	if s, err = Open(ctfProfile(t), site(turned.write(t))); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := readRoster(t, s, rostered(waits)); err == nil || !strings.Contains(err.Error(), "LookedAfter stands before") {
		t.Errorf("a pupil who was passed over was sent in part: %v", err)
	}
}

// A database is asked for the UPNs of the roster, and gives the id of those who
// are here; nothing more of a pupil who waits crosses the wire.
func TestRosterAsksSIMS(t *testing.T) {
	known := "UPDATE sims.stud_student SET unique_pupil_no = '" + catUPN + "' WHERE person_id = 104;\n" +
		"UPDATE rollbridge.care SET CareAuthority = NULL WHERE pupil = 101;\n" +
		"UPDATE sims.stud_student SET unique_pupil_no = '" + otherUPN + "' WHERE person_id = 201;\n"
	p, at := simsSite(t, known)
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	dai, eve := [4]string{"815", catUPN, "2012-08-08", ""}, [4]string{"815", otherUPN, "2013-09-09", "yes"}
	ann := [4]string{"933", annsUPN, string(annsBorn), ""}
	pupils, _, report, err := readRoster(t, s, rostered(dai, ann, eve))
	if err != nil {
		t.Fatal(err)
	}
	if pupils["Dai"] != nil || pupils["Eve"] != nil || pupils["Ann"] == nil || !pupils["Ann"].ByRoster || !pupils["Ann"].InCare || report.Unknown != 0 {
		t.Errorf("sent %v, unclear %d", pupils, report.Unknown)
	}
	wantDiff(t, []protocol.RosterUse{{Authority: "815", Waiting: 1, NotFound: 1}, {Authority: "933", Sent: 1}}, report.Roster)

	dai[3] = "yes"
	pupils, _, report, err = readRoster(t, s, rostered(dai, ann))
	if got := pupils["Dai"]; err != nil || got == nil || got.InCare || !got.ByRoster || got.CareAuthority != "815" || got.UPN != catUPN {
		t.Errorf("the accepted pupil is %+v, %v", got, err)
	}
	wantDiff(t, []protocol.RosterUse{{Authority: "815", Accepted: 1, Sent: 1}, {Authority: "933", Sent: 1}}, report.Roster)

	waiting, _, err := s.Waiting(t.Context(), Ask{Today: today, IDKey: idKey, Roster: rostered(dai)})
	if err != nil || len(waiting) != 1 || waiting[0].Forename != "Dai" || waiting[0].Surname != "Zqjxham" {
		t.Errorf("%+v, %v", waiting, err)
	}

	// Without a way to ask, the roster says nothing, and what the MIS does not say
	// is unclear as before.
	p.Datasets[record.DatasetPupil].ByUPN = ""
	if s, err = Open(p, at); err != nil {
		t.Fatal(err)
	}
	if pupils, _, report, err = readRoster(t, s, rostered(dai, ann)); err != nil || report.Roster != nil || report.Unknown != 1 || pupils["Dai"] != nil {
		t.Errorf("blind: %+v, %d unclear, %v", report.Roster, report.Unknown, err)
	}
}

// by_upn has the rules that keep other pupils out of the answer.
func TestUPNQueryIsNarrowed(t *testing.T) {
	good := sqlProfile(t).Datasets[record.DatasetPupil]
	at, path := places{}, []string{"datasets", "pupil"}
	const from = "SELECT pupil, UPN, DOB FROM rollbridge.pupil WHERE "
	if good.ByUPN != "" {
		t.Error("the profile of the tests has by_upn")
	}
	for text, want := range map[string]string{
		from + "UPN IN (@upns)":                                             "",
		from + "UPN IN (@upns) AND School = @school":                        "",
		from + "pupil IN (@pupils)":                                         "a parameter that this query cannot have",
		from + "1 = 1":                                                      "add WHERE … IN (@upns)",
		from + "UPN IN (@upns) OR 1 = 1":                                    "@upns must stand once",
		"SELECT pupil, UPN FROM rollbridge.pupil WHERE UPN IN (@upns)":      "no column DOB",
		"SELECT pupil, UPN, DOB, Surname FROM r.pupil WHERE UPN IN (@upns)": "column 4 of the query has a name that is not known here",
		"SELECT TOP 5 pupil, UPN, DOB FROM r.pupil WHERE UPN IN (@upns)":    "TOP",
		"DELETE FROM rollbridge.pupil WHERE UPN IN (@upns)":                 "SELECT",
	} {
		_, err := at.upnQuery(path, record.DatasetPupil, text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := at.upnQuery([]string{"datasets", "contact"}, record.DatasetContact, from+"UPN IN (@upns)"); err == nil {
		t.Error("another dataset may have by_upn")
	}
}

// Over the views of the contract: whose a child in care is, and of others only
// what the school lets stand in the views.
func TestRosterOverViews(t *testing.T) {
	p, at := viewsSite(t, "UPDATE rollbridge.pupil SET CareAuthority = NULL WHERE pupil = N'p1';\nUPDATE rollbridge.pupil SET UPN = N'"+catUPN+"' WHERE pupil = N'p3';\n")
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	pupils, _, report, err := readRoster(t, s, rostered([4]string{"815", annsUPN, string(annsBorn), ""}, [4]string{"815", catUPN, string(catBorn), "yes"}))
	if err != nil || pupils["Ann"] == nil || pupils["Ann"].CareAuthority != "815" || pupils["Cat"] == nil || pupils["Cat"].InCare || report.Unknown != 0 {
		t.Errorf("%d pupils, %d unclear, %v", len(pupils), report.Unknown, err)
	}
	wantDiff(t, []protocol.RosterUse{{Authority: "815", Sent: 2, Accepted: 1}}, report.Roster)
	// One query more, and only while there is a roster.
	with := report.Cost.Queries
	if _, _, report, err = readRoster(t, s, nil); err != nil || report.Unknown != 1 || report.Roster != nil {
		t.Errorf("without a roster: %d unclear, %v", report.Unknown, err)
	}
	if fewer := with - report.Cost.Queries; fewer != 1 {
		t.Errorf("%d questions fewer without a roster, want 1", fewer)
	}
	if _, _, report, err = readRoster(t, s, rostered()); err != nil || len(report.Roster) != 0 || report.Cost.Queries != with-1 {
		t.Errorf("an empty roster: %+v, %v", report.Roster, err)
	}
	// What the two queries say of one pupil must be the same.
	p.Datasets[record.DatasetPupil].Query.Text = strings.Replace(p.Datasets[record.DatasetPupil].Query.Text, "SELECT pupil, UPN,", "SELECT pupil, FormerUPN AS UPN,", 1)
	p.Datasets[record.DatasetPupil].Query.Text = strings.Replace(p.Datasets[record.DatasetPupil].Query.Text, " FormerUPN, Unique", " Unique", 1)
	if s, err = Open(p, at); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err = readRoster(t, s, rostered([4]string{"815", catUPN, string(catBorn), "yes"})); err == nil || !strings.Contains(err.Error(), "is not the same in both") {
		t.Errorf("another child was sent: %v", err)
	}
}
