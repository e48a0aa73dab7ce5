package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/release"
	signed "rollbridge/shared/release"
)

func TestReleaseTable(t *testing.T) {
	var b bytes.Buffer
	p := &program{out: &b, err: &b}
	out := releaseJSON{
		Alarms: []string{"Something ends."},
		State: release.State{
			Paused:   true,
			Metadata: []release.Role{{Role: "root", Version: 2, Expires: time.Date(2027, 11, 22, 9, 0, 0, 0, time.UTC)}},
			Releases: []release.Standing{
				{Version: "1.3.0", Platforms: []string{"linux-amd64"}},
				{Version: "1.2.0", Platforms: []string{"linux-amd64"}, Stage: &signed.Stage{Ring: signed.General, Percent: 10, Paused: true}},
			},
			Draft: &release.Waiting{Versions: []string{"1.4.0"}, Needs: []release.Need{{Of: "targets", By: "the targets keys", Threshold: 2, Signed: []string{"ada"}, Missing: []string{"bea", "cyd"}}}},
		},
		Adoption: []release.Adoption{{Version: "1.3.0", Returned: 1}, {Version: "1.2.0", Agents: 7}, {Version: "0.9.0", Agents: 3}},
		Returned: []returnedJSON{{School: "oak", Version: "1.3.0", Runs: "1.2.0", Reason: "crashed"}},
	}
	if err := p.releaseTable(out, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ALARM: Something ends.", "All versions are paused", "The draft holds 1.4.0. Targets needs 2 signatures of the targets keys and has 1 (ada); missing: 1 of bea, cyd.",
		"1.3.0    nobody", "general 10 %, paused", "3 agents run 0.9.0, which is not released here.", "oak: returned from 1.3.0 to 1.2.0 (crashed).", "root 2 is good until 22 Nov 2027",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &b)
		}
	}
}

func TestFurther(t *testing.T) {
	stage := func(r signed.Ring, n int) *signed.Stage { return &signed.Stage{Ring: r, Percent: n} }
	for _, c := range []struct {
		was     *signed.Stage
		ring    signed.Ring
		percent int
		want    bool
	}{
		{nil, signed.Early, 1, true}, {nil, signed.Early, 0, false}, {nil, signed.General, 5, true},
		{stage(signed.Early, 10), signed.Early, 11, true}, {stage(signed.Early, 10), signed.Early, 10, false}, {stage(signed.Early, 10), signed.Early, 0, false},
		{stage(signed.Early, 10), signed.General, 0, true}, {stage(signed.Early, 10), signed.General, 1, true},
		{stage(signed.General, 10), signed.Early, 100, false}, {stage(signed.General, 10), signed.General, 9, false}, {stage(signed.General, 10), signed.General, 50, true},
	} {
		if got := further(c.was, c.ring, c.percent); got != c.want {
			t.Errorf("%+v to %s %d: %t", c.was, c.ring, c.percent, got)
		}
	}
}
