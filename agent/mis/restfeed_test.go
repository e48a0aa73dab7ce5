package mis

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollbridge/shared/record"
)

// feedYAML is restYAML with a feed of contacts and one of links.
var feedYAML = strings.NewReplacer("snapshot: true}", "snapshot: true, changes: true}", "datasets:\n", `feeds:
  people: {get: changes/people, query: {since: "{token}"}, first: "*", rows: changed, deleted: gone, next: .token, paging: {kind: none}, evidence: documented}
  links: {get: changes/links, query: {since: "{token}"}, first: "*", rows: changed, owner: .student, deleted: "*_gone", next: .token, paging: {kind: none}, evidence: documented}
datasets:
`, "    get: contacts\n", "    feeds: [people, links]\n    get: contacts\n").Replace(restYAML)

// A feedCloud is a cloud whose feeds answer a token with what was staged.
type feedCloud struct {
	*cloud
	people, links string // what changed since the last token
	since         []string
	refuse        int
}

func newFeedCloud() *feedCloud {
	f := &feedCloud{cloud: newCloud(), people: `"changed":[]`, links: `"changed":[]`}
	answer := func(changes *string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			since := r.URL.Query().Get("since")
			f.since = append(f.since, since)
			if since != "*" && f.refuse != 0 {
				w.WriteHeader(f.refuse)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			if since == "*" {
				fmt.Fprint(w, `{"changed":[{"student":11},{"student":12}],"token":7}`)
				return
			}
			fmt.Fprintf(w, `{%s,"token":8}`, *changes)
		}
	}
	f.answers["changes/people"], f.answers["changes/links"] = answer(&f.people), answer(&f.links)
	return f
}

func TestRESTFeed(t *testing.T) {
	day := today
	for name, c := range map[string]struct {
		change  func(*feedCloud, *Ask)
		carried bool
		again   bool // the feeds are asked from the beginning
	}{
		"nothing changed":           {func(*feedCloud, *Ask) {}, true, false},
		"something of nobody named": {func(f *feedCloud, _ *Ask) { f.people = `"changed":[{"id":1}]` }, false, false},
		"of a pupil admitted":       {func(f *feedCloud, _ *Ask) { f.links = `"changed":[{"student":11}]` }, false, false},
		"of another pupil":          {func(f *feedCloud, _ *Ask) { f.links = `"changed":[{"student":12}]` }, true, false},
		"something deleted":         {func(f *feedCloud, _ *Ask) { f.people = `"changed":[],"gone":[3]` }, false, false},
		"under a name that ends so": {func(f *feedCloud, _ *Ask) { f.links = `"changed":[],"Links_gone":[3]` }, false, false},
		"nothing deleted":           {func(f *feedCloud, _ *Ask) { f.people = `"changed":[],"gone":[]` }, true, false},
		"the token is refused":      {func(f *feedCloud, _ *Ask) { f.refuse = 400 }, false, true},
		"the token has gone":        {func(f *feedCloud, _ *Ask) { f.refuse = 404 }, false, true},
		"another pupil is admitted": {func(f *feedCloud, _ *Ask) {
			f.answers["students"] = strings.Replace(f.answers["students"].(string), `"marker":false,"authority":null`, `"marker":true,"authority":"823"`, 1)
			f.answers["marks/12"] = `[]`
		}, false, true},
		"another authority": {func(f *feedCloud, _ *Ask) {
			f.answers["students"] = strings.Replace(f.answers["students"].(string), `"823"`, `"825"`, 1)
		}, false, true},
		"another key":     {func(_ *feedCloud, a *Ask) { a.IDKey = []byte("another key of 32 bytes of a test") }, false, true},
		"fewer datasets":  {func(_ *feedCloud, a *Ask) { a.Datasets = a.Datasets[:2] }, false, true},
		"a damaged state": {func(_ *feedCloud, a *Ask) { a.Feed = []byte("{") }, false, true},
		"six days later":  {func(_ *feedCloud, a *Ask) { a.Today = day.AddDays(6) }, true, false},
		"a week later":    {func(_ *feedCloud, a *Ask) { a.Today = day.AddDays(7) }, false, true},
		"another year":    {func(_ *feedCloud, a *Ask) { a.Today = yearEnd(day.AcademicYearStart()).AddDays(1) }, false, true},
		"no state":        {func(_ *feedCloud, a *Ask) { a.Feed = nil }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeedCloud()
			s, err := Open(restProfile(t, feedYAML), f.start(t))
			if err != nil {
				t.Fatal(err)
			}
			read := func(ask Ask) Report {
				t.Helper()
				got, err := s.Read(context.Background(), ask, everybody, func(Row) error { return nil })
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			ask := Ask{Datasets: asked, Today: today, IDKey: idKey}
			first := read(ask)
			if first.Feed == nil || first.Datasets[1].Carried || !first.Datasets[1].Complete {
				t.Fatalf("the first read gives %s, %+v", first.Feed, first.Datasets[1])
			}
			if strings.Contains(string(first.Feed), `"11"`) || strings.Contains(string(first.Feed), `"823"`) {
				t.Errorf("the feed names a pupil or an authority: %s", first.Feed)
			}
			f.since, ask.Feed = nil, first.Feed
			c.change(f, &ask)
			second := read(ask)
			d := second.Datasets[1]
			if d.Dataset != record.DatasetContact || d.Carried != c.carried || d.Complete == c.carried || c.carried != (d.Rows == 0) || d.AsAt.IsZero() {
				t.Errorf("%+v", d)
			}
			if from := strings.Join(f.since, " "); strings.Contains(from, "*") != c.again {
				t.Errorf("asked since %s", from)
			}
			if second.Datasets[0].Carried || second.Datasets[0].Matched == 0 {
				t.Errorf("pupils: %+v", second.Datasets[0])
			}
			if time.Since(d.AsAt) > time.Minute {
				t.Errorf("as at %s", d.AsAt)
			}
		})
	}
}

