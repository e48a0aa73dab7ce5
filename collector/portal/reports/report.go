package reports

import (
	"fmt"
	"slices"
	"strconv"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// A report is one page.
type report struct {
	Path, File string
	// Period says what time it is of, Lines what it is made of and what it leaves out.
	Period string
	Lines  []sentence
	// Choice is by what it can be narrowed: a field of a form, with its options.
	Choice []choice
	Plot   *plot
	Tables []table
	// Paging is of the table that is Long: a page shows some of its rows, a file all.
	Paging web.Paging
	// Named are children who must be seen one by one; mostly none.
	Named []named
	// about is what was chosen, for the audit log: ids and days.
	about string
}

// A sentence is a line of a report, with the numbers of children that it tells.
type sentence struct {
	Text     string
	children []int
}

func say(text string, children ...int) sentence { return sentence{text, children} }

// guarded is the sentence as it may leave the portal.
func (s sentence) guarded(v *web.Visit) string {
	if slices.ContainsFunc(s.children, isFew) {
		return v.T("reports.few-line")
	}
	return s.Text
}

type choice struct {
	Field, Label, Value string
	Options             []web.Option
}

type named struct {
	Path, Name, School, What, When string
	child                          store.Child
}

// entries are what is logged of a report: that it was seen, and who is named on it.
func (r report) entries(v *web.Visit, action audit.Action, name string) []audit.Entry {
	about := name
	if r.about != "" {
		about += " " + r.about
	}
	list := []audit.Entry{v.Entry(action, audit.Subject{About: about})}
	at := map[string]int{}
	for _, n := range r.Named {
		i, known := at[n.child.School]
		if !known {
			i = len(list)
			at[n.child.School] = i
			list = append(list, v.Entry(action, audit.Subject{School: n.child.School, About: about}))
		}
		list[i].Children = append(list[i].Children, n.child.Pupil)
	}
	return list
}

// A table is made of cells that are texts, or numbers of something.
type table struct {
	ID, Caption string
	Long        bool // it has a row for each school
	Adds        bool // a part of a row could be worked out from the others
	Head        []column
	Rows        [][]cell
}

type column struct {
	Text    string
	Numeric bool
}

// A cell is a text, a number, or a number of children: of all of the row where Children
// is set, of some of them where Part is.
type cell struct {
	Text     string
	N        int
	Children bool
	Part     bool
}

func (c cell) few() bool { return (c.Children || c.Part) && isFew(c.N) }

// page leaves the rows of the page that is asked for in the table that is long.
func (r *report) page(v *web.Visit) {
	for i, t := range r.Tables {
		if t.Long {
			r.Paging = v.Paging(len(t.Rows))
			r.Tables[i].Rows = t.Rows[r.Paging.From():r.Paging.To()]
		}
	}
}

func (t table) heads() (list []string) {
	for _, c := range t.Head {
		list = append(list, c.Text)
	}
	return list
}

// fewest is the least number of children that a share, or a file, says something of.
const fewest = 5

func isFew(n int) bool { return n > 0 && n < fewest }

// guarded are the rows as they may leave the portal: where so few children are behind a
// row that they could be told, it says that and nothing else. Where it is only some of
// them, it says so, and leaves out what that number could be worked out from.
func (t table) guarded(v *web.Visit) (rows [][]string) {
	for _, row := range t.Rows {
		all := slices.ContainsFunc(row, func(c cell) bool { return c.Children && c.few() })
		some := slices.ContainsFunc(row, cell.few)
		var texts []string
		for i, c := range row {
			switch {
			case c.few() && (c.Children || !all):
				c.Text = v.T("reports.few")
			case all && t.Head[i].Numeric, some && t.Adds && t.Head[i].Numeric && !c.Children && c.Text != "0":
				c.Text = ""
			}
			texts = append(texts, c.Text)
		}
		rows = append(rows, texts)
	}
	return rows
}

func text(s string) cell { return cell{Text: s} }

func number(n int) cell { return cell{Text: strconv.Itoa(n), N: n} }

func children(n int) cell { return cell{Text: strconv.Itoa(n), N: n, Children: true} }

// part is how many of a row's children something is true of.
func part(n int) cell { return cell{Text: strconv.Itoa(n), N: n, Part: true} }

// percent writes parts of a thousand.
func percent(perMille int) string { return fmt.Sprintf("%d.%d%%", perMille/10, perMille%10) }

// share is part of a base as a cell; nothing where the base is nothing.
func share(part, of int) cell {
	if of == 0 {
		return text("")
	}
	return cell{Text: percent(part * 1000 / of), N: part * 1000 / of}
}

// shareOf is a share of so many children: of few it says nothing.
func shareOf(v *web.Visit, part, of, count int) cell {
	if of > 0 && count < fewest {
		return text(v.T("reports.too-few"))
	}
	return share(part, of)
}

// option is the value of a choice that the address names; the first where it names none.
func option(v *web.Visit, field string, options []web.Option) string {
	asked := v.R.URL.Query().Get(field)
	for _, o := range options {
		if o.Value == asked {
			return asked
		}
	}
	return options[0].Value
}

// stages are the key stages in their order, with the years of each.
var stages = []struct {
	name  string
	years []string
}{
	{"early", []string{"E1", "E2", "N1", "N2", "R"}}, {"ks1", []string{"1", "2"}}, {"ks2", []string{"3", "4", "5", "6"}},
	{"ks3", []string{"7", "8", "9"}}, {"ks4", []string{"10", "11"}}, {"ks5", []string{"12", "13", "14"}},
}

const noStage = "other"

// stageOf is the key stage that a child is in.
func stageOf(p *record.Pupil) string {
	if p == nil {
		return noStage
	}
	for _, s := range stages {
		for _, y := range s.years {
			if y == p.NCYearActual {
				return s.name
			}
		}
	}
	return noStage
}
