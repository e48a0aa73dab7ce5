package schools

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
)

// deliveryRow is one delivery in a table.
type deliveryRow struct {
	store.Delivery
	// Records says what it held; empty where that is other authorities' affair too.
	Records string
}

// deliveriesPage is the data of pages/deliveries.html.
type deliveriesPage struct {
	ID, Name string
	Rows     []deliveryRow
	Shared   bool // others ask the school too
	Paging   web.Paging
}

func (p *pages) deliveries(v *web.Visit) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	if !s.School.Stopped.IsZero() {
		return web.ErrNotFound
	}
	_, total, err := p.recent(v, s.School.ID, 0, 0)
	if err != nil {
		return err
	}
	d := &deliveriesPage{ID: s.School.ID, Name: s.School.Name, Paging: v.Paging(total)}
	if d.Rows, _, err = p.recent(v, s.School.ID, d.Paging.From(), web.PageSize); err != nil {
		return err
	}
	if d.Shared, err = p.shared(v, s.School.ID); err != nil {
		return err
	}
	if err := v.Log(audit.SchoolViewed, audit.Subject{School: s.School.ID, About: "deliveries"}); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "deliveries", Title: v.T("schools.deliveries.title", "School", s.School.Name), Data: d})
}

// recent are deliveries of the last fourteen days, the newest first.
func (p *pages) recent(v *web.Visit, school string, first, limit int) ([]deliveryRow, int, error) {
	list, total, err := p.Store.DeliveriesFrom(v.Context(), school, v.Now.Add(-stripDays*24*time.Hour), first, limit)
	if err != nil {
		return nil, 0, err
	}
	shared, err := p.shared(v, school)
	rows := make([]deliveryRow, len(list))
	for i, d := range list {
		rows[i].Delivery = d
		if !shared {
			rows[i].Records = v.T("schools.delivery.records", "Changed", v.Number(d.Upserts), "Removed", v.Number(d.Removals), "Refused", v.Number(d.Refused))
		}
	}
	return rows, total, err
}

// shared says whether another authority asks the school too: what a delivery holds in
// all is then not this one's alone to know.
func (p *pages) shared(v *web.Visit, school string) (bool, error) {
	ask, err := p.Store.Ask(v.Context(), school, "")
	return len(ask.Requests) != 1, err
}

// deliveryPage is the data of pages/delivery.html.
type deliveryPage struct {
	ID, Name string
	deliveryRow
	Batches []batchRow
}

// batchRow is one sealed part with the receipt that was given for it.
type batchRow struct {
	Sequence uint64
	Digest   string
	Received time.Time
}

func (p *pages) delivery(v *web.Visit) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	generation, errGeneration := strconv.ParseUint(v.R.PathValue("generation"), 10, 31)
	sequence, errSequence := strconv.ParseUint(v.R.PathValue("sequence"), 10, 63)
	if errGeneration != nil || errSequence != nil || !s.School.Stopped.IsZero() {
		return web.ErrNotFound
	}
	found, batches, err := p.Store.Delivery(v.Context(), s.School.ID, uint32(generation), sequence)
	if errors.Is(err, store.ErrNotFound) {
		return web.ErrNotFound
	}
	if err != nil {
		return err
	}
	shared, err := p.shared(v, s.School.ID)
	if err != nil {
		return err
	}
	d := &deliveryPage{ID: s.School.ID, Name: s.School.Name, deliveryRow: deliveryRow{Delivery: found}}
	if !shared {
		d.Records = v.T("schools.delivery.records", "Changed", v.Number(found.Upserts), "Removed", v.Number(found.Removals), "Refused", v.Number(found.Refused))
	}
	for _, b := range batches {
		d.Batches = append(d.Batches, batchRow{b.Sequence, inFours(b.Receipt.Digest[:]), b.Receipt.Received})
	}
	if err := v.Log(audit.SchoolViewed, audit.Subject{School: s.School.ID, About: "delivery"}); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "delivery", Title: v.T("schools.delivery.title", "School", s.School.Name), Data: d})
}

// inFours writes a digest so that two people can compare it on the telephone.
func inFours(digest []byte) string {
	var b strings.Builder
	for i := 0; i < len(digest); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex.EncodeToString(digest[i:min(i+4, len(digest))]))
	}
	return b.String()
}

// joined joins what there is of a name.
func joined(parts ...string) string {
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// designated is 1 for the designated teacher, whatever exactly the MIS calls the role.
func designated(s staffRow) int {
	if strings.Contains(strings.ToLower(s.Role), "designated") {
		return 1
	}
	return 0
}
