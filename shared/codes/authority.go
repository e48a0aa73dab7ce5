package codes

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// The values of [Authority].Status. A special code stands for a place outside England and Wales, or for no place at all.
const (
	StatusCurrent = "current"
	StatusFormer  = "former"
	StatusSpecial = "special"
)

// The values of [Authority].Nation. A code of NationPseudo stands for no place: a test authority, a register, "not known".
const (
	NationEngland         = "England"
	NationWales           = "Wales"
	NationScotland        = "Scotland"
	NationNorthernIreland = "Northern Ireland"
	NationOther           = "Other"
	NationPseudo          = "Pseudo"
)

// Authority is a local authority as the DfE numbers it, or a special code of the same list.
type Authority struct {
	Code   string // three characters; a leading zero is part of it
	Name   string
	Nation string // one of the Nation constants
	Type   string // such as "London borough"
	Status string // one of the Status constants
	UPNOK  bool   // whether the code may stand in characters 2 to 4 of a UPN
	// ValidFrom and ValidTo are the first and last day, midnight UTC; zero is open.
	ValidFrom, ValidTo time.Time
	// Successors are the codes that took over, empty unless Status is former.
	Successors []string
}

// Current reports whether the code named a real place on the calendar day of on: true for an authority within its dates and
// for a special code of a place elsewhere (a child may be looked after by a Scottish council), never for a pseudo code.
func (a Authority) Current(on time.Time) bool {
	return a.Nation != NationPseudo && within(on, a.ValidFrom, a.ValidTo)
}

func (a Authority) clone() Authority {
	a.Successors = slices.Clone(a.Successors)
	return a
}

// label is the authority for a sentence: "942 (Cumberland)".
func (a Authority) label() string { return a.Code + " (" + a.Name + ")" }

// LookupAuthority finds an authority by its exact code, whatever its status.
func LookupAuthority(code string) (Authority, bool) {
	a, ok := data().authorities[code]
	return a.clone(), ok
}

// Authorities lists all authorities and special codes in the order of their codes.
func Authorities() []Authority {
	all := data().authorities
	list := make([]Authority, 0, len(all))
	for _, code := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[code].clone())
	}
	return list
}

// AuthorityFault says why a code names no authority on a day; the list is closed.
type AuthorityFault string

// The faults of an authority code.
const (
	AuthorityMalformed AuthorityFault = "malformed" // not three digits; the text does not repeat what was given
	AuthorityUnknown   AuthorityFault = "unknown"
	AuthorityPseudo    AuthorityFault = "pseudo" // in the list, but not a place
	AuthorityFuture    AuthorityFault = "future" // begins after the day
	AuthorityDivided   AuthorityFault = "divided"
)

// AuthorityError is what [ResolveAuthority] returns.
type AuthorityError struct {
	Kind AuthorityFault
	Code string // empty when malformed: it may then be anything, a name among them
	// Candidates are the authorities to choose from when Kind is divided, in the order of their codes.
	Candidates []Authority
	text       string
}

func (e *AuthorityError) Error() string { return e.text }

// ResolveAuthority finds the authority that answers to a code on the calendar day of on. Spaces around the code are trimmed;
// nothing is padded, since "1" may be a spoiled 001 as well as a mistake. A current code is itself; a former one is followed to
// its successor when all its successors lead to one. Any error is an *[AuthorityError] that says what to do.
func ResolveAuthority(code string, on time.Time) (Authority, error) {
	code = strings.TrimSpace(code)
	a, ok := data().authorities[code]
	if !ok {
		return Authority{}, unlisted(code)
	}
	switch {
	case a.Current(on):
		return a.clone(), nil
	case a.Nation == NationPseudo:
		return Authority{}, &AuthorityError{Kind: AuthorityPseudo, Code: code,
			text: fmt.Sprintf("code %s is not an authority (%s): use the code of the authority that looks after the child", code, a.Name)}
	case civil(on).Before(a.ValidFrom):
		return Authority{}, &AuthorityError{Kind: AuthorityFuture, Code: code,
			text: fmt.Sprintf("authority %s begins on %s: until then use the code in force", a.label(), a.ValidFrom.Format("2 January 2006"))}
	}
	heirs := heirs(a, on)
	if len(heirs) == 1 {
		return heirs[0].clone(), nil
	}
	names := make([]string, len(heirs))
	for i := range heirs {
		names[i] = heirs[i].label()
		heirs[i] = heirs[i].clone()
	}
	return Authority{}, &AuthorityError{Kind: AuthorityDivided, Code: code, Candidates: heirs,
		text: fmt.Sprintf("authority %s ended on %s and was divided: use one of %s",
			a.label(), a.ValidTo.Format("2 January 2006"), strings.Join(names, ", "))}
}

