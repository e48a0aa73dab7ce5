package secret

import (
	"regexp"
	"strings"
)

var (
	wholeList = regexp.MustCompile(`^D:P[A-Z]*((?:\([^()]*\))+)$`)
	oneEntry  = regexp.MustCompile(`\(([^()]*)\)`)
	// closedTo are those whom a closed list may name: the system, administrators
	// and single accounts of users and services, never everybody or a group that
	// Windows abbreviates.
	closedTo = regexp.MustCompile(`^(SY|BA|LA|LS|NS|S-1-5-80-[0-9-]+|S-1-5-21-[0-9-]+)$`)
)

// heirs are the accounts of the access list of a directory that was closed to
// all but those, in Windows's own notation (SDDL): what is made in it must be
// theirs too, whoever makes it, because an administrator's command makes what
// the service has to read. A list of any other form has none.
func heirs(sddl string) []string {
	whole := wholeList.FindStringSubmatch(sddl)
	if whole == nil {
		return nil
	}
	var found []string
	for _, entry := range oneEntry.FindAllStringSubmatch(whole[1], -1) {
		part := strings.Split(entry[1], ";")
		if len(part) != 6 || part[0] != "A" || part[2] != "FA" || !closedTo.MatchString(part[5]) {
			return nil
		}
		found = append(found, part[5])
	}
	return found
}
