package account

import (
	"errors"
	"testing"
	"time"
)

func TestOpenIDLetsInOnlyWhoWasInvited(t *testing.T) {
	bothOffices(t, func(o *office) {
		ctx := o.Context()
		with := func(name, email string, role Role, authorities ...string) Person {
			return Person{Name: name, Email: email, Role: role, Authorities: authorities}
		}
		o.invite(with("jo", "Jo@Council.example", Caller, "330"))
		o.invite(with("both", "both@council.example", Caller, "330", "855"))
		o.invite(with("elsewhere", "elsewhere@council.example", Caller, "855"))
		o.invite(with("root", "root@council.example", Operator))
		o.invite(with("twin1", "twin@council.example", Caller, "330"))
		o.invite(with("twin2", "twin@council.example", Caller, "330"))
		o.invite(with("nameless", "", Caller, "330"))
		o.joined(with("active", "active@council.example", Caller, "330"))
		who := func(subject, email string) Identity {
			return Identity{Authority: "330", Subject: subject, Email: email}
		}
		for what, id := range map[string]Identity{
			"a stranger":                  who("s1", "stranger@council.example"),
			"of another authority":        who("s2", "elsewhere@council.example"),
			"of two authorities":          who("s3", "both@council.example"),
			"an operator":                 who("s4", "root@council.example"),
			"an address of two":           who("s5", "twin@council.example"),
			"no address":                  who("s6", ""),
			"who has a password already":  who("s7", "active@council.example"),
			"no subject":                  who("", "jo@council.example"),
			"another authority's service": {Authority: "855", Subject: "s8", Email: "jo@council.example"},
			"the service of no authority": {Subject: "s9", Email: "root@council.example"},
		} {
			if _, _, err := o.EnterOpenID(ctx, id); !errors.Is(err, ErrNoAccess) {
				o.Errorf("%s: %v", what, err)
			}
		}
		u, first, err := o.EnterOpenID(ctx, who("issuer jo", "JO@council.example"))
		if err != nil || !first || !u.OpenID || u.MustChange || u.Name != "jo" {
			o.Fatalf("%v, first %v", err, first)
		}
		// From then on by the subject, whatever the address; and by it only.
		if u, first, err := o.EnterOpenID(ctx, who("issuer jo", "new@council.example")); err != nil || first || u.Name != "jo" {
			o.Errorf("%v, first %v", err, first)
		}
		if _, _, err := o.EnterOpenID(ctx, who("issuer somebody else", "jo@council.example")); !errors.Is(err, ErrNoAccess) {
			o.Errorf("somebody else with the address: %v", err)
		}
		if _, err := o.SignIn(ctx, "jo", "", "192.0.2.1"); !errors.Is(err, ErrSignIn) {
			o.Errorf("by an empty password: %v", err)
		}
		// An authority's service must not open another authority.
		o.must(o.Change(ctx, User{}, u.ID, with("jo", "jo@council.example", Caller, "330", "855")))
		if _, _, err := o.EnterOpenID(ctx, who("issuer jo", "")); !errors.Is(err, ErrNoAccess) {
			o.Errorf("a person who got another authority: %v", err)
		}
		o.must(o.Change(ctx, User{}, u.ID, with("jo", "jo@council.example", Caller, "330")))
		o.must(o.Disable(ctx, User{}, "jo"))
		if _, _, err := o.EnterOpenID(ctx, who("issuer jo", "")); !errors.Is(err, ErrNoAccess) {
			o.Errorf("a person whose access ended: %v", err)
		}
		// An invitation runs out here as well.
		o.invite(with("late", "late@council.example", Caller, "330"))
		o.now = o.now.Add(OneTimeLife + time.Second)
		if _, _, err := o.EnterOpenID(ctx, who("issuer late", "late@council.example")); !errors.Is(err, ErrNoAccess) {
			o.Errorf("an invitation that ran out: %v", err)
		}
	})
}
