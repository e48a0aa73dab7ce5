package store

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A SchoolStatus is what is known about one school now. It holds counts and
// times, nothing of a pupil.
type SchoolStatus struct {
	School School
	// SetUp says that an agent was enrolled at some time; Pending counts agents
	// that wait for the operator to compare the phrase.
	SetUp   bool
	Pending int
	// LastHeard is when an agent of the school last spoke; Version what it runs.
	LastHeard time.Time
	Version   string
	// PupilsAsAt and AttendanceAsAt are for when the newest applied data are
	// true, never later than they arrived; Applied is when they were applied.
	PupilsAsAt, AttendanceAsAt, Applied time.Time
	// Paused, PausedUntil and Problems are what the last check-in said.
	Paused      bool
	PausedUntil time.Time
	Problems    []protocol.Problem
	// Holds are what safety stops keep back, oldest first.
	Holds []Hold
	// Waiting counts batches not yet applied, SetAside those that could not be.
	Waiting, SetAside int
	Quarantined       int
	Counts            []AuthorityCount
	// Calendar is when its registers are expected.
	Calendar calendar.Calendar
	// given is Position.Given.
	given map[record.Dataset]map[string][]string
}

// mayKnow says whether an authority may be told how it stands with a dataset:
// always of pupils', and of the school's where the school gave it to this one.
func (c *SchoolStatus) mayKnow(d record.Dataset, authority string) bool {
	_, given := c.given[d][authority]
	return authority == "" || given || !(Ref{Dataset: d}).OfSchool()
}

// An AuthorityCount counts the pupils of one authority at one school.
type AuthorityCount struct {
	Authority string
	Pupils    int // on the list now, held ones included
	Left      int // were on the list
}

// Schools tells the state of all schools, or of those that an authority asks
// (authority not empty), in the order of their names. An authority is told of
// its own children only: counts, refused records and holds of others are left
// out, and a hold of a whole school has no figures. Of the school's staff it is
// told if the school gave them to it. A stopped school has no counts: its data
// are hidden.
func (s *Store) Schools(ctx context.Context, authority string) ([]SchoolStatus, error) {
	return s.schools(ctx, authority, (*Tx).fillCounts)
}

// SchoolsUncounted is Schools without what is counted over the rows of children and
// batches, which costs more than all the rest: Waiting, SetAside, Quarantined and
// Counts are empty.
func (s *Store) SchoolsUncounted(ctx context.Context, authority string) ([]SchoolStatus, error) {
	return s.schools(ctx, authority, nil)
}

func (s *Store) schools(ctx context.Context, authority string, counts func(*Tx, context.Context, map[string]*SchoolStatus, string) error) (list []SchoolStatus, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		found, err := tx.schools(ctx, authority)
		if err == nil && counts != nil {
			err = counts(tx, ctx, found, authority)
		}
		list = shown(found, authority)
		return err
	})
	return list, wrap(err, "read the state of the schools")
}

// schools finds what is known of each school, but no counts.
func (t *Tx) schools(ctx context.Context, authority string) (map[string]*SchoolStatus, error) {
	found := map[string]*SchoolStatus{}
	err := t.Each(ctx, `SELECT school, name, phone, created_at, revoked_at FROM schools s WHERE ? = '' OR EXISTS
		(SELECT 1 FROM provisions p WHERE p.school = s.school AND p.authority = ?)`, []any{authority, authority}, func(r *sql.Rows) error {
		var c School
		var created int64
		var stopped sql.NullInt64
		err := r.Scan(&c.ID, &c.Name, &c.Phone, &created, &stopped)
		c.Created, c.Stopped = database.FromMicros(created), database.FromNullMicros(stopped)
		found[c.ID] = &SchoolStatus{School: c}
		return err
	})
	for _, fill := range []func() error{
		func() error { return t.fillAgents(ctx, found) },
		func() error { return t.fillPositions(ctx, found) },
		func() error { return t.fillHolds(ctx, found, authority) },
		func() error { return t.fillCalendars(ctx, found) },
	} {
		if err == nil {
			err = fill()
		}
	}
	return found, err
}

