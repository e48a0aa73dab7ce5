package release

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/collector/alarm"
	signed "rollbridge/shared/release"
	"rollbridge/shared/status"
)

// A State is how a repository stands.
type State struct {
	// Metadata are the roles, root first; empty before the first publication.
	Metadata []Role `json:"metadata"`
	// Releases, the newest first.
	Releases []Standing `json:"releases"`
	Paused   bool       `json:"paused"`
	// Draft is what waits to be signed or published.
	Draft *Waiting `json:"draft"`
}

// A Role is how one role's metadata stand.
type Role struct {
	Role    string    `json:"role"`
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
}

// A Standing is one version: for what it is released and how far it has come.
type Standing struct {
	Version   string        `json:"version"`
	Platforms []string      `json:"platforms"`
	Published time.Time     `json:"published"`
	Security  bool          `json:"security"`
	Floor     string        `json:"security_floor,omitempty"`
	State     int           `json:"state_schema"`
	Data      string        `json:"data_scope"`
	Stage     *signed.Stage `json:"stage"`
}

// Waiting is a draft in short.
type Waiting struct {
	Versions []string `json:"versions"`
	Needs    []Need   `json:"needs"`
}

// State reads how the repository stands; it needs no key.
func (r *Repository) State() (State, error) {
	s := State{Metadata: []Role{}, Releases: []Standing{}}
	c, err := r.current()
	if err != nil {
		return s, err
	}
	d, err := Describe(r.Draft())
	if err != nil {
		return s, err
	}
	if d != nil {
		s.Draft = &Waiting{Versions: []string{}, Needs: d.Needs}
		for _, f := range d.Added {
			if !slices.Contains(s.Draft.Versions, f.Version) {
				s.Draft.Versions = append(s.Draft.Versions, f.Version)
			}
		}
	}
	if c.root == nil {
		return s, nil
	}
	s.Metadata = append(s.Metadata, Role{metadata.ROOT, c.root.Signed.Version, c.root.Signed.Expires})
	if c.timestamp == nil {
		return s, nil
	}
	s.Metadata = append(s.Metadata,
		Role{metadata.TARGETS, c.targets.Signed.Version, c.targets.Signed.Expires},
		Role{metadata.SNAPSHOT, c.snapshot.Signed.Version, c.snapshot.Signed.Expires},
		Role{signed.RolloutRole, c.rollout.Signed.Version, c.rollout.Signed.Expires},
		Role{metadata.TIMESTAMP, c.timestamp.Signed.Version, c.timestamp.Signed.Expires})
	s.Paused = c.stages.Paused
	s.Releases = standings(c)
	return s, nil
}

func standings(c *current) []Standing {
	list := []Standing{}
	for _, f := range files(c.targets) {
		at := slices.IndexFunc(list, func(s Standing) bool { return s.Version == f.Version })
		if at < 0 {
			s := Standing{Version: f.Version, Published: f.Published, Security: f.Security, Floor: f.Floor, State: f.State, Data: f.Data}
			if stage, staged := c.stages.Stages[f.Version]; staged {
				s.Stage = &stage
			}
			list, at = append(list, s), len(list)
		}
		list[at].Platforms = append(list[at].Platforms, f.OS+"-"+f.Arch)
	}
	for _, s := range list {
		slices.Sort(s.Platforms)
	}
	slices.SortFunc(list, func(a, b Standing) int { return signed.Compare(b.Version, a.Version) })
	return list
}

// Timestamp is the version of the timestamp that agents are served; 0 is none.
func (s State) Timestamp() int64 {
	for _, m := range s.Metadata {
		if m.Role == metadata.TIMESTAMP {
			return m.Version
		}
	}
	return 0
}

// alarmDays are when an expiry is told of.
var alarmDays = []int{90, 60, 30}

// An Alarm is a role whose metadata near their end. Days is which of the alarms it is,
// 0 once they have expired.
type Alarm struct {
	Role    string
	Days    int
	Expires time.Time
	Words   status.Part
}

