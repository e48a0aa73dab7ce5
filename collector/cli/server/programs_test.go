package server

import (
	"testing"

	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	signed "rollbridge/shared/release"
)

// What agents say is shown as numbers and words of closed lists, whatever they sent.
func TestProgramsAreShownInClosedWords(t *testing.T) {
	got := programOf(store.Program{School: "oak", Version: "1.2.0\x1b[2J", Update: &protocol.Update{
		Ring: "my own", Metadata: 5, Skipped: []protocol.UpdateSkip{{Version: "1.3.0", Reason: "crashed"}, {Version: "<b>", Reason: "rm -rf /"}},
	}})
	if got.Version != "an unknown version" || got.Ring != signed.General || got.Off || got.Metadata != 5 {
		t.Errorf("%+v", got)
	}
	if got.Skipped[0].Reason != "crashed" || got.Skipped[1].Reason != "unknown reason" || got.Skipped[1].Version != "an unknown version" {
		t.Errorf("%+v", got.Skipped)
	}
	if old := programOf(store.Program{Version: "1.2.0"}); !old.Off || old.Version != "1.2.0" {
		t.Errorf("an agent of before releases: %+v", old)
	}
	if early := programOf(store.Program{Version: "1.2.0", Update: &protocol.Update{Ring: "early", Off: protocol.UpdateOffAddress}}); early.Ring != signed.Early || !early.Off {
		t.Errorf("%+v", early)
	}
}