// shown lists schools as an authority may see them, by name.
func shown(found map[string]*SchoolStatus, authority string) []SchoolStatus {
	list := make([]SchoolStatus, 0, len(found))
	for _, c := range slices.SortedFunc(maps.Values(found), func(a, b *SchoolStatus) int { return compareSchools(a.School, b.School) }) {
		c.hide()
		if authority != "" {
			// The agent says it of any authority's children; Holds say it of these.
			c.Problems = slices.DeleteFunc(c.Problems, func(p protocol.Problem) bool { return p.Code == protocol.ProblemHeld })
		}
		list = append(list, *c)
	}
	return list
}

// compareSchools orders schools as people look for them.
func compareSchools(a, b School) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
}

// hide takes away what a stopped school's screen must not show.
func (c *SchoolStatus) hide() {
	if c.School.Stopped.IsZero() {
		return
	}
	*c = SchoolStatus{School: c.School, SetUp: c.SetUp, Pending: c.Pending, LastHeard: c.LastHeard, Calendar: c.Calendar}
}

// A speaker is an agent that speaks for its school, as far as the school's state
// needs it.
type speaker struct {
	agent Agent
	said  saidMark
}

// fillAgents takes what is said of a school from its confirmed agent, or the
// newest if there is none: an old copy that still speaks says nothing.
func (t *Tx) fillAgents(ctx context.Context, found map[string]*SchoolStatus) error {
	agents, err := t.speakers(ctx)
	if err != nil {
		return err
	}
	speakers := make(map[string]speaker, len(found))
	for _, s := range agents {
		c, ok := found[s.agent.School]
		if !ok {
			continue
		}
		c.SetUp = true
		if s.agent.State == AgentPending {
			c.Pending++
		}
		if last, any := speakers[s.agent.School]; !any || last.agent.State != AgentConfirmed {
			speakers[s.agent.School] = s
		}
	}
	said, err := t.saidBy(ctx, slices.Collect(maps.Values(speakers)))
	for school, s := range speakers {
		c := found[school]
		c.LastHeard = s.agent.Heard
		if v := said[s.agent.ID]; v.ok {
			c.Version, c.Paused, c.PausedUntil, c.Problems = v.said.Version, v.said.Paused, v.said.PausedUntil, oneHeld(v.said.Problems)
		}
	}
	return err
}

// speakers lists all agents by generation, without what they said.
func (t *Tx) speakers(ctx context.Context) (list []speaker, err error) {
	err = t.Each(ctx, `SELECT a.school, a.agent, a.generation, a.sign_key, a.state, t.heard_at, t.counter, length(t.checkin)
		FROM agents a LEFT JOIN attempts t ON t.school = a.school AND t.agent = a.agent`, nil, func(r *sql.Rows) error {
		var s speaker
		var id sql.RawBytes
		var heard, counter, length sql.NullInt64
		err := r.Scan(&s.agent.School, &id, &s.agent.Generation, (*[]byte)(&s.agent.Sign), (*string)(&s.agent.State), &heard, &counter, &length)
		copy(s.agent.ID[:], id)
		s.agent.Heard, s.said = database.FromNullMicros(heard), saidMark{counter.Int64, length.Int64}
		list = append(list, s)
		return err
	})
	slices.SortFunc(list, func(a, b speaker) int { return cmp.Compare(a.agent.Generation, b.agent.Generation) })
	return list, err
}

// oneHeld makes one problem of all that say that something is held: Holds tell
// them apart.
func oneHeld(problems []protocol.Problem) (list []protocol.Problem) {
	for _, p := range problems {
		at := slices.IndexFunc(list, func(o protocol.Problem) bool { return o.Code == p.Code })
		if p.Code != protocol.ProblemHeld || at < 0 {
			list = append(list, p)
			continue
		}
		list[at].Count += p.Count
	}
	return list
}

// readCheckin verifies a check-in as if it came from the network: intake only
// carried it. One that is not the agent's own says nothing.
func readCheckin(frame []byte, a Agent) (protocol.Checkin, bool) {
	f, err := protocol.ParseFrame(frame, protocol.MessageCheckin)
	if err != nil || f.Verify(a.Sign) != nil {
		return protocol.Checkin{}, false
	}
	var posted protocol.Posted
	var said protocol.Checkin
	if json.Unmarshal(f.Body, &posted) != nil ||
		protocol.Verify(posted.Request, protocol.DomainCheckin, []ed25519.PublicKey{a.Sign}, &said) != nil || said.Agent != a.ID {
		return protocol.Checkin{}, false
	}
	return said, true
}