// unlisted explains a code that is not in the list. Only three digits are repeated: a cell from a shifted column can hold
// anything, and three letters can be a name.
func unlisted(code string) *AuthorityError {
	digits := code != "" && strings.Trim(code, "0123456789") == ""
	switch {
	case digits && len(code) == 3:
		return &AuthorityError{Kind: AuthorityUnknown, Code: code,
			text: fmt.Sprintf("authority code %s is not in the list of %s: check the code, or update the program if the authority is newer", code, Version())}
	case digits && len(code) < 3:
		return &AuthorityError{Kind: AuthorityMalformed,
			text: "the authority code has fewer than three digits: if a spreadsheet removed leading zeros, keep the column as text"}
	case code == "":
		return &AuthorityError{Kind: AuthorityMalformed, text: "the authority code is empty: give the three digits of the authority"}
	default:
		return &AuthorityError{Kind: AuthorityMalformed, text: "the authority code is not three digits: check that the right column is read"}
	}
}

// heirs follows the successors of an ended authority to those in force on the day, in the order of their codes. TestSuccessors
// shows that every chain ends and that there is always one.
func heirs(a Authority, on time.Time) []Authority {
	found := map[string]Authority{}
	for _, code := range a.Successors {
		next := data().authorities[code]
		if next.Current(on) {
			found[code] = next
			continue
		}
		for _, h := range heirs(next, on) {
			found[h.Code] = h
		}
	}
	list := make([]Authority, 0, len(found))
	for _, code := range slices.Sorted(maps.Keys(found)) {
		list = append(list, found[code])
	}
	return list
}

func loadAuthorities(files fs.FS) (map[string]Authority, error) {
	all := map[string]Authority{}
	err := eachRow(files, "data/la_codes.csv", func(r *row) error {
		a := Authority{
			Code: r.need("code"),
			Name: r.need("name"),
			Nation: r.word("nation", NationEngland, NationWales, NationScotland, NationNorthernIreland,
				NationOther, NationPseudo),
			Type:       r.need("type"),
			Status:     r.word("status", StatusCurrent, StatusFormer, StatusSpecial),
			UPNOK:      r.yes("upn_ok"),
			ValidFrom:  r.from("valid_from"),
			ValidTo:    r.to("valid_to"),
			Successors: r.list("successor_codes"),
		}
		if _, twice := all[a.Code]; twice {
			r.fail("code", "appears twice")
		}
		if (a.Status == StatusFormer) != (len(a.Successors) > 0) {
			r.fail("successor_codes", "must be given for a former authority and for no other")
		}
		if (a.Status == StatusFormer) == a.ValidTo.IsZero() {
			r.fail("valid_to", "must be given for a former authority and for no other")
		}
		all[a.Code] = a
		return r.err
	})
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		for _, s := range a.Successors {
			if next, ok := all[s]; !ok || !(next.ValidTo.IsZero() || next.ValidTo.After(a.ValidTo)) {
				return nil, fmt.Errorf("code list data/la_codes.csv: successor %s of %s is missing or ended before it", s, a.Code)
			}
		}
	}
	return all, nil
}
