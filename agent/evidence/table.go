package evidence

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"rollbridge/shared/record"
)

// Warning stands with every preview that a person sees.
const Warning = "This is personal data: do not leave it lying about."

// Table writes a preview for a head teacher: first how much of what goes to
// whom, then pupil by pupil what it is.
func (p Preview) Table(w io.Writer, reveal bool) error {
	manifest, changes, err := p.Changes()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	switch {
	case len(changes) == 0:
		fmt.Fprintln(out, "Nothing has changed: the next sync would send a signed report that says so, and nothing of a pupil.")
		return out.Flush()
	case manifest.Full:
		fmt.Fprintf(out, "The next sync would send everything that may leave: %s.\n", count(len(changes), "record"))
	default:
		fmt.Fprintf(out, "The next sync would send %s.\n", count(len(changes), "change"))
	}
	if !reveal {
		fmt.Fprintln(out, "Values are shortened; --reveal shows them.")
	}
	fmt.Fprintf(out, "%s\n\n", Warning)
	p.summary(out, changes)
	p.details(out, changes, reveal)
	return out.Flush()
}

// A total is one row of the summary.
type total struct {
	authority, dataset string
	pupils             map[record.PupilID]bool
	by                 map[string]int // What to records
}

// totals are in the order of the summary; the changes of one authority and
// dataset need not stand together.
func totals(changes []Change) []*total {
	var list []*total
	at := map[[2]string]*total{}
	for _, c := range changes {
		k := [2]string{AuthorityName(c.Authority, c.Dataset), DatasetName(c.Dataset)}
		if at[k] == nil {
			at[k] = &total{k[0], k[1], map[record.PupilID]bool{}, map[string]int{}}
			list = append(list, at[k])
		}
		if c.Pupil != "" {
			at[k].pupils[c.Pupil] = true
		}
		at[k].by[c.What]++
	}
	slices.SortStableFunc(list, func(a, b *total) int { return cmp.Compare(a.authority, b.authority) })
	return list
}

// whats are the columns of the summary.
var whats = []string{New, Changed, Again, Removed}

func (p Preview) summary(w io.Writer, changes []Change) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "to\twhat\tpupils")
	for _, what := range whats {
		fmt.Fprintf(t, "\t%s", what)
	}
	fmt.Fprintln(t)
	for _, x := range totals(changes) {
		fmt.Fprintf(t, "%s\t%s\t%d", x.authority, x.dataset, len(x.pupils))
		for _, what := range whats {
			fmt.Fprintf(t, "\t%d", x.by[what])
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // the bufio.Writer below keeps the error
}

func (p Preview) details(w io.Writer, changes []Change, reveal bool) {
	var last Change
	for i, c := range p.sorted(changes) {
		if i == 0 || c.Authority != last.Authority || c.Pupil != last.Pupil {
			fmt.Fprintf(w, "\n%s: %s\n", AuthorityName(c.Authority, c.Dataset), p.name(c, reveal))
		}
		last = c
		fmt.Fprintf(w, "  %s, %s", DatasetName(c.Dataset), c.What)
		if c.Why != "" {
			fmt.Fprintf(w, ": %s", c.Why)
		}
		fmt.Fprintln(w)
		for _, v := range c.Values {
			if !isID(c.Dataset, v.Field) {
				fmt.Fprintf(w, "      %s: %s\n", v.Field.What, v.Text(reveal))
			}
		}
	}
}

// sorted are the changes authority by authority and pupil by pupil.
func (p Preview) sorted(changes []Change) []Change {
	order := record.Datasets()
	sorted := slices.Clone(changes)
	slices.SortStableFunc(sorted, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Authority, b.Authority), p.compare(a.Pupil, b.Pupil),
			cmp.Compare(slices.Index(order, a.Dataset), slices.Index(order, b.Dataset)))
	})
	return sorted
}

// compare orders pupils by name, and those without one last.
func (p Preview) compare(a, b record.PupilID) int {
	x, readX := p.People[a]
	y, readY := p.People[b]
	if readX != readY {
		if readX {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(x.Surname, y.Surname), cmp.Compare(x.Forename, y.Forename), cmp.Compare(a, b))
}
