package enrolment

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// What the operator says of the data stands in the offer, and a change of it
// reaches the agents once.
func TestHandlingIsOfferedAndAChangeOfItTold(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.Handling = protocol.Handling{Keeps: map[record.Rule]int{record.RuleLeft: 400}, StoredIn: "Anytown", Contact: "dpo@example.org"}
		made, err := r.NewCode(t.Context(), "oak", "https://127.0.0.1:8443", nil)
		must(t, err)
		if made.Ask.Handling == nil || !cmp.Equal(*made.Ask.Handling, r.Handling) {
			t.Fatalf("the offer says %+v", made.Ask.Handling)
		}
		j := r.joiner(r.code())
		j.send(j.code.Key(), time.Now())
		told := func() (serial uint64, h protocol.Handling) {
			t.Helper()
			st, err := j.last(protocol.KindProvision)
			must(t, err)
			var ask protocol.Ask
			must(t, st.Decode(&ask))
			return st.Serial, *ask.Handling
		}
		first, _ := told()
		must(t, r.Provisions(t.Context()))
		if again, _ := told(); again != first {
			t.Error("the agent was told again what it knew")
		}
		r.Handling.SubProcessors = "Example Hosting Ltd"
		must(t, r.Provisions(t.Context()))
		if next, h := told(); next <= first || h.SubProcessors != "Example Hosting Ltd" || h.Keeps[record.RuleLeft] != 400 {
			t.Errorf("the agent was told %+v by serial %d after %d", h, next, first)
		}
	})
}
