package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"rollbridge/collector/settings"
)

// plan works out the settings of the new collector, and changes nothing.
func (p *program) plan(o initial) (*newcomer, error) {
	s, err := p.load()
	if err != nil {
		return nil, err
	}
	if o.publicURL == "" {
		o.publicURL = s.PublicURL
	}
	if o.publicURL == "" {
		return nil, usage(errors.New("say what address schools will reach: --public-url https://HOST:PORT"))
	}
	u, err := settings.ParsePublicURL(o.publicURL)
	if err != nil {
		return nil, usage(err)
	}
	inForce, err := settings.File(p.given, p.environ)
	if err != nil {
		return nil, settled(err)
	}
	n := &newcomer{}
	if inForce != "" {
		if s.PublicURL != u.String() || (o.database != "" && s.Database != o.database) || (o.operator != "" && s.Operator != o.operator) {
			return nil, refused(fmt.Errorf("the settings file %s does not say what --public-url, --database or --operator say: write it there (public_url, database, operator), or remove the file", inForce))
		}
		n.settings = s
		return n, nil
	}
	if s.Intake.Listen == settings.Defaults().Intake.Listen {
		s.Intake.Listen = listenFor(u)
	}
	if n.content, err = settingsFile(o, u, s.Intake.Listen); err != nil {
		return nil, err
	}
	n.file = filepath.Join(s.DataDir, settings.FileName)
	s.PublicURL, s.Operator = u.String(), o.operator
	if o.database != "" {
		s.Database = o.database
	}
	if err := s.Validate(); err != nil {
		return nil, usage(err)
	}
	n.settings = s
	return n, nil
}

// settingsFile holds only what differs from the defaults, so that the file is
// short and the defaults may improve.
func settingsFile(o initial, u *url.URL, listen string) ([]byte, error) {
	type section struct {
		Listen string `yaml:"listen"`
	}
	f := struct {
		PublicURL string   `yaml:"public_url"`
		Operator  string   `yaml:"operator,omitempty"`
		Database  string   `yaml:"database,omitempty"`
		Intake    *section `yaml:"intake,omitempty"`
	}{PublicURL: u.String(), Operator: o.operator, Database: o.database}
	if listen == listenFor(u) { // and not from the environment, which will say it again
		f.Intake = &section{listen}
	}
	text, err := yaml.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	head := "# Written by rollbridge-collector init. Every setting there is, explained: configs/collector.yaml;\n# what is in force: rollbridge-collector config explain.\n"
	return append([]byte(head), text...), nil
}

// listenFor is where intake listens to be reached under an address: on
// loopback if that is what the address names, otherwise on every address.
func listenFor(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case strings.EqualFold(u.Hostname(), "localhost"):
		return net.JoinHostPort("127.0.0.1", port)
	case ip != nil && ip.IsLoopback():
		return net.JoinHostPort(ip.String(), port)
	}
	return ":" + port
}

func (p *program) greet(s settings.Settings, user, oneTime string) error {
	same := ""
	if p.given.DataDir != "" {
		same = "\nGive each of these the same --data-dir as here.\n"
	}
	return p.printf(`The collector is made.

  data            %s
  keys            %s
  schools reach   %s
  intake listens  %s
  portal listens  %s

The operator's first sign-in, within 72 hours, to the pages that only this
machine or its closed network reaches. It is shown only now:

  address            http://%s/
  user               %s
  one-time password  %s

It asks for an own password and for an authenticator app on a phone.

This is a trial set-up: a certificate that no authority vouches for (agents know
it by their code), and all roles in one process. Before real data arrives:

  - Move %s to a place that is not this machine. It is
    needed only to renew the keyring, once a year.
  - Set a real certificate (intake.tls) and run intake as its own process.

Now start it:              rollbridge-collector serve
Then, for each school:     rollbridge-collector authority add CODE --why "..."
                           rollbridge-collector school add ID "NAME" --phone NUMBER
                           rollbridge-collector school provision ID --authority CODE --dataset pupil --dataset contact --dataset attendance
                           rollbridge-collector code create ID
and, when the school has read out its phrase:
                           rollbridge-collector agent confirm ID PHRASE
For an authority's people: rollbridge-collector user invite NAME --role administrator --authority CODE
who sign in at             https://%s/
%s`, s.DataDir, s.Keys(), s.PublicURL, s.Intake.Listen, s.Portal.Listen, s.Private.Listen, user, oneTime,
		filepath.Join(s.Keys(), "root", "root.key"), s.Portal.Listen, same)
}
