package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/e2e/cloud/bromcom"
	"rollbridge/e2e/cloud/progresso"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/shared/record"
)

// TestEveryFieldOfWebInterfaces reads whole schools with comments and addresses,
// which authorities need not ask for: each field is there, and nothing that must
// stay in the school, such as a confidential comment.
func TestEveryFieldOfWebInterfaces(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		config := small()
		config.Seed, config.Canary, config.Pupils, config.UnknownMarkers = seed, canary, 150, 2
		w := emptyWorld(t, config)
		w.must(w.school.EnterCare(w.school.NotLookedAfter()[3].ID, "", w.school.Today())) // nobody has said whose
		b := &bromcomWorld{world: w}
		secret := canary + demoschool.CanaryNot + " stays at school"
		for _, c := range []struct {
			profile string
			double  http.Handler
			route   oracle.Route
			columns map[string]map[string]string
			names   map[string]string
		}{
			{"progresso", &progresso.Double{School: w.school, User: "u", Password: "p", Secret: secret}, oracle.Progresso, progresso.Columns(), nil},
			{"bromcom-odata", &bromcom.OData{School: bromcomSchool(w), User: "u", Password: "p"}, oracle.BromcomOData, bromcom.ODataColumns(), map[string]string{"staff_codes": b.staffCodes()}},
			{"bromcom-partner", &bromcom.Partner{School: bromcomSchool(w), ApplicationID: "u", ApplicationSecret: "p"}, oracle.BromcomPartner, bromcom.PartnerColumns(), map[string]string{"school": "17"}},
		} {
			t.Run(fmt.Sprintf("%s of seed %d", c.profile, seed), func(t *testing.T) {
				w.t = t
				server := w.serve(c.double)
				names := map[string]string{"host": server.URL()}
				maps.Copy(names, c.names)
				site := mis.Site{API: &mis.API{Names: names, User: "u", Password: "p"}, Datasets: map[record.Dataset]mis.SiteDataset{}}
				for d, columns := range c.columns {
					site.Datasets[record.Dataset(d)] = mis.SiteDataset{Columns: columns}
				}
				out, unknown := w.readAll(c.profile, site)
				if bytes.Contains(out, []byte(canary+demoschool.CanaryNot)) {
					t.Error("something was read that must stay in the school")
				}
				if unknown != 3 {
					t.Errorf("of %d pupils it is not clear, want 3: two without a marker, one without an authority", unknown)
				}
				got, err := oracle.Actual(bytes.NewReader(out))
				w.must(err)
				want, err := oracle.Question{Route: c.route, Datasets: record.Datasets(), Sensitive: true}.Answer(w.school)
				w.must(err)
				w.must(oracle.Same(want, got))
			})
		}
	}
}

// readAll are all records of the provisioned authorities' pupils, a line each, and
// how many pupils there are of whom it is not clear.
func (w *world) readAll(profile string, site mis.Site) (records []byte, unknown int) {
	w.t.Helper()
	p, err := mis.LoadProfile(profile)
	w.must(err)
	source, err := mis.Open(p, site)
	w.must(err)
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	ask := mis.Ask{Datasets: record.Datasets(), Today: record.DateOf(time.Now()), IDKey: bytes.Repeat([]byte{7}, 32)}
	report, err := source.Read(w.ctx, ask,
		func(c mis.Candidate) (bool, error) { return c.Authority != w.school.OtherAuthority(), nil },
		func(r mis.Row) error {
			content, err := record.Encode(r.Record)
			if err != nil {
				return err
			}
			return lines.Encode(map[string]any{"dataset": r.Record.Dataset(), "record": json.RawMessage(content)})
		})
	w.must(err)
	if len(report.Stops) > 0 {
		w.t.Errorf("stopped: %+v", report.Stops)
	}
	return out.Bytes(), report.Unknown
}