func (t *Tx) fillPositions(ctx context.Context, found map[string]*SchoolStatus) error {
	// Nearly all schools give the same.
	parsed := map[string]map[record.Dataset]map[string][]string{}
	return t.Each(ctx, "SELECT school, given, pupils_as_at, attendance_as_at, applied_at, sequence FROM positions", nil, func(r *sql.Rows) error {
		var school, given string
		var pupils, attendance sql.NullInt64
		var applied, sequence int64
		err := r.Scan(&school, &given, &pupils, &attendance, &applied, &sequence)
		if c, ok := found[school]; ok && err == nil {
			if _, known := parsed[given]; !known {
				if parsed[given], err = parseGiven(given); err != nil {
					return wrap(err, "read the position of %s", school)
				}
			}
			c.given = parsed[given]
			c.PupilsAsAt, c.AttendanceAsAt = database.FromNullMicros(pupils), database.FromNullMicros(attendance)
			if pupils.Valid || sequence > 0 {
				c.Applied = database.FromMicros(applied)
			}
		}
		return err
	})
}

func (t *Tx) fillHolds(ctx context.Context, found map[string]*SchoolStatus, authority string) error {
	return t.Each(ctx, `SELECT school, code, why, dataset, authority, gone, of_, since, origin FROM holds
		WHERE released_at IS NULL ORDER BY since, code`, nil, func(r *sql.Rows) error {
		var school string
		h, err := scanHold(r, &school)
		c, ok := found[school]
		if !ok || authority != "" && h.Authority != "" && h.Authority != authority || !c.mayKnow(h.Dataset, authority) {
			return err
		}
		if authority != "" && h.Authority == "" && h.Dataset.OfPupils() {
			h.Gone, h.Of = 0, 0 // counted over every authority's children
		}
		c.Holds = append(c.Holds, h)
		return err
	})
}

func (t *Tx) fillCounts(ctx context.Context, found map[string]*SchoolStatus, authority string) error {
	count := func(query string, add func(*SchoolStatus, string, int), args ...any) error {
		return t.Each(ctx, query, args, func(r *sql.Rows) error {
			var school, what string
			var n int
			err := r.Scan(&school, &what, &n)
			if c, ok := found[school]; ok {
				add(c, what, n)
			}
			return err
		})
	}
	err := count(`SELECT school, 'waiting', COUNT(*) FROM inbox WHERE state = 'waiting' GROUP BY school
		UNION ALL SELECT school, 'set_aside', COUNT(*) FROM inbox WHERE state = 'set_aside' GROUP BY school`, func(c *SchoolStatus, state string, n int) {
		if state == "waiting" {
			c.Waiting = n
		} else {
			c.SetAside = n
		}
	})
	if err == nil {
		err = t.fillQuarantine(authority, count)
	}
	if err == nil {
		err = count(`SELECT p.school, p.authority, COUNT(*) FROM pupils p JOIN records r ON r.school = p.school AND r.dataset = 'pupil' AND r.key = p.pupil
			WHERE p.authority <> '' GROUP BY p.school, p.authority ORDER BY p.school, p.authority`, func(c *SchoolStatus, code string, n int) {
			if authority == "" || authority == code {
				c.Counts = append(c.Counts, AuthorityCount{Authority: code, Pupils: n})
			}
		})
	}
	if err == nil {
		err = count(`SELECT school, authority, COUNT(*) FROM pupils WHERE left_at IS NOT NULL AND authority <> ''
			GROUP BY school, authority ORDER BY school, authority`, func(c *SchoolStatus, code string, n int) {
			if authority != "" && authority != code {
				return
			}
			i := slices.IndexFunc(c.Counts, func(a AuthorityCount) bool { return a.Authority == code })
			if i < 0 {
				c.Counts = append(c.Counts, AuthorityCount{Authority: code})
				i = len(c.Counts) - 1
			}
			c.Counts[i].Left = n
		})
	}
	return err
}

