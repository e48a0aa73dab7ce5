package mis

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/mis/rest"
	"rollbridge/shared/record"
)

// An API is how this school's web interface is reached. It is no part of the
// fingerprint, which travels.
type API struct {
	// Names are the values of the profile's api.names.
	Names map[string]string `json:"-"`
	// User and Password are what the profile signs in with, where it needs them.
	User     string `json:"-"`
	Password string `json:"-"`
	// RequestTime is the longest that one answer may take; 0 is
	// rest.DefaultRequestTime.
	RequestTime time.Duration `json:"-"`
	// Dial and Roots are as in rest.Settings.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error) `json:"-"`
	Roots *x509.CertPool                                                       `json:"-"`
}

// A restPlan is what driver rest needs beside the datasets.
type restPlan struct {
	profile *Profile
	api     *APIProfile
	site    API
	log     *slog.Logger
	names   map[string]string // of the school, defaults among them
	gate    *GateProfile      // with the school's own columns
	form    string            // of days in queries, as package time has it
}

// addREST is what a plan of driver rest has more.
func (p *plan) addREST(from *Profile, site Site) error {
	p.words = restWords
	p.rest = restPlan{profile: from, api: from.API, log: site.Log, names: map[string]string{}, form: queryDateLayouts[cmp.Or(from.API.QueryDates, "yyyy-mm-dd")]}
	if site.API != nil {
		p.rest.site = *site.API
	}
	for name, own := range from.API.Names {
		if own.Default != nil {
			p.rest.names[name] = *own.Default
		}
	}
	var err error
	for _, name := range slices.Sorted(maps.Keys(p.rest.site.Names)) {
		own := from.API.Names[name]
		if own == nil {
			known := slices.Sorted(maps.Keys(from.API.Names))
			err = errors.Join(err, fmt.Errorf("mis.api.names has a name for which the profile %s does not ask%s; it asks for %s", from.Name, didYouMean(name, known), cmp.Or(strings.Join(known, ", "), "none")))
			continue
		}
		if value := strings.TrimSpace(p.rest.site.Names[name]); value != "" {
			p.rest.names[name] = value
		}
	}
	for name, own := range from.API.Names {
		if own.URL {
			p.rest.names[name] = strings.TrimRight(p.rest.names[name], "/")
		}
	}
	return err
}

// layColumns parts a dataset's columns between its own resource and, of the
// pupils, the gate: a field that the profile's gate names is read there.
func (p *plan) layColumns(d record.Dataset, own *DatasetProfile, site SiteDataset, define string) error {
	made := p.datasets[d]
	made.asking, made.feeds = &own.Asking, own.Feeds
	made.columns = maps.Clone(own.Columns)
	if made.columns == nil {
		made.columns = map[string]string{}
	}
	gate := own.Gate
	if gate != nil {
		copied := *gate
		copied.Columns = maps.Clone(gate.Columns)
		gate, p.rest.gate = &copied, &copied
	}
	check := &restCheck{p: p.rest.profile, jq: jq{define: define}}
	for _, field := range slices.Sorted(maps.Keys(site.Columns)) {
		path, text := []string{"mis", "datasets", string(d), "columns", field}, site.Columns[field]
		if strings.TrimSpace(text) != "" {
			early := d == record.DatasetPupil && slices.Contains(earlyFields, field)
			check.column(path, d, own, text, early)
		}
		into := made.columns
		if gate != nil && field != "pupil" {
			if _, there := gate.Columns[field]; there || field == "InCare" || field == "CareAuthority" {
				into = gate.Columns
			}
		}
		into[field] = text
	}
	blank := func(_, text string) bool { return strings.TrimSpace(text) == "" }
	maps.DeleteFunc(made.columns, blank)
	all := made.columns
	if gate != nil {
		maps.DeleteFunc(gate.Columns, blank)
		all = overlaid(gate.Columns, made.columns)
	}
	for field := range all {
		if i := slices.Index(made.about.names, field); i >= 0 {
			made.headings[i] = field
		}
	}
	return check.found
}

// knownColumns is the profile without the datasets of which no column is known
// but the pupil's id: the school says what theirs are called.
func (p *Profile) knownColumns(site map[record.Dataset]SiteDataset) *Profile {
	made := *p
	made.Datasets = map[record.Dataset]*DatasetProfile{}
	for d, own := range p.Datasets {
		columns := given(overlaid(own.Columns, site[d].Columns))
		if d == record.DatasetPupil || slices.ContainsFunc(columns, func(name string) bool { return name != "pupil" }) {
			made.Datasets[d] = own
		}
	}
	return &made
}

// checkAPI says what the school has still to give.
func (p *plan) checkAPI(site Site) error {
	if site.API == nil {
		site.API = new(API)
	}
	return errors.Join(p.checkNames(), p.checkSignIn(), p.checkAddress(), p.unconfirmed())
}

func (p *plan) checkNames() error {
	var err error
	for _, name := range slices.Sorted(maps.Keys(p.rest.api.Names)) {
		own, value := p.rest.api.Names[name], p.rest.names[name]
		if value == "" && (own.Default == nil || *own.Default != "") {
			err = errors.Join(err, fmt.Errorf("mis.api.names.%s is not given: %s", name, own.Says))
			continue
		}
		form, _ := own.form() // compiled when the profile was checked
		if bad := badName(own, form, value); bad != "" {
			err = errors.Join(err, fmt.Errorf("mis.api.names.%s (%s) %s", name, own.Says, bad))
		}
	}
	return err
}

