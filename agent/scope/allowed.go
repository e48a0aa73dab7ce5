package scope

import (
	"maps"
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

// A Gap is a dataset that an authority asks for and the school has not, or not
// wholly, allowed.
type Gap struct {
	Authority string         `json:"authority"` // code as asked
	Name      string         `json:"name"`
	Dataset   record.Dataset `json:"dataset"`
	// Fields that are asked for and not allowed; empty when the whole dataset
	// is not allowed and no field of it was named.
	Fields []string `json:"fields"`
}

// Wider lists what is asked but not allowed, in the order of the ask. A
// dataset or field that this program does not know is not listed: it could not
// send it.
func Wider(ask protocol.Ask, allowed Allowed) []Gap {
	now := clock.Now()
	yes := allowed.grants(now)
	var gaps []Gap
	for _, r := range ask.Requests {
		g := grants{}
		g.give(r.Code, now, r.Datasets)
		for code, datasets := range g {
			for _, d := range record.Datasets() {
				wanted, ok := datasets[d]
				if !ok {
					continue
				}
				given, whole := yes[code][d]
				missing := []string{}
				for _, f := range slices.Sorted(maps.Keys(wanted)) {
					if !given[f] {
						missing = append(missing, f)
					}
				}
				if len(missing) > 0 || !whole {
					gaps = append(gaps, Gap{Authority: r.Code, Name: r.Name, Dataset: d, Fields: missing})
				}
			}
		}
	}
	return gaps
}
