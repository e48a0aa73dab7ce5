package call

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rollbridge/collector/overview"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A Why says why a school stands on the list.
type Why string

// The reasons, in the order in which they need somebody.
const (
	WhyFollowUp Why = "follow_up" // somebody was to call again, and nothing else is needed
	WhyRegister Why = "register"  // its register should have come and has not, or is held
	WhyNotTaken Why = "not_taken" // the register came, and nobody has taken it
	WhyDaily    Why = "daily"     // nothing comes from it: stopped, by phone, not set up yet
	WhyChildren Why = "children"  // children are absent without a reason or have no mark
	WhyPaused   Why = "paused"    // a planned pause: only if it is needed
)

var whys = []Why{WhyFollowUp, WhyRegister, WhyNotTaken, WhyDaily, WhyChildren, WhyPaused}

// A Standing says how far an item is.
type Standing string

// The standings, in the order in which the list shows them.
const (
	Open    Standing = "open"
	Waiting Standing = "waiting" // somebody calls again, later today
	Settled Standing = "settled"
)

// An Item is one school that is to be called about one session.
type Item struct {
	Authority store.Authority
	School    register.School
	Session   status.Session
	Why       Why
	Standing  Standing
	// Concerned are the children whom it is about; none where it is about all, or
	// nobody knows who they are.
	Concerned []register.Child
	// Morning says of an item of the afternoon that the morning was not settled
	// either.
	Morning bool
	// Carried says that this is about the morning, and it is afternoon.
	Carried bool
	// Calls are those about this session of the day, the newest first, with what
	// was corrected.
	Calls []Call
	// FollowUp is when somebody is to call again, zero if nobody is; Asked is the call
	// after which, which may be of another day.
	FollowUp time.Time
	Asked    Call
	// Claim says who is calling now, nil if nobody.
	Claim *Claim
}

// A Day is what the list of one authority is made of. All of it is of one sight.
type Day struct {
	Authority store.Authority
	Now       time.Time
	// Current is the register of the present session, Earlier that of the morning
	// if the present one is the afternoon's, nil if it is not.
	Current register.Morning
	Earlier *register.Morning
	// Calls are those of the day, FollowUps those to be followed until its end.
	Calls, FollowUps []Call
	Claims           []Claim
}

// Day reads what the list of an authority is made of, for a session of the
// overview's day: the present one with what the morning left open and whom to
// call again, or the other one as it stands.
func (b *Book) Day(ctx context.Context, r *register.Registers, sight store.Sight, a store.Authority, o overview.Overview, session status.Session) (d Day, err error) {
	d = Day{Authority: a, Now: o.At}
	day := record.DateOf(o.At.In(status.London()))
	sessions := []status.Session{session}
	if session == o.Session && session == status.PM {
		sessions = append(sessions, status.AM)
	}
	registers, err := r.Sessions(ctx, sight, o, sessions...)
	if err != nil {
		return d, err
	}
	d.Current = registers[0]
	if len(registers) > 1 {
		d.Earlier = &registers[1]
	}
	if d.Calls, err = b.OfDay(ctx, sight, day); err != nil {
		return d, err
	}
	if session == o.Session {
		if d.FollowUps, err = b.FollowUps(ctx, sight, o.At, d.Calls); err != nil {
			return d, err
		}
	}
	d.Claims, err = b.Claims(ctx, sight, day, session, o.At)
	return d, err
}

// Pending are the items for which somebody has still to call: what is settled and
// a planned pause are not.
func Pending(items []Item) []Item {
	return slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return i.Why == WhyPaused || i.Standing == Settled })
}

// List says whom to call now: what is open first, in the order of urgency and
// then of names.
func List(d Day) []Item {
	items := map[string]Item{}
	for _, s := range d.Current.Schools {
		if item, needed := d.item(s, d.Current.Session); needed {
			items[s.School.School.ID] = item
		}
	}
	if d.Earlier != nil {
		d.carry(items)
	}
	d.follow(items)
	list := make([]Item, 0, len(items))
	for id, item := range items {
		if at := slices.IndexFunc(d.Claims, func(c Claim) bool { return c.School == id }); at >= 0 {
			item.Claim = &d.Claims[at]
		}
		list = append(list, item)
	}
	Sort(list)
	return list
}

