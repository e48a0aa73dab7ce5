package mis

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// wholeDays is how long a MIS's word on what changed is trusted: after so many
// days everything is read again.
const wholeDays = 7

// A feedState is what Report.Feed holds: where the MIS's own lists of changes
// were when the read began, and of what that read was.
type feedState struct {
	// Basis is a keyed hash of everything that, changed, makes the lists say too
	// little: pupils admitted and whose they are, profile, settings, school year,
	// datasets asked.
	Basis string `json:"basis"`
	// Whole is the day of the last read that carried nothing.
	Whole record.Date `json:"whole"`
	// Tokens by the name of the feed.
	Tokens map[string]string `json:"tokens"`
	// Good are the datasets that were read whole, or carried.
	Good []record.Dataset `json:"good"`
}

// A feedReading is what the feeds say in one read.
type feedReading struct {
	state   feedState
	before  *feedState // nil where everything is to be read
	changed map[string]bool
	asAt    time.Time
}

// askFeeds asks what changed, before anything is read of which it speaks: what
// changes in between is in both.
func (q *restReading) askFeeds(ctx context.Context) error {
	names := q.feedNames()
	if len(names) == 0 || len(q.kept) == 0 && !q.reading.ask.Try {
		return nil
	}
	f := &feedReading{state: feedState{Basis: q.basis(names), Whole: q.reading.ask.Today, Tokens: map[string]string{}}, changed: map[string]bool{}}
	f.before = q.feedBefore(f.state.Basis, names)
	q.begin("")
	for _, name := range names {
		if err := q.askFeed(ctx, f, name); err != nil {
			return err
		}
	}
	q.fed, f.asAt = f, q.asAt
	return nil
}

