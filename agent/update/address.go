package update

import (
	"errors"
	"net/url"
	"strings"
)

// CheckAddress refuses what cannot be the address of a repository. Whoever
// answers there is believed nothing that is not signed, so that http is as good as
// https for a copy inside the school.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the address of the repository must be https://host/path or http://host/path, without a password")
	}
	return nil
}

// OfCollector is where a collector serves releases.
func OfCollector(address string) string { return strings.TrimRight(address, "/") + "/updates/" }