// checkSignIn compares what the profile signs in with and what the school gave.
func (p *plan) checkSignIn() error {
	auth, site := p.rest.api.Auth, p.rest.site
	uses := map[string]bool{fillUser: auth.Kind == rest.AuthBasic, fillPassword: auth.Kind == rest.AuthBasic}
	for _, values := range []map[string]string{auth.Form, auth.JSON, auth.Headers} {
		for _, text := range values {
			for _, name := range placeholders(text) {
				uses[name] = true
			}
		}
	}
	var err error
	for name, value := range map[string]string{fillUser: site.User, fillPassword: site.Password} {
		switch {
		case uses[name] && value == "":
			err = errors.Join(err, fmt.Errorf("mis.api.%s is not given: the page of this profile in docs/mis says whose it is and who gives it", name))
		case !uses[name] && value != "":
			err = errors.Join(err, fmt.Errorf("mis.api.%s is not used by this profile: remove it", name))
		}
	}
	return err
}

func (p *plan) checkAddress() error {
	for _, at := range []struct{ what, text string }{{"the address of the MIS", p.rest.api.URL}, {"the address that gives tokens", p.rest.api.Auth.Post}} {
		if bad := badAddress(p.rest.address(at.text)); at.text != "" && bad != "" {
			return fmt.Errorf("%s, with mis.api.names put in, %s", at.what, bad)
		}
	}
	return nil
}

// address is the text of an address with the school's names in it.
func (p *restPlan) address(text string) string {
	values := map[string]string{}
	for name, value := range p.names {
		values[name] = value
		if own := p.api.Names[name]; own == nil || !own.URL {
			values[name] = url.PathEscape(value)
		}
	}
	return filled(text, values, nil)
}

// unconfirmed are fields without which nothing can be read, and which only the
// school can find out.
func (p *plan) unconfirmed() error {
	var err error
	for _, d := range sortedDatasets(p.datasets) {
		own, from := p.datasets[d], p.rest.profile.Datasets[d]
		for _, name := range own.about.needed {
			if own.headings[own.about.number(name)] != "" {
				continue
			}
			ask := "give it under mis.datasets." + string(d) + ".columns"
			if entry := from.Confirm[name]; entry != nil {
				ask = entry.Ask
			}
			err = errors.Join(err, fmt.Errorf("datasets.%s: the name of %s is not known, and without it no %s can be read. %s", d, name, d, ask))
		}
		if err == nil {
			var there []string
			for i, name := range own.about.names {
				if own.headings[i] != "" {
					there = append(there, name)
				}
			}
			err = places{}.apart([]string{"datasets", string(d)}, d, from.Identity, there)
		}
	}
	return err
}

// open begins one read; it connects to nothing.
func (p *restPlan) open(j jq) (*rest.Session, error) {
	return rest.Open(rest.Settings{
		URL: p.address(p.api.URL), User: p.site.User, Password: p.site.Password, Dial: p.site.Dial, Roots: p.site.Roots,
		RequestTime: p.site.RequestTime, AnyCase: p.api.Members == anyCaseMembers, Log: p.log,
	}, p.auth(j))
}

func (p *restPlan) auth(j jq) rest.Auth {
	from := p.api.Auth
	values := maps.Clone(p.names)
	values[fillUser], values[fillPassword] = p.site.User, p.site.Password
	fill := func(section map[string]string) map[string]string {
		made := map[string]string{}
		for name, text := range section {
			made[name] = filled(text, values, nil)
		}
		return made
	}
	auth := rest.Auth{Kind: from.Kind, Headers: fill(from.Headers)}
	if from.Kind == rest.AuthToken {
		auth.Token = &rest.Token{URL: p.address(from.Post), Read: j.tokenReader(from)}
		if len(from.Form) > 0 {
			auth.Token.Form = fill(from.Form)
		} else {
			auth.Token.JSON = fill(from.JSON)
		}
	}
	return auth
}

// checkRESTForm refuses settings that a web interface has no use for, and those
// of one where none is asked.
func checkRESTForm(p *Profile, site Site) error {
	switch {
	case p.Driver != driverREST:
		return fmt.Errorf("the profile %s asks no web interface: remove mis.api, or choose another profile", p.Name)
	case site.Dir != "" || site.Server != nil || site.Command != nil:
		return fmt.Errorf("the profile %s asks a web interface: remove mis.folder, mis.server and mis.command", p.Name)
	case site.Delimiter+site.Encoding+site.FinalNewline != "":
		return errors.New("a web interface answers in UTF-8: remove delimiter, encoding and final_newline")
	case site.Dates != "" && !slices.Contains(restDates, site.Dates):
		return fmt.Errorf("web interfaces write dates as one of %s: correct mis.dates", strings.Join(restDates, ", "))
	}
	return nil
}

// define is what stands before every expression.
func (p *Profile) define() string {
	if p.Define == "" {
		return ""
	}
	return p.Define + "\n"
}