// lives are for how long each role's metadata are good when they are signed.
var lives = map[string]time.Duration{
	metadata.ROOT: RootLife, metadata.TARGETS: TargetsLife,
	metadata.SNAPSHOT: SnapshotLife, signed.RolloutRole: RolloutLife, metadata.TIMESTAMP: TimestampLife,
}

// Alarms are what an operator must see to. People's metadata are told of 90, 60 and 30
// days before, as far as that is in the second half of their life; the server's when
// half of theirs is over, since it signs them again every RenewEvery.
func (s State) Alarms(now time.Time) (list []Alarm) {
	for _, m := range s.Metadata {
		if a, due := m.alarm(now); due {
			list = append(list, a)
		}
	}
	if len(s.Metadata) == 1 {
		list = append(list, Alarm{metadata.TIMESTAMP, 0, now, alarm.Say(alarm.ReleaseCut, nil)})
	}
	return list
}

// An end is what is said of a role's metadata once they have expired, and before.
type end struct{ expired, near alarm.Name }

// ends are those of the roles that people sign; the server signs the others.
var ends = map[string]end{
	metadata.ROOT:    {alarm.RootExpired, alarm.RootExpires},
	metadata.TARGETS: {alarm.TargetsExpired, alarm.TargetsExpire},
}

func (m Role) alarm(now time.Time) (Alarm, bool) {
	left := m.Expires.Sub(now)
	names, byPeople := ends[m.Role]
	if !byPeople {
		names = end{alarm.OnlineExpired, alarm.OnlineNotRenewed}
	}
	say := func(days int, name alarm.Name) (Alarm, bool) {
		return Alarm{m.Role, days, m.Expires, alarm.Say(name, map[string]status.Value{
			"Role": {Text: m.Role}, "Day": alarm.Day(m.Expires), "Days": {Text: strconv.Itoa(int(left / day))},
		})}, true
	}
	if left <= 0 {
		return say(0, names.expired)
	}
	if !byPeople {
		if left > lives[m.Role]/2 {
			return Alarm{}, false
		}
		return say(1, names.near)
	}
	days := 0
	for _, d := range alarmDays {
		if time.Duration(d)*day <= lives[m.Role]/2 && left <= time.Duration(d)*day {
			days = d
		}
	}
	if days == 0 {
		return Alarm{}, false
	}
	return say(days, names.near)
}

// Adoption is which versions run, by the agents' check-ins.
type Adoption struct {
	Version string `json:"version"`
	Agents  int    `json:"agents"`
	Early   int    `json:"early"`
	// Returned counts the agents that went back from it.
	Returned int `json:"returned"`
}

// Count sums up what agents run, the newest version first. Agents that were not heard
// lately are in it: they run what they said last.
func Count(list []Program) []Adoption {
	by := map[string]*Adoption{}
	of := func(v string) *Adoption {
		if by[v] == nil {
			by[v] = &Adoption{Version: v}
		}
		return by[v]
	}
	for _, p := range list {
		a := of(p.Version)
		a.Agents++
		if p.Ring == signed.Early {
			a.Early++
		}
		for _, s := range p.Skipped {
			if s.Version != p.Version {
				of(s.Version).Returned++
			}
		}
	}
	out := make([]Adoption, 0, len(by))
	for _, a := range by {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b Adoption) int {
		return cmp.Or(signed.Compare(b.Version, a.Version), cmp.Compare(a.Version, b.Version))
	})
	return out
}

// Frozen says whether an agent that speaks has seen no newer metadata for FrozenAfter:
// something keeps them from it. The versions are times of signing.
func (s State) Frozen(p Program, now time.Time) bool {
	newest := s.Timestamp()
	return !p.Off && p.Metadata > 0 && newest > 0 && now.Sub(p.Heard) <= day &&
		time.Duration(newest-p.Metadata)*time.Second > FrozenAfter
}
