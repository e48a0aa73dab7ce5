package scope

import (
	"slices"
	"time"

	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Allowed is what a person at the school said yes to: authority code, dataset,
// field names (record.Fields; fields marked Always come with the dataset). Its
// JSON is what is stored and shown.
type Allowed map[string]map[record.Dataset][]string

// FromAsk is a yes to all of an ask.
func FromAsk(ask protocol.Ask) Allowed {
	a := Allowed{}
	for _, r := range ask.Requests {
		datasets := a[r.Code]
		if datasets == nil {
			datasets = map[record.Dataset][]string{}
			a[r.Code] = datasets
		}
		for d, fields := range r.Datasets {
			datasets[d] = slices.Compact(slices.Sorted(slices.Values(slices.Concat(datasets[d], fields))))
		}
	}
	return a
}

// grants maps the current code of an authority to datasets and the fields that
// go beyond the ones marked Always.
type grants map[string]map[record.Dataset]map[string]bool

// give adds what one authority may have. Codes that name no authority in force
// and names that the data model does not have give nothing.
func (g grants) give(code string, on time.Time, datasets map[record.Dataset][]string) {
	authority, err := codes.ResolveAuthority(code, on)
	if err != nil {
		return
	}
	for d, fields := range datasets {
		known := record.Fields(d)
		if known == nil {
			continue
		}
		if g[authority.Code] == nil {
			g[authority.Code] = map[record.Dataset]map[string]bool{}
		}
		if g[authority.Code][d] == nil {
			g[authority.Code][d] = map[string]bool{}
		}
		for _, f := range known {
			if !f.Always && slices.Contains(fields, f.Name) {
				g[authority.Code][d][f.Name] = true
			}
		}
	}
}

func asked(ask protocol.Ask, on time.Time) grants {
	g := grants{}
	for _, r := range ask.Requests {
		g.give(r.Code, on, r.Datasets)
	}
	return g
}

func (a Allowed) grants(on time.Time) grants {
	g := grants{}
	for code, datasets := range a {
		g.give(code, on, datasets)
	}
	return g
}

// and keeps what both grant.
func (g grants) and(other grants) grants {
	both := grants{}
	for code, datasets := range g {
		for d, fields := range datasets {
			theirs, ok := other[code][d]
			if !ok {
				continue
			}
			if both[code] == nil {
				both[code] = map[record.Dataset]map[string]bool{}
			}
			kept := map[string]bool{}
			for f := range fields {
				if theirs[f] {
					kept[f] = true
				}
			}
			both[code][d] = kept
		}
	}
	return both
}

// A Gap is a dataset, or a part of it, that an authority asks for and the
// school has not allowed.
type Gap struct {
	Authority string         `json:"authority"` // code as asked
	Name      string         `json:"name"`
	Dataset   record.Dataset `json:"dataset"`
	// Fields that are asked for and not allowed; empty when the whole dataset
	// is not allowed and no field of it was named.
	Fields []string `json:"fields"`
	// Denied says that a person at the school said no to it by name, Gained that
	// the MIS's profile gives it only since the school's last yes.
	Denied bool `json:"denied,omitempty"`
	Gained bool `json:"gained,omitempty"`
}

// Gaps lists what is asked but not allowed, in the order of the ask; of a
// dataset first what waits for a yes. An authority, dataset or field that this
// program does not know is not listed: it could not send it.
func Gaps(ask protocol.Ask, d Decision) []Gap {
	now := clock.Now()
	yes := d.Allowed.grants(now)
	var gaps []Gap
	for _, r := range ask.Requests {
		authority, err := codes.ResolveAuthority(r.Code, now)
		if err != nil {
			continue
		}
		wanted := askedOf(protocol.Ask{Requests: []protocol.AuthorityAsk{r}}, r.Code)
		for _, ds := range record.Datasets() {
			if fields, ok := wanted[ds]; ok {
				given, whole := yes[authority.Code][ds]
				gaps = append(gaps, d.gapsOf(Gap{Authority: r.Code, Name: r.Name, Dataset: ds, Fields: fields}, given, whole)...)
			}
		}
	}
	return gaps
}

// gapsOf parts what is asked of one dataset, all of it in gap, into what waits,
// what waits because the profile has only come to give it, and what was denied.
func (d Decision) gapsOf(gap Gap, given map[string]bool, whole bool) []Gap {
	var parts [3]Gap
	for i := range parts {
		parts[i] = gap
		parts[i].Fields = []string{}
	}
	parts[1].Gained, parts[2].Denied = true, true
	for _, f := range gap.Fields {
		switch {
		case given[f]:
		case d.Denied.has(gap.Authority, gap.Dataset, f):
			parts[2].Fields = append(parts[2].Fields, f)
		case slices.Contains(d.Gained[gap.Dataset], f):
			parts[1].Fields = append(parts[1].Fields, f)
		default:
			parts[0].Fields = append(parts[0].Fields, f)
		}
	}
	found := slices.DeleteFunc(parts[:], func(g Gap) bool { return len(g.Fields) == 0 })
	if len(found) == 0 && !whole {
		gap.Fields, gap.Denied = []string{}, d.Denied.has(gap.Authority, gap.Dataset, "")
		found = append(found, gap)
	}
	return found
}

// Waiting are the gaps that a yes would close.
func Waiting(gaps []Gap) []Gap {
	return slices.DeleteFunc(slices.Clone(gaps), func(g Gap) bool { return g.Denied })
}
