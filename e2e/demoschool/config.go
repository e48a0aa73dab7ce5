package demoschool

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// MaxPupils is the largest school this package makes: ten times the largest
// in England, and within what the UPN serials of one allocation year allow.
const MaxPupils = 200_000

// maxAuthorities leaves codes over for OtherAuthority.
const maxAuthorities = 12

// Config says which school to make. The zero value is a school of 1,000 pupils.
type Config struct {
	// Seed chooses the school; everything else equal, the same seed gives the
	// same bytes.
	Seed uint64

	// Pupils on roll. Zero means 1,000; at most MaxPupils.
	Pupils int

	// Authorities are the DfE codes of the provisioned authorities, which the
	// school's looked-after pupils are spread over. Empty means 933, 815 and 838.
	Authorities []string

	// LookedAfterShare is the part of all pupils looked after by one of
	// Authorities: zero means 0.04, below zero means none. At least one pupil
	// per authority where there are enough. An eighth as many again (at least
	// one) are looked after by OtherAuthority, which is never in the list.
	LookedAfterShare float64

	// UnknownMarkers is how many further pupils have a care marker that is
	// neither yes nor no, with a provisioned authority beside it.
	UnknownMarkers int

	// Today is the school-local date up to which marks exist; its clock time
	// and zone are ignored. Where it is a school day its morning register has
	// been taken and its afternoon register has not. Zero means Monday
	// 16 November 2026; LastSchoolDay gives one that suits a real clock.
	Today time.Time

	// Canary marks every name, e-mail, telephone number and address: see the
	// package comment. 4 to 16 ASCII letters and digits, or empty for none.
	Canary string

	// OneCharacterMarks draws only one-character attendance codes, as WriteCTF
	// needs: how CTF packs the two-character codes of 2024 is unconfirmed, and
	// no ENG-2024 code has a statutory one-character form, so the writer
	// substitutes nothing.
	OneCharacterMarks bool

	// WesternNames draws only names that Windows-1252 can hold, as WriteCSV
	// needs for that encoding.
	WesternNames bool
}

var (
	authorityForm = regexp.MustCompile(`^[0-9]{3}$`)
	canaryForm    = regexp.MustCompile(`^[A-Za-z0-9]{4,16}$`)
)

// Validate reports everything that is wrong with c, or nil.
func (c Config) Validate() error {
	var errs []error
	if c.Pupils < 0 || c.Pupils > MaxPupils {
		errs = append(errs, fmt.Errorf("pupils is %d: give a number from 1 to %d, or 0 for 1000", c.Pupils, MaxPupils))
	}
	if len(c.Authorities) > maxAuthorities {
		errs = append(errs, fmt.Errorf("%d authorities: give at most %d", len(c.Authorities), maxAuthorities))
	}
	for i, a := range c.Authorities {
		if !authorityForm.MatchString(a) {
			errs = append(errs, fmt.Errorf("authority %q: give the three digits of a DfE authority code", a))
		}
		if slices.Contains(c.Authorities[:i], a) {
			errs = append(errs, fmt.Errorf("authority %q is given twice: give each once", a))
		}
	}
	if c.LookedAfterShare > 0.8 {
		errs = append(errs, fmt.Errorf("looked-after share is %g: give at most 0.8, so that others are left", c.LookedAfterShare))
	}
	if c.UnknownMarkers < 0 {
		errs = append(errs, fmt.Errorf("unknown markers is %d: give 0 or more", c.UnknownMarkers))
	}
	if c.Canary != "" && !canaryForm.MatchString(c.Canary) {
		errs = append(errs, errors.New("canary: give 4 to 16 ASCII letters and digits"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Pupils == 0 {
		c.Pupils = 1000
	}
	if len(c.Authorities) == 0 {
		c.Authorities = []string{"933", "815", "838"}
	}
	c.Authorities = slices.Clone(c.Authorities)
	if c.LookedAfterShare == 0 {
		c.LookedAfterShare = 0.04
	}
	if c.Today.IsZero() {
		c.Today = time.Date(2026, time.November, 16, 0, 0, 0, 0, time.UTC)
	}
	c.Today = dateOf(c.Today)
	return c
}
