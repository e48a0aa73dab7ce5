package intake

import (
	"fmt"
	"testing"
)

func TestVisitorsAreBounded(t *testing.T) {
	v := newVisitors()
	for n := range 3 * maxSources {
		v.allow(fmt.Sprintf("10.%d.%d.%d:1234", n>>16&255, n>>8&255, n&255), false)
		if len(v.sources) > maxSources {
			t.Fatalf("%d sources are remembered", len(v.sources))
		}
	}
	if v.allow("192.0.2.1:1", false) {
		t.Error("thousands at once are not too many")
	}
	if !v.allow("192.0.2.1:1", true) {
		t.Error("who has a whole code waits for those who have none")
	}
	for range wholeBurst {
		v.allow("192.0.2.1:1", true)
	}
	if v.allow("192.0.2.2:1", true) {
		t.Error("any number of whole codes is looked up")
	}
	for a, b := range map[string]string{"[2001:db8::1]:1": "[2001:db8::ffff]:2", "192.0.2.1:1": "192.0.2.1:2", "[::ffff:192.0.2.1]:1": "192.0.2.1:1", "x": "y"} {
		if sourceOf(a) != sourceOf(b) {
			t.Errorf("%s and %s are two sources", a, b)
		}
	}
	if sourceOf("192.0.2.1:1") == sourceOf("192.0.2.2:1") || sourceOf("[2001:db8::1]:1") == sourceOf("[2001:db8:0:1::1]:1") {
		t.Error("two sources are one")
	}
}
