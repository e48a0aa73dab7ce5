package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollbridge/agent/school"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// showAsk prints who asks for what and why, field by field in words, and what
// the operator says of the data.
func (p *program) showAsk(ask protocol.Ask) {
	p.printf("%s\n", wrap("", fmt.Sprintf("%s asks %s for records of the pupils whom these authorities look after, and of nobody else.", ask.Operator, ask.SchoolName)))
	for _, group := range alike(ask.Requests) {
		for _, r := range group {
			p.printf("%s%s", wrap("", fmt.Sprintf("%s (%s)", r.Name, r.Code)), wrap("  why: ", r.Why))
		}
		p.showDatasets(group[0].Datasets)
		p.printf("\n")
	}
	p.printf("What the operator says of the data:\n")
	for _, l := range school.HandlingWords(ask.Handling) {
		p.printf("%s", wrap("  "+l.What+": ", l.Text))
	}
	p.printf("\n")
}

// alike groups authorities that ask for the same.
func alike(requests []protocol.AuthorityAsk) [][]protocol.AuthorityAsk {
	var groups [][]protocol.AuthorityAsk
	for _, r := range requests {
		at := slices.IndexFunc(groups, func(g []protocol.AuthorityAsk) bool {
			return maps.EqualFunc(g[0].Datasets, r.Datasets, func(a, b []string) bool { return slices.Equal(a, b) })
		})
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], r)
	}
	return groups
}

// showDatasets prints datasets with their fields, pupils first, each with what
// it means. What this program does not know it could not send: it is named.
func (p *program) showDatasets(datasets map[record.Dataset][]string) {
	for _, d := range record.Datasets() {
		if fields, asked := datasets[d]; asked {
			p.showAsked(d, fields)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(datasets)) {
		if record.Fields(d) == nil {
			p.printf("%s", wrap("  ", fmt.Sprintf("and a dataset that this version does not know, and never sends: %q", string(d))))
		}
	}
}

func (p *program) showAsked(d record.Dataset, fields []string) {
	p.printf("%s", wrap("  "+string(d)+": ", record.Why(d)))
	known := record.Fields(d)
	longest := 0
	for _, f := range known {
		longest = max(longest, len(f.Name))
	}
	for _, f := range known {
		if f.Always || slices.Contains(fields, f.Name) {
			note := ""
			if f.Sensitive {
				note = " (sensitive)"
			}
			p.printf("%s", wrap(fmt.Sprintf("    %-*s  ", longest, f.Name), f.What+note))
		}
	}
}

func fieldList(fields []string) string {
	if len(fields) == 0 {
		return "only what identifies a record"
	}
	return strings.Join(fields, ", ")
}
