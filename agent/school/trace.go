package school

import (
	"context"
	"strings"

	"rollbridge/agent/delta"
	"rollbridge/agent/outbox"
)

// Trace finds what was sent about the child with that UPN or MIS id, for the
// answer to a subject access request. The text is hashed and compared; nothing
// of it is kept.
func (s *School) Trace(_ context.Context, upnOrID string) (outbox.Trace, error) {
	text := strings.TrimSpace(upnOrID)
	if text == "" {
		return outbox.Trace{}, refused("give a UPN or the MIS's id of the pupil")
	}
	id := s.identity()
	keys := delta.Keys{Local: id.LocalKey, ID: id.IDKey}
	asked := []delta.Mark{keys.MarkOfMIS(text)}
	if upn, ok := keys.MarkOfUPN(text); ok {
		asked = append([]delta.Mark{upn}, asked...)
	}
	return s.box.Trace(asked...)
}
