package children

import (
	"cmp"

	"rollbridge/collector/call"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
)

// A phoned is one call about a child: what the authority's people noted, which
// never becomes what the register says.
type phoned struct {
	call.Call
	Who  string
	Mark string // the code with its meaning
}

// maxCalls bounds the calls on the page; the newest are shown.
const maxCalls = 25

// calls are the newest calls about the child.
func (p pages) calls(v *web.Visit, child store.Child) ([]phoned, error) {
	found, err := p.book.OfChild(v.Context(), v.Sight(), child)
	if err != nil {
		return nil, err
	}
	list := make([]phoned, 0, min(len(found), maxCalls))
	for _, c := range found[:min(len(found), maxCalls)] {
		line := phoned{Call: c, Who: cmp.Or(c.ByName, v.T("calls.somebody")), Mark: phonedMark(v, c, c.Children[0].Mark)}
		list = append(list, line)
	}
	return list, nil
}

func phonedMark(v *web.Visit, c call.Call, code string) string {
	if code == "" {
		return ""
	}
	for _, m := range call.Codes(c.Authority, c.Day, c.Session) {
		if m.Code == code {
			return code + " " + v.Mark(m.Label)
		}
	}
	return code
}
