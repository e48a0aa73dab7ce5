package mis

import (
	"encoding/json"
	"testing"

	"rollbridge/shared/record"
)

// Xporter, as recorded, names a page after the last one; a list that is not paged
// says nothing of pages, but that of pupils always is.
func TestXporterLastPage(t *testing.T) {
	p, err := LoadProfile("xporter")
	if err != nil {
		t.Fatal(err)
	}
	for envelope, want := range map[string]struct{ any, pupils string }{
		`{"__pagination__":[{"pagesize":2,"pagenumber":1,"pagecount":2,"rowcount":4,"nextpage":"?page=2&pageSize=2"}]}`: {"false", "false"},
		`{"__pagination__":[{"pagesize":2,"pagenumber":2,"pagecount":2,"rowcount":4,"nextpage":"?page=3&pageSize=2"}]}`: {"true", "true"},
		`{"__pagination__":[{"pagesize":2,"pagenumber":2,"pagecount":2,"rowcount":4,"nextpage":null}]}`:                 {"true", "true"},
		`{"meta":[]}`: {"true", "an error"},
	} {
		var value any
		if err := json.Unmarshal([]byte(envelope), &value); err != nil {
			t.Fatal(err)
		}
		said := func(last string) string {
			x, err := jq{define: p.define()}.optional(last)
			if err != nil {
				t.Fatal(err)
			}
			v, err := x.one(t.Context(), value, make([]any, len(jqVariables)))
			text, bad := textOf(v)
			if err != nil || bad != nil {
				return "an error"
			}
			return text
		}
		if all, pupils := said(p.API.Paging.Last), said(p.Datasets[record.DatasetPupil].Paging.Last); all != want.any || pupils != want.pupils {
			t.Errorf("%s: %s, %s", envelope, all, pupils)
		}
	}
}
