package account

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// Every right has somebody, and an operator and a school's person see no child.
func TestRights(t *testing.T) {
	all := []Right{SeeToday, RecordCalls, SeeSchools, EditSchools, SeeChildren, Export, SeeReports, ManagePeople, ReadAudit, SchoolPage, Console}
	for role, want := range map[Role][]Right{
		Administrator: {SeeToday, RecordCalls, SeeSchools, EditSchools, SeeChildren, Export, SeeReports, ManagePeople, ReadAudit},
		Caller:        {SeeToday, RecordCalls, SeeSchools, EditSchools, SeeChildren, SeeReports},
		Viewer:        {SeeToday, SeeSchools, SeeChildren, SeeReports},
		Caseload:      {SeeToday, SeeChildren},
		Operator:      {Console},
		SchoolRole:    {SchoolPage},
		"":            nil,
		"king":        nil,
	} {
		for _, r := range all {
			if (User{Role: role}).May(r) != slices.Contains(want, r) {
				t.Errorf("%s may %s: %v", role, r, !slices.Contains(want, r))
			}
		}
		if (User{Role: role}).May("") || (User{Role: role}).May("see everything") {
			t.Errorf("%s may what there is not", role)
		}
	}
}

// Who may manage whom: each guard of Invite, Change, Disable, Reset, Leave and
// Confirm.
func TestGuards(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		o.must(store.New(o.db).AddSchool(ctx, store.School{ID: "oak", Name: "Oak"}))
		root, _ := o.joined(operator("root"))
		o.joined(operator("second"))
		north, _ := o.joined(administrator("north", "330"))
		o.joined(administrator("north2", "330"))
		south, _ := o.joined(administrator("south", "855"))
		o.joined(administrator("south2", "855"))
		both, _ := o.joined(administrator("both", "330", "855"))
		clerk, _ := o.joined(Person{Name: "clerk", Role: Caller, Authorities: []string{"330"}})
		shared, _ := o.joined(Person{Name: "shared", Role: Caller, Authorities: []string{"330", "855"}})
		head, _ := o.joined(Person{Name: "head", Role: SchoolRole, School: "oak"})
		viewer := Person{Role: Viewer, Authorities: []string{"330"}}
		for _, c := range []struct {
			what string
			by   User
			of   User
			want error
		}{
			{"an administrator of another authority", south, clerk, ErrNoUser},
			{"an administrator of one of two authorities", north, shared, ErrNoUser},
			{"an administrator and an operator", north, root, ErrNoUser},
			{"an administrator and a school's person", north, head, ErrNoUser},
			{"a caller", clerk, shared, ErrNoUser},
			{"a caller and the own account", clerk, clerk, ErrNoUser},
			{"a school's person", head, clerk, ErrNoUser},
			{"an administrator and the own account", north, north, ErrSelf},
			{"an operator and the own account", root, root, ErrSelf},
			{"an administrator of an unknown person", north, User{ID: "none", Name: "none"}, ErrNoUser},
		} {
			if err := o.Change(ctx, c.by, c.of.ID, viewer); !errors.Is(err, c.want) {
				o.Errorf("%s: change: %v, want %v", c.what, err, c.want)
			}
			if err := o.Disable(ctx, c.by, c.of.Name); !errors.Is(err, c.want) {
				o.Errorf("%s: disable: %v, want %v", c.what, err, c.want)
			}
			if _, err := o.Reset(ctx, c.by, c.of.Name); !errors.Is(err, c.want) {
				o.Errorf("%s: reset: %v, want %v", c.what, err, c.want)
			}
		}
		for what, c := range map[string]struct {
			by   User
			p    Person
			want error
		}{
			"an operator by an administrator":          {north, operator("new"), ErrRole},
			"a school's person by an administrator":    {north, Person{Name: "new", Role: SchoolRole, School: "oak"}, ErrRole},
			"a person of another authority":            {north, administrator("new", "855"), ErrAuthority},
			"a person of the own and another":          {north, administrator("new", "330", "855"), ErrAuthority},
			"anybody by a caller":                      {clerk, Person{Name: "new", Role: Viewer, Authorities: []string{"330"}}, ErrAuthority},
			"anybody by a school's person":             {head, Person{Name: "new", Role: Viewer, Authorities: []string{"330"}}, ErrAuthority},
			"a viewer of both by an administrator":     {both, Person{Name: "new1", Role: Viewer, Authorities: []string{"330", "855"}}, nil},
			"an administrator by another of them":      {north, administrator("new2", "330"), nil},
			"an administrator by an operator":          {root, administrator("new3", "855"), nil},
			"a school's person by an operator":         {root, Person{Name: "new4", Role: SchoolRole, School: "oak"}, nil},
			"a school's person by the command":         {User{}, Person{Name: "new5", Role: SchoolRole, School: "oak"}, nil},
			"an administrator with an end by the same": {north, Person{Name: "new6", Role: Caller, Authorities: []string{"330"}, Until: o.now.Add(time.Hour)}, nil},
		} {
			if _, err := o.Invite(ctx, c.by, c.p); !errors.Is(err, c.want) {
				o.Errorf("%s: invite: %v, want %v", what, err, c.want)
			}
		}
		// Somebody who works for two authorities loses one of them, and with the last
		// one the access.
		for _, c := range []struct {
			by   User
			want error
		}{{clerk, ErrNoUser}, {head, ErrNoUser}, {root, ErrNoUser}, {User{}, ErrNoUser}, {shared, ErrNoUser}} {
			if err := o.Leave(ctx, c.by, "shared"); !errors.Is(err, c.want) {
				o.Errorf("%s takes somebody out of an authority: %v", c.by.Role, err)
			}
		}
		if err := o.Leave(ctx, both, "both"); !errors.Is(err, ErrSelf) {
			o.Errorf("an administrator leaves: %v", err)
		}
		o.must(o.Leave(ctx, north, "shared"))
		if u := o.user("shared"); !slices.Equal(u.Authorities, []string{"855"}) || !u.Works(o.now) || u.Stamp() == shared.Stamp() {
			o.Errorf("after one authority: %v, disabled %v", u.Authorities, u.Disabled)
		}
		if err := o.Leave(ctx, north, "shared"); !errors.Is(err, ErrNoUser) {
			o.Errorf("out of an authority that is not the person's any more: %v", err)
		}
		o.must(o.Leave(ctx, south, "shared"))
		if u := o.user("shared"); u.Works(o.now) {
			o.Error("after the last authority the person still has access")
		}
		if _, err := o.Reset(ctx, User{}, "shared"); !errors.Is(err, ErrPlace) {
			o.Errorf("a person of no authority is let in again: %v", err)
		}
	})
}

