package delta

import (
	"fmt"

	"rollbridge/shared/protocol"
)

// maxParts is the most that a manifest may count (protocol.ReadBody).
const maxParts = 1000

// Bodies are the batch bodies before compression, one per part: a manifest
// line and operations, each at most protocol.MaxBodyBytes. Preview shows them
// and Seal seals them: they are the same bytes, whenever it is called.
func (r Result) Bodies() ([][]byte, error) {
	parts, err := r.split()
	if err != nil {
		return nil, err
	}
	bodies := make([][]byte, 0, len(parts))
	for i, lines := range parts {
		m := r.Manifest
		m.Part, m.Parts = i+1, len(parts)
		body, err := protocol.MarshalLine(m)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			body = append(body, l...)
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// split shares the lines out. The manifest is measured at the largest part
// numbers, so that it fits whatever the numbers become.
func (r Result) split() ([][][]byte, error) {
	m := r.Manifest
	m.Part, m.Parts = maxParts, maxParts
	head, err := protocol.MarshalLine(m)
	if err != nil {
		return nil, err
	}
	room := protocol.MaxBodyBytes - len(head)
	if len(head) > protocol.MaxLineBytes {
		return nil, fmt.Errorf("divide the batch: its manifest has %d bytes, more than the %d that can be sent: %w",
			len(head), protocol.MaxLineBytes, ErrRows)
	}
	parts := [][][]byte{nil}
	left := room
	for _, l := range r.Lines {
		if len(l) > left {
			parts = append(parts, nil)
			left = room
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], l)
		left -= len(l)
	}
	if len(parts) > maxParts {
		return nil, fmt.Errorf("divide the batch: it has %d parts, more than the %d that can be sent: %w", len(parts), maxParts, ErrRows)
	}
	return parts, nil
}