// feedNames are the feeds of the datasets that are asked for, sorted.
func (q *restReading) feedNames() []string {
	var names []string
	for _, d := range q.reading.rest() {
		names = append(names, q.plan.datasets[d].feeds...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (q *restReading) basis(feeds []string) string {
	h := hmac.New(sha256.New, q.reading.ask.IDKey)
	part := func(texts ...string) {
		for _, s := range texts {
			fmt.Fprintf(h, "%d:%s\n", len(s), s)
		}
	}
	part("rollbridge feed 1", q.report.ProfileHash, string(q.year))
	for _, name := range slices.Sorted(maps.Keys(q.plan.rest.names)) {
		part(name, q.plan.rest.names[name])
	}
	part(feeds...)
	for _, d := range q.reading.rest() {
		part(string(d))
	}
	var pupils []string
	for _, k := range q.kept {
		pupils = append(pupils, k.id+"\x00"+k.yes.authority)
	}
	slices.Sort(pupils)
	part(pupils...)
	return hex.EncodeToString(h.Sum(nil))
}

// feedBefore is the state of the last read that was sealed, nil if it speaks of
// something else, is too old, or cannot be read.
func (q *restReading) feedBefore(basis string, names []string) *feedState {
	var before feedState
	if q.reading.ask.Feed == nil || q.reading.ask.Try || json.Unmarshal(q.reading.ask.Feed, &before) != nil || before.Basis != basis {
		return nil
	}
	if today := q.reading.ask.Today; before.Whole > today || before.Whole.AddDays(wholeDays) <= today {
		return nil
	}
	for _, name := range names {
		if before.Tokens[name] == "" {
			return nil
		}
	}
	return &before
}

// askFeed asks one feed. A token that the MIS no longer takes makes the read
// a whole one; so does a feed that this account may not read: its dataset is
// then asked for, and says what is missing.
func (q *restReading) askFeed(ctx context.Context, f *feedReading, name string) error {
	own := q.plan.rest.profile.Feeds[name]
	var refused *Error
	if f.before != nil {
		next, changed, err := q.feedSince(ctx, name, own, f.before.Tokens[name])
		if err == nil {
			f.state.Tokens[name], f.changed[name] = next, changed
			return nil
		}
		if !errors.As(err, &refused) || refused.Problem != protocol.ProblemMISData && refused.Problem != protocol.ProblemRightMissing {
			return err
		}
		f.before = nil
	}
	if own.ClockMinutes > 0 {
		f.state.Tokens[name] = q.clockToken(own)
		return nil
	}
	next, _, err := q.feedSince(ctx, name, own, own.First)
	if errors.As(err, &refused) && refused.Problem == protocol.ProblemRightMissing {
		return nil // without a token, so that the next read is whole too
	}
	f.state.Tokens[name] = next
	return err
}

// clockToken is the token of a feed that is asked since a time. The minutes are
// for clocks that differ, and for what the MIS lists late.
func (q *restReading) clockToken(own *FeedProfile) string {
	return q.report.Started.Add(-time.Duration(own.ClockMinutes) * time.Minute).UTC().Format(time.DateTime)
}

// feedSince asks for what changed since a token. The next token is that of the
// last page, once all pages have come.
func (q *restReading) feedSince(ctx context.Context, name string, own *FeedProfile, token string) (next string, changed bool, err error) {
	what := "feeds." + name
	owner, err := q.jq.optional(own.Owner)
	if err != nil {
		return "", false, err
	}
	after, err := q.jq.optional(own.Next)
	if err != nil {
		return "", false, err
	}
	var last any
	a := restAsk{what: what, own: &own.Asking, token: token,
		page: func(envelope any) { changed = changed || deletes(envelope, own.Deleted) },
		envelope: func(envelope any) error {
			last = envelope
			return nil
		}}
	n := 0
	err = q.request(ctx, a, func(m made, row any) error {
		if n++; n > maxLookupRows {
			return fault("", "%s has more than %d rows: check what it asks for", what, maxLookupRows)
		}
		if changed {
			return nil // the rest is of no interest, but for the token behind it
		}
		mine, err := q.concerns(ctx, owner, row, q.variables(m))
		if err != nil {
			return fault("", "row %d of %s, owner: %s", n, what, cannot(err))
		}
		changed = mine
		return nil
	})
	if err != nil {
		return "", false, err
	}
	if own.ClockMinutes > 0 {
		return q.clockToken(own), changed, nil
	}
	v, err := after.one(ctx, last, q.noVariables())
	if err == nil {
		next, err = textOf(v)
	}
	if err != nil || next == "" {
		return "", false, fault("", "%s gives no token for the next read: correct next in the profile, or remove the feed", what)
	}
	return next, changed, nil
}

// concerns says whether a row is of a pupil admitted, or of nobody named.
func (q *restReading) concerns(ctx context.Context, owner *expression, row any, vars []any) (bool, error) {
	if owner == nil {
		return true, nil
	}
	v, err := owner.one(ctx, row, vars)
	if err != nil {
		return false, err
	}
	id, err := textOf(v)
	if err != nil {
		return false, err
	}
	id = strings.TrimSpace(id)
	return id == "" || q.byID[id] != nil, nil
}

// deletes says whether an envelope lists something as deleted: under a dotted
// path, or under any member whose name ends as *END says. Whose it was is not
// known any more.
func deletes(envelope any, path string) bool {
	if path == "" {
		return false
	}
	if end, any := strings.CutPrefix(path, "*"); any {
		o, _ := envelope.(map[string]interface{})
		for name, v := range o {
			if strings.HasSuffix(name, end) && filledList(v) {
				return true
			}
		}
		return false
	}
	v, err := follow(envelope, strings.Split(path, "."))
	return err != nil || filledList(v)
}

// filledList says whether a value is anything but an empty list or nothing: what
// is not understood may be a deletion.
func filledList(v any) bool {
	list, ok := v.([]any)
	return v != nil && (!ok || len(list) > 0)
}

// carries says whether the feeds have nothing new of a dataset, whose rows then
// need not be asked for.
func (q *restReading) carries(d record.Dataset) bool {
	feeds := q.plan.datasets[d].feeds
	if q.fed == nil || q.fed.before == nil || len(feeds) == 0 || !slices.Contains(q.fed.before.Good, d) {
		return false
	}
	return !slices.ContainsFunc(feeds, func(name string) bool { return q.fed.changed[name] })
}

// giveFeed makes Report.Feed, once everything has been read.
func (q *restReading) giveFeed() error {
	f := q.fed
	if f == nil || q.reading.ask.Try {
		return nil
	}
	for _, d := range q.reading.rest() {
		own := q.plan.datasets[d]
		switch {
		case len(own.feeds) == 0:
		case q.carried[d]:
			f.state.Good = append(f.state.Good, d)
			f.state.Whole = f.before.Whole
		case q.stands(d) && !q.incomplete[d]:
			f.state.Good = append(f.state.Good, d)
		}
	}
	var err error
	q.report.Feed, err = json.Marshal(f.state)
	return err
}