// The last who could let others in stays, in whatever way one tries.
func TestLastOneStays(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		last, _ := o.joined(administrator("last", "330"))
		root, _ := o.joined(operator("root"))
		ends := administrator("ends", "330")
		ends.Until = o.now.Add(time.Hour)
		o.joined(ends)
		o.invite(administrator("invited", "330"))
		short := administrator("short", "933")
		short.Until = o.now.Add(time.Hour)
		o.joined(short)
		o.joined(administrator("elsewhere", "855"))
		o.joined(administrator("gone", "330"))
		o.must(o.Disable(ctx, User{}, "gone"))
		until := administrator("last", "330")
		until.Until = o.now.Add(24 * time.Hour)
		for what, err := range map[string]error{
			"disable":            o.Disable(ctx, root, "last"),
			"by command":         o.Disable(ctx, User{}, "last"),
			"one for a time":     o.Disable(ctx, User{}, "short"),
			"another role":       o.Change(ctx, User{}, last.ID, Person{Role: Viewer, Authorities: []string{"330"}}),
			"another authority":  o.Change(ctx, User{}, last.ID, administrator("", "855")),
			"an end":             o.Change(ctx, User{}, last.ID, until),
			"the last operator":  o.Disable(ctx, User{}, "root"),
			"operator to viewer": o.Change(ctx, User{}, root.ID, Person{Role: Viewer, Authorities: []string{"330"}}),
		} {
			if !errors.Is(err, ErrLast) {
				o.Errorf("%s: %v", what, err)
			}
		}
		if u := o.user("last"); !u.Works(o.now) || u.Role != Administrator {
			o.Error("what was refused was done")
		}
		// What an administrator whose access ends may go through: nobody depends on it.
		o.must(o.Disable(ctx, last, "ends"))
	})
}

// Two administrators who remove one another at once do not both succeed, and
// whatever is tried in whatever order, somebody who can let others in is left.
func TestNobodyLocksEverybodyOut(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		names := []string{"a", "b", "c"}
		people := map[string]User{}
		for _, n := range names {
			people[n+n], _ = o.joined(administrator(n+n, "330"))
		}
		done := make(chan error)
		for _, u := range people {
			for of := range people {
				go func() {
					err := o.Disable(ctx, u, of)
					if errors.Is(err, ErrLast) || errors.Is(err, ErrSelf) || errors.Is(err, ErrNoUser) {
						err = nil
					}
					done <- err
				}()
			}
		}
		for range len(people) * len(people) {
			if err := <-done; err != nil {
				o.Error(err)
			}
		}
		left := 0
		for n := range people {
			if u := o.user(n); u.Works(o.now) {
				left++
			}
		}
		if left == 0 {
			o.Error("nobody is left")
		}
	})
}

