package scope

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollbridge/shared/config"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Choice names what a person says yes or no to: an authority, or one of its
// datasets, or one field of that.
type Choice struct {
	Authority string
	Dataset   record.Dataset // "" for all
	Field     string         // "" for all
}

// ParseChoice reads AUTHORITY[.DATASET[.FIELD]].
func ParseChoice(text string) (Choice, error) {
	parts := strings.Split(strings.TrimSpace(text), ".")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return Choice{}, fmt.Errorf("%q is not AUTHORITY, AUTHORITY.DATASET or AUTHORITY.DATASET.FIELD: such as 330, 330.contact or 330.contact.Phones", text)
	}
	parts = append(parts, "", "")
	return Choice{parts[0], record.Dataset(parts[1]), parts[2]}, nil
}

// String is what ParseChoice reads.
func (c Choice) String() string {
	return strings.TrimRight(c.Authority+"."+string(c.Dataset)+"."+c.Field, ".")
}

// Allow says yes to a part of what is asked. What nobody asks for cannot be
// allowed: the error says what can.
func (d Decision) Allow(ask protocol.Ask, c Choice) (Decision, error) {
	if err := c.check(ask, nil); err != nil {
		return d, err
	}
	after, wanted := d.clone(), askedOf(ask, c.Authority)
	for _, ds := range slices.Sorted(maps.Keys(wanted)) {
		switch {
		case c.Dataset != "" && ds != c.Dataset:
			continue
		case c.Field == "":
			after.give(ask, c.Authority, ds, wanted[ds])
			continue
		case after.hasDataset(c.Authority, ds):
			after.give(ask, c.Authority, ds, []string{c.Field})
			continue
		}
		return d, fmt.Errorf("%s is not allowed at all, so a field of it alone would bring every record of it: run `rollbridge-agent scope allow %s.%s`, then deny what is not to leave", ds, c.Authority, ds)
	}
	if c.Dataset != "" && c.Dataset != record.DatasetPupil && !after.hasDataset(c.Authority, record.DatasetPupil) {
		return d, fmt.Errorf("nothing of an authority leaves without its pupils, on whom everything else hangs: run `rollbridge-agent scope allow %s.%s` first", c.Authority, record.DatasetPupil)
	}
	return after, nil
}

func (d Decision) hasDataset(authority string, ds record.Dataset) bool {
	_, there := d.Allowed[d.codeOf(authority)][ds]
	return there
}

// Deny says no, to what is asked or was allowed. Without the pupils of an
// authority nothing of it leaves, so a no to them is one to the authority.
func (d Decision) Deny(ask protocol.Ask, c Choice) (Decision, error) {
	if err := c.check(ask, d.Allowed); err != nil {
		return d, err
	}
	after, code := d.clone(), d.codeOf(c.Authority)
	if after.Denied == nil {
		after.Denied = Denied{}
	}
	if c.Field == "" && (c.Dataset == "" || c.Dataset == record.DatasetPupil) {
		delete(after.Allowed, code)
		after.Denied[c.Authority] = map[record.Dataset][]string{}
		return after, nil
	}
	datasets, there := after.Denied[c.Authority]
	if there && len(datasets) == 0 {
		return after, nil // the whole of it is denied
	}
	if !there {
		datasets = map[record.Dataset][]string{}
		after.Denied[c.Authority] = datasets
	}
	if c.Field == "" {
		delete(after.Allowed[code], c.Dataset)
		datasets[c.Dataset] = nil
		return after, nil
	}
	if denied, there := datasets[c.Dataset]; !there || len(denied) > 0 {
		Fields(datasets).add(c.Dataset, c.Field)
	}
	if allowed := after.Allowed[code]; allowed != nil {
		if _, there := allowed[c.Dataset]; there {
			Fields(allowed).remove(c.Dataset, c.Field)
		}
	}
	return after, nil
}

// check refuses names that are not asked for, nor among allowed.
func (c Choice) check(ask protocol.Ask, allowed Allowed) error {
	wanted, names := map[string]Fields{}, []string{}
	for _, r := range ask.Requests {
		if wanted[r.Code] == nil {
			wanted[r.Code] = askedOf(ask, r.Code)
			names = append(names, r.Code)
		}
	}
	for code, datasets := range allowed {
		if wanted[code] == nil {
			wanted[code] = Fields{}
			names = append(names, code)
		}
		for ds, fields := range datasets {
			wanted[code].add(ds, fields...)
		}
	}
	datasets := wanted[c.Authority]
	switch {
	case len(names) == 0:
		return errors.New("no authority asks this school for anything, so there is nothing to decide")
	case datasets == nil:
		slices.Sort(names)
		return fmt.Errorf("no authority %q asks this school for anything%s; these do: %s", c.Authority, meant(c.Authority, names), strings.Join(names, ", "))
	case c.Dataset == "":
		return nil
	}
	fields, there := datasets[c.Dataset]
	if !there {
		return c.notAsked(datasets)
	}
	if c.Field == "" || slices.Contains(fields, c.Field) {
		return nil
	}
	for _, f := range record.Fields(c.Dataset) {
		switch {
		case f.Name != c.Field:
		case f.Always:
			return fmt.Errorf("%s is what makes a %s record usable and leaves with it: decide about %s.%s as a whole", c.Field, c.Dataset, c.Authority, c.Dataset)
		default:
			return fmt.Errorf("authority %s does not ask for %s of %s: there is nothing to decide; it asks for %s", c.Authority, c.Field, c.Dataset, strings.Join(fields, ", "))
		}
	}
	return fmt.Errorf("%s has no field %q%s; asked for are %s", c.Dataset, c.Field, meant(c.Field, fields), strings.Join(fields, ", "))
}

func (c Choice) notAsked(asked Fields) error {
	var names []string
	for _, ds := range record.Datasets() {
		if _, there := asked[ds]; there {
			names = append(names, string(ds))
		}
	}
	if record.Fields(c.Dataset) != nil {
		return fmt.Errorf("authority %s does not ask for %s: there is nothing to decide; it asks for %s", c.Authority, c.Dataset, strings.Join(names, ", "))
	}
	return fmt.Errorf("there is no dataset %q%s; authority %s asks for %s", c.Dataset, meant(string(c.Dataset), names), c.Authority, strings.Join(names, ", "))
}

func meant(word string, known []string) string {
	if near := config.Nearest(word, known); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}
