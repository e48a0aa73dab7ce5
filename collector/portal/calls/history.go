package calls

import (
	"cmp"
	"slices"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/language"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// historyData is the contact history.
type historyData struct {
	Authority store.Authority
	Several   bool
	Filter    call.Filter
	// Schools, People and Authorities are the choices of the filter.
	Schools, People, Authorities []web.Option
	Calls                        []historyLine
	Paging                       web.Paging
	MayExport                    bool
	Filtered                     bool
}

// A historyLine is one call with the name of its school.
type historyLine struct {
	call.Call
	SchoolName string
}

func (c *section) history(v *web.Visit) error {
	f := v.Form()
	a, err := c.of(v, f.Raw("authority"))
	if err != nil {
		return err
	}
	d := historyData{Authority: a, MayExport: v.User.May(account.Export)}
	names, err := c.choices(v, &d)
	if err != nil {
		return err
	}
	d.Filter = filter(f, d)
	d.Filtered = d.Filter != (call.Filter{})
	problems := f.Problems()
	if len(problems) == 0 {
		d.Filter.Size = web.PageSize
		_, total, err := c.book.History(v.Context(), sight(v, a), d.Filter)
		if err != nil {
			return err
		}
		d.Paging = v.Paging(total)
		d.Filter.Page = d.Paging.Page
		list, _, err := c.book.History(v.Context(), sight(v, a), d.Filter)
		if err != nil {
			return err
		}
		for _, o := range list {
			d.Calls = append(d.Calls, historyLine{o, cmp.Or(names[o.School], o.School)})
		}
	}
	if err := c.log(v, a, audit.CallsListed, audit.Subject{School: d.Filter.School, About: "history"}); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "history", Title: v.T("calls.history.title"), Problems: problems, Data: d})
}

// choices fills what the filter offers, and gives the names of the schools.
func (c *section) choices(v *web.Visit, d *historyData) (map[string]string, error) {
	mine, err := c.mine(v)
	if err != nil {
		return nil, err
	}
	d.Several = len(mine) > 1
	for _, a := range mine {
		d.Authorities = append(d.Authorities, web.Option{Value: a.Code, Text: a.Name})
	}
	schools, err := c.site.Store.Schools(v.Context(), d.Authority.Code)
	if err != nil {
		return nil, err
	}
	d.Schools = []web.Option{{Text: v.T("calls.history.all-schools")}}
	names := map[string]string{}
	for _, s := range schools {
		names[s.School.ID] = s.School.Name
		d.Schools = append(d.Schools, web.Option{Value: s.School.ID, Text: s.School.Name})
	}
	people, err := c.site.Accounts.List(v.Context())
	if err != nil {
		return nil, err
	}
	d.People = []web.Option{{Text: v.T("calls.history.all-people")}}
	for _, u := range people {
		if u.Of(d.Authority.Code) && u.May(account.RecordCalls) {
			d.People = append(d.People, web.Option{Value: u.ID, Text: u.Name})
		}
	}
	return names, nil
}

// filter reads what the reader asks for.
func filter(f *web.Form, d historyData) call.Filter {
	q := call.Filter{School: f.Choice("school", values(d.Schools)...), By: f.Choice("by", values(d.People)...),
		From: f.Date("from", "calls.history.from"), To: f.Date("to", "calls.history.to")}
	if q.From != "" && q.To != "" && q.To < q.From {
		f.Add("to", "calls.history.order")
	}
	return q
}

func values(options []web.Option) []string {
	list := make([]string, len(options))
	for i, o := range options {
		list[i] = o.Value
	}
	return list
}

func outcomeWords(p *language.Printer, o call.Outcome) string {
	switch o {
	case call.Marked:
		return p.T("calls.outcome.marked")
	case call.Absent:
		return p.T("calls.outcome.absent")
	case call.Reached:
		return p.T("calls.outcome.reached")
	case call.NoAnswer:
		return p.T("calls.outcome.no_answer")
	case call.WrongNumber:
		return p.T("calls.outcome.wrong_number")
	}
	return p.T("calls.outcome.other")
}

// oneData is the page of one call.
type oneData struct {
	Authority store.Authority
	School    store.School
	Call      call.Call
	Children  []oneChild
	// Corrections are the calls that take the place of this one, CorrectsAt is when
	// the one that this one corrects was recorded.
	Corrections []call.Call
	Old         *call.Call
	Several     bool
}

type oneChild struct {
	Name string
	Mark string // the code with its meaning
}

// one shows a call with the children that it was about.
func (c *section) one(v *web.Visit) error {
	a, err := c.of(v, v.R.URL.Query().Get("authority"))
	if err != nil {
		return err
	}
	d := oneData{Authority: a, Several: len(v.User.Authorities) > 1}
	id := v.R.PathValue("school")
	if d.Call, err = c.book.Find(v.Context(), sight(v, a), id, v.R.PathValue("call")); err != nil {
		return absent(err)
	}
	if d.School, err = c.site.Store.School(v.Context(), id); err != nil {
		return absent(err)
	}
	day, _, err := c.book.History(v.Context(), sight(v, a), call.Filter{School: id, From: d.Call.Day, To: d.Call.Day})
	if err != nil {
		return err
	}
	for _, o := range day {
		switch {
		case o.Corrects == d.Call.ID:
			d.Corrections = append(d.Corrections, o)
		case o.ID == d.Call.Corrects:
			d.Old = &o
		}
	}
	list, err := c.site.Store.ChildrenAt(v.Context(), c.site.Vault, sight(v, a), id)
	if err != nil {
		return err
	}
	for _, o := range d.Call.Children {
		child := oneChild{Name: v.T("calls.child.gone"), Mark: meaning(v.Printer, a.Code, d.Call.Day, o.Mark)}
		if at := slices.IndexFunc(list, func(l store.Listing) bool { return l.Child.Pupil == o.Pupil }); at >= 0 {
			child.Name = childName(v.Printer, list[at].Pupil)
		}
		d.Children = append(d.Children, child)
	}
	if err := c.log(v, a, audit.CallsListed, audit.Subject{School: id, Children: pupils(d.Call), About: "call " + d.Call.ID}); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "one", Title: v.T("calls.one.title"), Data: d})
}

// meaning is a code with what it means on a day.
func meaning(p *language.Printer, authority string, day record.Date, code string) string {
	if code == "" {
		return ""
	}
	for _, session := range []status.Session{status.AM, status.PM} {
		for _, m := range call.Codes(authority, day, session) {
			if m.Code == code {
				return markWords(p, m)
			}
		}
	}
	return code
}