// A caseload is children of the person's authorities, and their ids of before.
func TestCaseload(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		o.must(store.New(o.db).AddSchool(ctx, store.School{ID: "oak", Name: "Oak"}))
		id := func(c string) record.PupilID { return record.PupilID(strings.Repeat(c, 32)) }
		for pupil, authority := range map[record.PupilID]string{id("1"): "330", id("2"): "330", id("3"): "855", id("4"): ""} {
			o.exec("INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('oak', ?, ?, ?, 1, 1)", string(pupil), authority, []byte("k"))
		}
		worker := func(list ...record.PupilID) Person {
			p := Person{Name: "worker", Role: Caseload, Authorities: []string{"330"}}
			for _, id := range list {
				p.Only = append(p.Only, store.Child{School: "oak", Pupil: id})
			}
			return p
		}
		for what, p := range map[string]Person{"another authority's": worker(id("3")), "nobody's": worker(id("4")), "unknown": worker(id("5")), "one of two": worker(id("1"), id("3"))} {
			if _, err := o.Invite(ctx, User{}, p); !errors.Is(err, ErrChild) {
				o.Errorf("a caseload of %s child: %v", what, err)
			}
		}
		o.invite(worker())
		if u := o.user("worker"); u.Only == nil || len(u.Only) != 0 {
			o.Errorf("an empty caseload sees %v: nil would be all", u.Only)
		}
		u := o.user("worker")
		o.must(o.Change(ctx, User{}, u.ID, worker(id("1"), id("2"))))
		o.exec("INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('oak', ?, '330', ?, 1, 1)", string(id("0")), []byte("k"))
		o.exec("UPDATE pupils SET was = ? WHERE pupil = ?", string(id("0")), string(id("1")))
		u = o.user("worker")
		want := []store.Child{{School: "oak", Pupil: id("1")}, {School: "oak", Pupil: id("2")}, {School: "oak", Pupil: id("0")}}
		if !slices.Equal(u.Only, want) || !slices.Equal(u.Chosen, want[:2]) {
			o.Errorf("the caseload is %v, chosen %v", u.Only, u.Chosen)
		}
		o.must(o.Change(ctx, User{}, u.ID, Person{Role: Viewer, Authorities: []string{"330"}}))
		if u := o.user("worker"); u.Only != nil {
			o.Errorf("a viewer is limited to %v", u.Only)
		}
	})
}

// Access ends by itself, and every session with it.
func TestAccessEnds(t *testing.T) {
	o := one(t)
	p := administrator("jo", "330")
	p.Until = o.now.Add(time.Hour)
	u, _ := o.joined(p)
	if _, found, err := o.ByID(t.Context(), u.ID); err != nil || !found {
		t.Errorf("before the end: %v %v", found, err)
	}
	o.now = o.now.Add(time.Hour)
	if _, found, err := o.ByID(t.Context(), u.ID); err != nil || found {
		t.Errorf("after the end: %v %v", found, err)
	}
}

// The access of each person is looked at again and again, by somebody else.
func TestReview(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		only, _ := o.joined(administrator("only", "330"))
		clerk, _ := o.joined(Person{Name: "clerk", Role: Caller, Authorities: []string{"330", "855"}})
		south, _ := o.joined(administrator("south", "933"))
		if due := clerk.ReviewDue(); !due.Equal(o.now.Add(ReviewEvery)) {
			o.Errorf("due %v", due)
		}
		o.must(o.Confirm(ctx, only, only.ID)) // there is nobody else to ask
		for what, c := range map[string]struct {
			by   User
			id   string
			want error
		}{
			"by the person":               {clerk, clerk.ID, ErrNoUser},
			"by another authority's":      {south, clerk.ID, ErrNoUser},
			"of an unknown person":        {only, "none", ErrNoUser},
			"by one of the authorities'":  {only, clerk.ID, nil},
			"by the operator's command":   {User{}, clerk.ID, nil},
			"of an administrator, by her": {south, south.ID, nil},
		} {
			if err := o.Confirm(ctx, c.by, c.id); !errors.Is(err, c.want) {
				o.Errorf("%s: %v, want %v", what, err, c.want)
			}
		}
		o.joined(administrator("two", "330"))
		if err := o.Confirm(ctx, only, only.ID); !errors.Is(err, ErrSelf) {
			o.Errorf("the own access where there is another administrator: %v", err)
		}
		o.now = o.now.Add(time.Hour)
		o.must(o.Confirm(ctx, only, clerk.ID))
		u := o.user("clerk")
		if !u.Reviewed.Equal(o.now) || u.ReviewedBy != only.ID || !u.ReviewDue().Equal(o.now.Add(ReviewEvery)) {
			o.Errorf("reviewed %v by %s", u.Reviewed, u.ReviewedBy)
		}
		list, err := o.Manageable(ctx, only)
		o.must(err)
		var names []string
		for _, u := range list {
			names = append(names, u.Name)
		}
		if !slices.Equal(names, []string{"clerk", "only", "two"}) || Manages(only, clerk) || Manages(only, only) {
			o.Errorf("an administrator manages %v", names)
		}
	})
}
