package settings

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"path/filepath"
	"strings"
)

// Hosted is where the agents of schools are that the operator runs itself. Both are
// empty where there are none.
type Hosted struct {
	// Program is the agent's program, Schools the directory that it runs with
	// --schools: a directory in it for each school, named as the school's id here.
	Program string `config:"program"`
	Schools string `config:"schools"`
}

func (h Hosted) validate() error {
	if h == (Hosted{}) {
		return nil
	}
	for _, p := range []struct{ key, path string }{{"hosted.program", h.Program}, {"hosted.schools", h.Schools}} {
		if !filepath.IsAbs(p.path) {
			return fmt.Errorf("%s must be a full path where schools are hosted: set hosted.program to the agent's program and hosted.schools to the directory that it runs, or leave both empty", p.key)
		}
	}
	return nil
}

// Security is what /.well-known/security.txt says to whoever has found a weakness.
type Security struct {
	// Contact is an address: mailto:, https:// or tel:. Without it there is no file.
	Contact string `config:"contact"`
	// Policy is the address of the page that says how a report is handled.
	Policy string `config:"policy"`
}

func (s Security) validate() error {
	if s.Contact == "" && s.Policy != "" {
		return errors.New("security.policy is set without security.contact: say where a weakness is reported to")
	}
	if s.Contact != "" && !goodContact(s.Contact) {
		return errors.New("security.contact must be one address such as mailto:security@example.org, https://example.org/report or tel:+44-1632-960123: correct it")
	}
	if s.Policy != "" && !webAddress(s.Policy) {
		return errors.New("security.policy must be an https:// address: correct it")
	}
	return nil
}

func goodContact(text string) bool {
	if address, is := strings.CutPrefix(text, "mailto:"); is {
		a, err := mail.ParseAddress(address)
		return err == nil && a.Address == address
	}
	if number, is := strings.CutPrefix(text, "tel:"); is {
		return number != "" && strings.Trim(number, "+-0123456789") == ""
	}
	return webAddress(text)
}

// webAddress refuses whatever would not be one word of a line.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.String() == text
}
