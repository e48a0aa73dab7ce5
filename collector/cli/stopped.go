package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// stopLine is a school that has stopped.
type stopLine struct {
	School    string             `json:"school"`
	Name      string             `json:"name"`
	By        protocol.StoppedBy `json:"by"`
	Said      time.Time          `json:"said"`
	Hidden    time.Time          `json:"hidden"`
	Destroy   time.Time          `json:"destroy_on"`
	Destroyed *time.Time         `json:"destroyed"`
	Signatory signatoryLine      `json:"signatory"`
	phone     string
	key       time.Time
}

// byWords say whose word it was.
var byWords = map[protocol.StoppedBy]string{
	protocol.StoppedByAgent: "on the school's machine", protocol.StoppedByCode: "by the revocation code", protocol.StoppedByOperator: "by the operator",
}

// state is how far the destruction is.
func (s stopLine) state() string {
	switch {
	case s.Destroyed != nil:
		return "destroyed on " + dayWords(*s.Destroyed)
	case !s.key.IsZero():
		return "being destroyed"
	}
	return "hidden; destroyed on " + dayWords(s.Destroy)
}

// words say what happened, and what the operator does.
func (s stopLine) words() string {
	text := fmt.Sprintf("it stopped on %s, %s", timeWords(s.Said), byWords[s.By])
	if s.Destroyed != nil {
		return fmt.Sprintf("%s; what it had sent was destroyed on %s. The certificate is on the public page, for whoever has the revocation code.", text, dayWords(*s.Destroyed))
	}
	return fmt.Sprintf("%s. Its data are hidden and are destroyed on %s. Phone %s to confirm that the school meant it. Nothing brings the data back; to send again it joins anew, with `code create %s`.",
		text, dayWords(s.Destroy), s.whom(), s.School)
}

// whom is whom to phone about it.
func (s stopLine) whom() string {
	switch {
	case s.Signatory.Name != "" || s.Signatory.Phone != "":
		return signatoryWords(store.Signatory(s.Signatory))
	case s.phone != "":
		return "the school office, " + s.phone + ","
	}
	return "the school (no number is known: `school set " + s.School + "`)"
}

func dayWords(t time.Time) string { return t.In(status.London()).Format("2 January 2006") }

// allStops lists every stop, the newest first; current says whether the school
// is still stopped by it.
func allStops(ctx context.Context, st *store.Store) (list []stopLine, current []bool, err error) {
	stops, err := st.Stops(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range stops {
		c, err := st.School(ctx, s.School)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, stopLine{School: c.ID, Name: c.Name, By: s.Source, Said: s.Said.UTC(), Hidden: s.Hidden.UTC(), Destroy: s.Destroy.UTC(),
			Destroyed: timeJSON(s.Destroyed), Signatory: signatoryLine(c.Signatory), phone: c.Phone, key: s.KeyDestroyed})
		current = append(current, s.Hidden.Equal(c.Stopped))
	}
	return list, current, nil
}

// standingStops are the stops of the schools that have not joined anew.
func standingStops(ctx context.Context, st *store.Store) (map[string]stopLine, error) {
	list, current, err := allStops(ctx, st)
	found := map[string]stopLine{}
	for i, s := range list {
		if current[i] {
			found[s.School] = s
		}
	}
	return found, err
}

func (p *program) listStops(ctx context.Context, asJSON bool) error {
	return p.withStore(ctx, func(_ settings.Settings, _ *database.DB, st *store.Store) error {
		list, current, err := allStops(ctx, st)
		if err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(append([]stopLine{}, list...))
		}
		var rows, notes []string
		for i, s := range list {
			rows = append(rows, strings.Join([]string{s.School, timeWords(s.Said), byWords[s.By], s.state(), signatoryWords(store.Signatory(s.Signatory))}, "\t"))
			if current[i] && s.Destroyed == nil {
				notes = append(notes, s.School+": "+s.words())
			}
		}
		if err := p.table("SCHOOL\tSTOPPED\tHOW\tDATA\tSIGNATORY", rows, "No school has stopped."); err != nil || len(notes) == 0 {
			return err
		}
		return p.printf("\n%s\n", strings.Join(notes, "\n"))
	})
}

// sayStopped tells the operator of a stop that was just made, if there was one.
func (p *program) sayStopped(ctx context.Context, st *store.Store, id string) error {
	stops, err := standingStops(ctx, st)
	if err != nil {
		return err
	}
	if s, ok := stops[id]; ok {
		return p.printf("%s: %s\n", id, s.words())
	}
	return nil
}
