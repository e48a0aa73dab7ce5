package school

import (
	"fmt"
	"testing"

	"rollbridge/agent/delta"
)

// Rows that cannot be compared are the MIS's fault, so that the collector is
// told that this school's data could not be read.
func TestRowsThatCannotBeComparedAreTheMISs(t *testing.T) {
	if kind := KindOf(fmt.Errorf("pass on a pupil record: %w", delta.ErrRows)); kind != MIS {
		t.Errorf("kind %q, want %q", kind, MIS)
	}
}