// Sort puts items into the order of List, also those of several authorities.
func Sort(items []Item) {
	standings := []Standing{Open, Waiting, Settled}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(
			cmp.Compare(slices.Index(standings, a.Standing), slices.Index(standings, b.Standing)),
			cmp.Compare(slices.Index(whys, a.Why), slices.Index(whys, b.Why)),
			cmp.Compare(a.School.School.School.Name, b.School.School.School.Name),
			cmp.Compare(a.School.School.School.ID, b.School.School.School.ID),
			cmp.Compare(a.Authority.Code, b.Authority.Code),
		)
	})
}

// Needed says why a school is to be called about a session, and about which
// children; an empty Why is that it is not.
func Needed(s register.School, session status.Session, now time.Time) (Why, []register.Child) {
	f := s.Facts(session)
	// A school that sent its list and has no child of the authority owes nothing.
	owes := !s.Received && (len(s.Children) > 0 || s.PupilsAsAt.IsZero())
	switch s.Verdict.Word {
	case status.Stopped, status.ByPhone, status.NotSetUp:
		if f.InSession {
			return WhyDaily, s.Children
		}
		return "", nil
	case status.NotReceived:
		if owes {
			return WhyRegister, s.Children
		}
	case status.Held:
		if owes && !now.Before(f.PhoneTime()) {
			return WhyRegister, s.Children
		}
	case status.Paused:
		if owes && f.InSession {
			return WhyPaused, s.Children
		}
	}
	switch concerned := unexplained(s.Children); {
	case !s.Received:
	case s.NotTaken:
		return WhyNotTaken, s.Children
	case len(concerned) > 0:
		return WhyChildren, concerned
	}
	return "", nil
}

// unexplained are the children of whom nobody knows where they are although the
// school's register came, also those for whom it did not.
func unexplained(children []register.Child) []register.Child {
	var list []register.Child
	for _, c := range children {
		if c.State == register.AbsentNoReason || c.State == register.NoMark || c.State == register.NotReceived {
			list = append(list, c)
		}
	}
	return list
}

func (d Day) item(s register.School, session status.Session) (Item, bool) {
	why, concerned := Needed(s, session, d.Now)
	if why == "" {
		return Item{}, false
	}
	item := Item{Authority: d.Authority, School: s, Session: session, Why: why, Concerned: concerned, Calls: d.calls(s, session), Standing: Open}
	if item.settled() {
		item.Standing = Settled
	}
	return item, true
}

func (d Day) calls(s register.School, session status.Session) (list []Call) {
	for _, c := range d.Calls {
		if c.School == s.School.School.ID && c.Session == session {
			list = append(list, c)
		}
	}
	return list
}

// settled says whether calls have ended what the item is about: one about the
// school as a whole, or one about each child. A child that is absent without a
// reason is settled only by name: it may have become so after the call.
func (i Item) settled() bool {
	left := map[string]bool{}
	for _, c := range i.Concerned {
		left[string(c.Pupil)] = true
	}
	whole := false
	for _, c := range i.Calls {
		if !c.Settled() {
			continue
		}
		whole = whole || len(c.Children) == 0
		for _, o := range c.Children {
			delete(left, string(o.Pupil))
		}
	}
	if i.Why == WhyChildren {
		return len(left) == 0
	}
	return whole || len(i.Concerned) > 0 && len(left) == 0
}

// carry takes over what the morning left open. A school that is called about the
// afternoon anyway is called once.
func (d Day) carry(items map[string]Item) {
	for _, s := range d.Earlier.Schools {
		item, needed := d.item(s, d.Earlier.Session)
		if !needed || item.Standing == Settled {
			continue
		}
		id := s.School.School.ID
		if now, is := items[id]; is {
			now.Morning = true
			items[id] = now
			continue
		}
		if item.Why == WhyPaused {
			continue // nobody has to
		}
		item.Carried = true
		items[id] = item
	}
}

// follow adds whom somebody is to call again.
func (d Day) follow(items map[string]Item) {
	for _, c := range d.FollowUps {
		item, is := items[c.School]
		if !is {
			at := slices.IndexFunc(d.Current.Schools, func(s register.School) bool { return s.School.School.ID == c.School })
			if at < 0 {
				continue
			}
			s := d.Current.Schools[at]
			item = Item{Authority: d.Authority, School: s, Session: d.Current.Session, Why: WhyFollowUp, Calls: d.calls(s, d.Current.Session)}
		}
		if item.FollowUp.IsZero() || c.FollowUp.Before(item.FollowUp) {
			item.FollowUp, item.Asked = c.FollowUp, c
		}
		item.Standing = Open
		if item.FollowUp.After(d.Now) {
			item.Standing = Waiting
		}
		items[c.School] = item
	}
}
