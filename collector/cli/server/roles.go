package server

import (
	"fmt"
	"slices"
	"strings"
)

// A Role is one of the collector's jobs. A process may have several.
type Role string

// The roles.
const (
	RoleIntake Role = "intake" // answers agents; the only one that faces the internet
	RoleApply  Role = "apply"  // decides about agents and opens what they sent
	RolePortal Role = "portal" // shows authorities their schools
	RoleJobs   Role = "jobs"   // what is done by the clock
)

// Roles lists all roles.
func Roles() []Role { return []Role{RoleIntake, RoleApply, RolePortal, RoleJobs} }

// ParseRoles reads a list of roles; none is all of them.
func ParseRoles(names []string) ([]Role, error) {
	if len(names) == 0 {
		return Roles(), nil
	}
	var roles []Role
	for _, name := range names {
		r := Role(strings.TrimSpace(name))
		if !slices.Contains(Roles(), r) {
			return nil, fmt.Errorf("%q is not a role: give one or more of intake, apply, portal, jobs", name)
		}
		if !slices.Contains(roles, r) {
			roles = append(roles, r)
		}
	}
	return roles, nil
}
