package schoolpage

import (
	"rollbridge/collector/audit"
	"rollbridge/collector/hosted"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A previewPage is what the next sync would send, child by child.
type previewPage struct {
	// Made says that the agent was asked; before that the page only explains.
	Made, Full, Masked bool
	Records            int
	People             []previewPerson
	// More counts records that are not shown.
	More     int
	Withheld []string
	Held     bool
	// Release is the code of what is looked at as if it were released, mostly empty.
	Release string
}

// A previewPerson is a pupil, or the staff, with the records of one authority.
type previewPerson struct {
	Authority, Who string
	Records        []previewRecord
}

type previewRecord struct {
	Dataset, What, Why string
	Values             []previewValue
}

type previewValue struct{ Name, Text string }

// maxShown bounds the records of one page: a first sync sends a year of every child. The
// agent's own command shows them all.
const maxShown = 400

func (c *section) preview(v *web.Visit) error {
	if !c.Agents.Has(v.User.School) {
		return c.away(v, &hosted.Fault{Kind: hosted.Off})
	}
	return v.Show(pages, web.Page{Name: "preview", Title: v.T("school.preview.title"), Data: previewPage{}})
}

// postPreview makes a preview and shows it: it is never kept, so there is no page to come
// back to. What is shown in full is asked for each time.
func (c *section) postPreview(v *web.Visit) error {
	wait(v)
	reveal, code := v.Form().Has("reveal"), v.Form().Raw("release")
	about := "shortened"
	if reveal {
		about = "in full"
	}
	if code != "" {
		about += ", with code " + holdWord(code)
	}
	if err := c.log(v, audit.SchoolPreviewed, about); err != nil {
		return err
	}
	p, err := c.Agents.Preview(v.Context(), v.User.School, reveal, code)
	if err != nil {
		return c.away(v, err)
	}
	page := previewOf(v, p)
	page.Release = code
	return v.Show(pages, web.Page{Name: "preview", Title: v.T("school.preview.title"), Data: page})
}

func previewOf(v *web.Visit, p hosted.Preview) previewPage {
	page := previewPage{Made: true, Full: p.Full, Masked: p.Masked, Records: len(p.Changes), Held: len(p.Holds) > 0}
	shown := p.Changes
	if len(shown) > maxShown {
		shown, page.More = shown[:maxShown], len(shown)-maxShown
	}
	var last hosted.Change
	for i, c := range shown {
		if i == 0 || c.Authority != last.Authority || c.Of != last.Of || c.Name != last.Name || c.UPN != last.UPN || c.ID != last.ID {
			page.People = append(page.People, previewPerson{Authority: authorityName(v, c.Authority, c.Dataset), Who: whoIs(v, c)})
		}
		last = c
		at := &page.People[len(page.People)-1]
		at.Records = append(at.Records, recordOf(v, c))
	}
	for _, d := range record.Datasets() {
		if n := p.Withheld[d]; n > 0 {
			page.Withheld = append(page.Withheld, v.N("school.preview.withheld", n, "Dataset", datasetName(v, d)))
		}
	}
	return page
}

func recordOf(v *web.Visit, c hosted.Change) previewRecord {
	r := previewRecord{Dataset: datasetName(v, c.Dataset), What: whatWord(v, c.What)}
	if c.What == "removed" {
		r.Why = whyWord(v, c.Why)
	}
	meanings := map[string]string{}
	for _, f := range record.Fields(c.Dataset) {
		meanings[f.Name] = fieldWhat(v, c.Dataset, f)
	}
	for _, value := range c.Values {
		name := meanings[value.Field]
		if name == "" {
			name = value.Field
		}
		r.Values = append(r.Values, previewValue{name, value.Text})
	}
	return r
}

func whatWord(v *web.Visit, what string) string {
	switch what {
	case "new":
		return v.T("school.preview.new")
	case "changed":
		return v.T("school.preview.changed")
	case "again":
		return v.T("school.preview.again")
	case "removed":
		return v.T("school.preview.removed")
	}
	return what
}

func whyWord(v *web.Visit, why string) string {
	switch why {
	case protocol.RemovedLeft:
		return v.T("school.preview.left")
	case protocol.RemovedScope:
		return v.T("school.preview.scope")
	case protocol.RemovedRenamed:
		return v.T("school.preview.renamed")
	}
	return ""
}

func whoIs(v *web.Visit, c hosted.Change) string {
	switch {
	case c.Of == hosted.OfStaff:
		return v.T("school.preview.staff")
	case c.Of == hosted.OfGone:
		return v.T("school.preview.gone", "ID", c.ID)
	case c.UPN == "":
		return c.Name
	}
	return v.T("school.preview.pupil", "Name", c.Name, "UPN", c.UPN)
}

func authorityName(v *web.Visit, code string, d record.Dataset) string {
	if a, known := codes.LookupAuthority(code); known {
		return a.Name
	}
	if code == "" && !d.OfPupils() {
		return v.T("school.preview.authorities")
	}
	return v.T("school.preview.no-authority")
}
