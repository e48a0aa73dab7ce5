package audit

import (
	"slices"
	"testing"

	"rollbridge/shared/record"
)

// Years of calls about a few children are an export of a few children.
func TestChildrenCountOnce(t *testing.T) {
	id := record.PupilID("0123456789abcdef0123456789abcdef")
	e := Entry{Authority: "301", User: ByProgram, Action: CallsExported, Subject: Subject{School: "oak", Children: slices.Repeat([]record.PupilID{id}, maxChildren+1)}}
	if err := e.check(); err != nil || e.childrenText() != string(id) {
		t.Errorf("%v, %q", err, e.childrenText())
	}
}
