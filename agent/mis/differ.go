package mis

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"rollbridge/shared/record"
)

// A Difference is one place where a school has something else than its profile.
type Difference struct {
	// Path leads to the place in the profile: datasets.pupil.columns.UPN.
	Path string
	// Profile is what the profile says, Here what holds; empty is nothing.
	Profile, Here string
	// File is file and line of the site file; or Setting the name of the setting
	// that says it, below mis.
	File, Setting string
}

// Differences are all places where a site has something else than the profile,
// sorted by path. Where the site file and the settings both say something, the
// settings hold. Of how the MIS is reached there is nothing among them but the
// names of a web interface. The error is that of Lint.
func Differences(p *Profile, site Site) ([]Difference, error) {
	if err := Lint(p, site); err != nil {
		return nil, err
	}
	laid, err := p.With(site.File)
	if err != nil {
		return nil, err
	}
	found := differences{}
	if f := site.File; f != nil {
		leaves(f.at.root, nil, func(path []string, line int) {
			found.add(Difference{Path: strings.Join(path, "."), Profile: textAt(reflect.ValueOf(p), path), Here: textAt(reflect.ValueOf(laid), path),
				File: fmt.Sprintf("%s:%d", f.at.file, line)})
		})
	}
	for _, form := range []struct{ name, here string }{
		{"delimiter", site.Delimiter}, {"encoding", site.Encoding}, {"dates", site.Dates}, {"null_means", site.NullMeans},
	} {
		if form.here != "" {
			found.say(p, []string{form.name}, form.here, form.name)
		}
	}
	if site.API != nil {
		for name, value := range site.API.Names {
			found.say(p, []string{"api", "names", name, "default"}, strings.TrimSpace(value), "api.names")
		}
	}
	for d, own := range site.Datasets {
		found.dataset(p, d, own)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Difference) int { return strings.Compare(a.Path, b.Path) }), nil
}

type differences map[string]Difference

// add takes the last word about a place.
func (f differences) add(d Difference) {
	if delete(f, d.Path); d.Here != d.Profile {
		f[d.Path] = d
	}
}

// say adds what a setting says about a place of the profile.
func (f differences) say(p *Profile, path []string, here, setting string) {
	f.add(Difference{Path: strings.Join(path, "."), Profile: textAt(reflect.ValueOf(p), path), Here: here, Setting: setting})
}

func (f differences) dataset(p *Profile, d record.Dataset, own SiteDataset) {
	path := []string{"datasets", string(d)}
	setting := strings.Join(path, ".") + "."
	if own.File != "" {
		f.say(p, under(path, "file"), own.File, setting+"file")
	}
	for field, text := range own.Columns {
		at := under(path, "columns", field)
		if in := under(path, "gate", "columns", field); textAt(reflect.ValueOf(p), in) != "" {
			at = in
		}
		f.say(p, at, strings.TrimSpace(text), setting+"columns")
	}
	if own.Complete != nil {
		f.add(Difference{Path: setting + "complete", Profile: "true", Here: strconv.FormatBool(*own.Complete), Setting: setting + "complete"})
	}
	f.add(Difference{Path: setting + "drop", Profile: "false", Here: strconv.FormatBool(own.Drop), Setting: setting + "drop"})
}