// What one read carries, the next carries too, until a week after the last whole
// one; a dataset that was stopped is not carried.
func TestRESTFeedIsTrustedForAWeek(t *testing.T) {
	f := newFeedCloud()
	s, err := Open(restProfile(t, feedYAML), f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	ask := Ask{Datasets: asked, Today: today, IDKey: idKey}
	for n := range 9 {
		ask.Today = today.AddDays(n)
		got, err := s.Read(context.Background(), ask, everybody, func(Row) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if want := n != 0 && n != 7; got.Datasets[1].Carried != want {
			t.Errorf("day %d: carried %t", n, got.Datasets[1].Carried)
		}
		ask.Feed = got.Feed
	}
	ask.Feed = nil
	kept := f.answers["contacts"]
	f.answers["contacts"] = 403
	got, err := s.Read(context.Background(), ask, everybody, func(Row) error { return nil })
	if err != nil || len(got.Stops) != 1 {
		t.Fatalf("%+v, %v", got.Stops, err)
	}
	ask.Feed, f.answers["contacts"] = got.Feed, kept
	if got, err = s.Read(context.Background(), ask, everybody, func(Row) error { return nil }); err != nil || got.Datasets[1].Carried || got.Datasets[1].Rows == 0 {
		t.Errorf("after a stop: %+v, %v", got.Datasets, err)
	}
}

// A feed that is asked since a time is not asked where there is none, and then
// since when the last read began, less the minutes.
func TestRESTFeedByClock(t *testing.T) {
	f := newFeedCloud()
	text := strings.ReplaceAll(feedYAML, `first: "*", rows: changed, deleted: gone, next: .token`, "rows: changed, deleted: gone, clock_minutes: 90")
	text = strings.ReplaceAll(text, `first: "*", rows: changed, owner: .student, deleted: "*_gone", next: .token`, "rows: changed, owner: .student, clock_minutes: 90")
	s, err := Open(restProfile(t, text), f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	ask := Ask{Datasets: asked, Today: today, IDKey: idKey}
	first, err := s.Read(context.Background(), ask, everybody, func(Row) error { return nil })
	if err != nil || len(f.since) != 0 {
		t.Fatalf("asked since %v: %v", f.since, err)
	}
	ask.Feed = first.Feed
	second, err := s.Read(context.Background(), ask, everybody, func(Row) error { return nil })
	if err != nil || !second.Datasets[1].Carried {
		t.Fatalf("%+v: %v", second.Datasets[1], err)
	}
	want := first.Started.Add(-90 * time.Minute).UTC().Format(time.DateTime)
	for _, since := range f.since {
		if since != want {
			t.Errorf("asked since %s, want %s", since, want)
		}
	}
	if len(f.since) != 2 {
		t.Errorf("asked since %v", f.since)
	}
}
