package audit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rollbridge/shared/record"
)

// Who does something without being a person who signed in.
const (
	ByCommand = "command" // the operator, by a command on the server
	ByProgram = "program" // the collector by itself, such as an alert that is due
)

// A Subject is what an entry is about.
type Subject struct {
	// School is the school that it concerns; empty where it concerns none, or all of an
	// authority's.
	School string
	// Children are pupils of School.
	Children []record.PupilID
	// About says more in words of the program and ids, never anything about a child or
	// any text that somebody typed.
	About string
	// Reason is free text; it is sealed.
	Reason string
}

// An Entry is one thing that somebody did.
type Entry struct {
	// Authority is whose pages or data it concerns; empty for the operator's and for what
	// a school does by itself.
	Authority string
	// User is the number of the person, or ByCommand or ByProgram.
	User   string
	Action Action
	Subject
}

// A Record is an Entry as it was written.
type Record struct {
	Entry
	Chain Chain
	// Seq is its number in its chain, from 1. ID is the same in each chain that it is in.
	Seq int64
	ID  string
	At  time.Time
	// ReasonGone says that there was a reason and its key is hidden or destroyed.
	ReasonGone bool
	// Hash is over the record and the hash before it.
	Hash []byte
}

// A Chain names one chain.
type Chain string

// Operator is the chain of what concerns no authority and no school.
const Operator Chain = "operator"

// OfAuthority is the chain of an authority, by its code.
func OfAuthority(code string) Chain { return Chain("authority/" + code) }

// OfSchool is the chain of a school, by its id.
func OfSchool(id string) Chain { return Chain("school/" + id) }

// ErrInvalid is returned for an entry that cannot be written; the text says why.
var ErrInvalid = errors.New("not an audit entry")

// The bounds of an entry.
const (
	maxReason   = 2000
	maxChildren = 5000
)

var (
	aboutText = regexp.MustCompile(`^[A-Za-z0-9 ._:/=,;+()-]{0,200}$`)
	idText    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

func (e Entry) check() error {
	switch {
	case !e.Action.Known():
		return fmt.Errorf("%w: the action is not in the list", ErrInvalid)
	case !idText.MatchString(e.User):
		return fmt.Errorf("%w: %s without whose action it is", ErrInvalid, e.Action)
	case e.Authority != "" && !idText.MatchString(e.Authority), e.School != "" && !idText.MatchString(e.School):
		return fmt.Errorf("%w: %s of an authority or school that is no id", ErrInvalid, e.Action)
	case !aboutText.MatchString(e.About):
		return fmt.Errorf("%w: what %s is about must be words of the program and ids, at most 200 letters, digits and marks", ErrInvalid, e.Action)
	case len(e.Children) > 0 && e.School == "":
		return fmt.Errorf("%w: %s names children and no school; write one entry for each school", ErrInvalid, e.Action)
	case len(e.Children) > maxChildren && len(e.distinct()) > maxChildren:
		return fmt.Errorf("%w: %s names more than %d children of one school", ErrInvalid, e.Action, maxChildren)
	case len(e.Reason) > maxReason || !utf8.ValidString(e.Reason):
		return fmt.Errorf("%w: the reason of %s must be text of at most %d bytes", ErrInvalid, e.Action, maxReason)
	case e.Reason != "" && e.School == "" && e.Authority == "":
		return fmt.Errorf("%w: the reason of %s has no key to be sealed by: name the school or the authority", ErrInvalid, e.Action)
	}
	for _, id := range e.Children {
		if !id.Valid() {
			return fmt.Errorf("%w: %s names a child by what is no pupil's id", ErrInvalid, e.Action)
		}
	}
	return nil
}

// chains are those that the entry stands in, in the order in which they are locked.
func (e Entry) chains() (list []Chain) {
	if e.Authority != "" {
		list = append(list, OfAuthority(e.Authority))
	}
	if e.School != "" {
		list = append(list, OfSchool(e.School))
	}
	if len(list) == 0 {
		list = append(list, Operator)
	}
	return list
}

// childrenText is the column children: sorted, each once.
func (e Entry) childrenText() string { return strings.Join(e.distinct(), ",") }

// distinct are the children, each once: many calls may be about one.
func (e Entry) distinct() []string {
	ids := make([]string, 0, len(e.Children))
	for _, id := range e.Children {
		ids = append(ids, string(id))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func parseChildren(text string) (list []record.PupilID) {
	if text == "" {
		return nil
	}
	for id := range strings.SplitSeq(text, ",") {
		list = append(list, record.PupilID(id))
	}
	return list
}