// fillQuarantine counts refused records. One of a pupil of whom nothing good
// ever arrived is of no known authority, so that no authority is told of it;
// one of the school's staff is told to those who are given the staff.
func (t *Tx) fillQuarantine(authority string, count func(string, func(*SchoolStatus, string, int), ...any) error) error {
	set := func(c *SchoolStatus, _ string, n int) { c.Quarantined = n }
	if authority == "" {
		return count("SELECT school, '', COUNT(*) FROM quarantine GROUP BY school", set)
	}
	err := count(`SELECT q.school, '', COUNT(*) FROM quarantine q JOIN records r ON r.school = q.school AND r.dataset = q.dataset AND r.key = q.key
		JOIN pupils p ON p.school = r.school AND p.pupil = r.pupil WHERE p.authority = ? GROUP BY q.school`, set, authority)
	if err != nil {
		return err
	}
	return count("SELECT school, dataset, COUNT(*) FROM quarantine WHERE dataset IN ("+ofSchool()+") GROUP BY school, dataset", func(c *SchoolStatus, d string, n int) {
		if c.mayKnow(record.Dataset(d), authority) {
			c.Quarantined += n
		}
	})
}

func (t *Tx) fillCalendars(ctx context.Context, found map[string]*SchoolStatus) error {
	all, err := calendar.All(ctx, t.Tx)
	for school, c := range found {
		c.Calendar = all[school]
	}
	return err
}

// Facts are the facts about one session of today for status.Decide, by the
// school's calendar.
func (c SchoolStatus) Facts(now time.Time, session status.Session) status.Facts {
	f := status.Facts{
		Now: now, Day: now.In(status.London()), Session: session, SetUp: c.SetUp,
		LastHeard: c.LastHeard, DataAsAt: c.AttendanceAsAt,
		Stopped: !c.School.Stopped.IsZero(), StoppedAt: c.School.Stopped,
		Paused: c.Paused, PausedUntil: c.PausedUntil,
	}
	if since, gone := c.Withdrawn(); gone && !f.Stopped {
		f.Withdrawn, f.StoppedAt = true, since
	}
	f.InSession, f.ByPhone = c.Calendar.On(f.Day, session).InSession, c.Calendar.Phone != nil
	f.Clock = c.Calendar.Clocks(f.Day)[session]
	h, held := c.Held()
	f.Held, f.HeldSince = held, h.Since
	return f
}

// A grant counts as withdrawn once the MIS has refused so many reads in a row over so
// long: one refusal is a password that is being changed, or a MIS under repair.
const (
	withdrawnReads = 3
	withdrawnAfter = 24 * time.Hour
)

// Withdrawn says whether the school took back, at its own MIS, the access of an agent
// that the operator hosts, and since when. It is said by what the agent has seen and not
// by the time that has passed: an agent that went silent proves nothing more. Nothing is
// hidden or destroyed by it: the school may as well have changed a password.
func (c SchoolStatus) Withdrawn() (since time.Time, withdrawn bool) {
	for _, p := range c.Problems {
		if p.Code == protocol.ProblemNoAccess && p.Count >= withdrawnReads && !p.Since.IsZero() && !c.LastHeard.Before(p.Since.Add(withdrawnAfter)) {
			return p.Since, true
		}
	}
	return time.Time{}, false
}

// Held is the hold that matters most to a morning: one of the whole read, then
// one of the register, then the oldest. A read that an agent reports as void for
// a missing right, or for ids that are empty, is a hold without a batch.
func (c SchoolStatus) Held() (Hold, bool) {
	holds := slices.Clone(c.Holds)
	for _, p := range c.Problems {
		switch p.Code {
		case protocol.ProblemRightMissing:
			holds = append(holds, Hold{protocol.Hold{Why: protocol.WhyPermission, Dataset: record.DatasetPupil}, p.Since, true})
		case protocol.ProblemIdentifier:
			holds = append(holds, Hold{protocol.Hold{Why: protocol.WhyIdentifier, Dataset: record.DatasetPupil}, p.Since, true})
		}
	}
	if len(holds) == 0 {
		return Hold{}, false
	}
	weight := func(h Hold) int {
		switch {
		case h.Dataset == record.DatasetPupil && !h.Disappeared():
			return 0
		case h.Dataset == record.DatasetAttendance:
			return 1
		}
		return 2
	}
	return slices.MinFunc(holds, func(a, b Hold) int { return cmp.Or(weight(a)-weight(b), a.Since.Compare(b.Since)) }), true
}
