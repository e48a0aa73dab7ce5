package update

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// file is a release for the computer of the table.
func file(version string, change func(*release.Release)) release.File {
	r := release.Release{Version: version, OS: "windows", Arch: "amd64", State: 1, Data: "same", Published: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	if change != nil {
		change(&r)
	}
	return release.File{Release: r, Path: release.TargetPath(r.Version, r.OS, r.Arch)}
}

func everybody(versions ...string) release.Rollout {
	r := release.Rollout{Stages: map[string]release.Stage{}}
	for _, v := range versions {
		r.Stages[v] = release.Stage{Ring: release.General, Percent: 100}
	}
	return r
}

func TestDecide(t *testing.T) {
	afternoon, night, breakfast := at(t, "2026-11-23 13:00"), at(t, "2026-11-23 22:30"), at(t, "2026-11-23 09:00")
	evenings, err := ParseWindow("22:00-04:00")
	if err != nil {
		t.Fatal(err)
	}
	plain := file("1.1.0", nil)
	cases := []struct {
		name   string
		change func(*Facts)
		want   Decision
	}{
		{"nothing newer", func(f *Facts) { f.Files = []release.File{file("1.0.0", nil), file("0.9.0", nil)} }, Decision{}},
		{"a newer one", nil, Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"the morning of a school day", func(f *Facts) { f.Now = breakfast },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitMorning, Until: at(t, "2026-11-23 12:00")}},
		{"the morning, and a window", func(f *Facts) { f.Now, f.Window = breakfast, evenings },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitMorning, Until: at(t, "2026-11-23 22:00")}},
		{"outside the window it is fetched all the same", func(f *Facts) { f.Window = evenings },
			Decision{Offered: &plain, Fetch: true, Wait: protocol.UpdateWaitWindow, Until: at(t, "2026-11-23 22:00")}},
		{"inside the window", func(f *Facts) { f.Now, f.Window = night, evenings }, Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"asked in the morning, outside the window, in the hold", func(f *Facts) {
			f.Now, f.Window, f.HoldDays, f.Asked = breakfast, evenings, 60, AskedNewest
		}, Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"asked by name", func(f *Facts) {
			f.Files, f.Rollout, f.Asked = []release.File{file("1.2.0", nil), plain}, everybody("1.1.0", "1.2.0"), "1.1.0"
		}, Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"asked for one that is not there", func(f *Facts) { f.Asked = "1.7.0" }, Decision{}},
		{"held", func(f *Facts) { f.HoldDays = 30 },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitHold, Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}},
		{"the hold is over", func(f *Facts) { f.HoldDays = 22 }, Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"no hold is longer than two months", func(f *Facts) { f.HoldDays = 4000 },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitHold, Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}},
		{"a held one lets an older one through", func(f *Facts) {
			f.HoldDays = 14
			f.Files = []release.File{file("1.2.0", func(r *release.Release) { r.Published = afternoon.Add(-time.Hour) }), plain}
			f.Rollout = everybody("1.1.0", "1.2.0")
		}, Decision{Offered: &plain, Fetch: true, Apply: true, Newest: "1.2.0"}},
		{"no stage is nobody", func(f *Facts) { f.Rollout = release.Rollout{} }, Decision{Offered: &plain, Wait: protocol.UpdateWaitRollout}},
		{"asked, and no stage", func(f *Facts) { f.Rollout, f.Asked = release.Rollout{}, AskedNewest }, Decision{Offered: &plain, Wait: protocol.UpdateWaitRollout}},
		{"all is paused", func(f *Facts) { f.Rollout.Paused = true }, Decision{Offered: &plain, Wait: protocol.UpdateWaitRollout}},
		{"this stage is paused", func(f *Facts) {
			f.Rollout.Stages["1.1.0"] = release.Stage{Ring: release.General, Percent: 100, Paused: true}
		}, Decision{Offered: &plain, Wait: protocol.UpdateWaitRollout}},
		{"the early ring, and we are not in it", func(f *Facts) { f.Rollout.Stages["1.1.0"] = release.Stage{Ring: release.Early, Percent: 100} },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitRollout}},
		{"the early ring, and we are", func(f *Facts) {
			f.Rollout.Stages["1.1.0"], f.Ring = release.Stage{Ring: release.Early, Percent: 100}, release.Early
		}, Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"no percent is nobody", func(f *Facts) { f.Rollout.Stages["1.1.0"] = release.Stage{Ring: release.General} },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitRollout}},
		{"it failed here", func(f *Facts) { f.Skipped = map[string]string{"1.1.0": "not_ready"} },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitSkipped, Reason: "not_ready"}},
		{"asked, and it failed here", func(f *Facts) { f.Skipped, f.Asked = map[string]string{"1.1.0": "not_ready"}, AskedNewest },
			Decision{Offered: &plain, Wait: protocol.UpdateWaitSkipped, Reason: "not_ready"}},
		{"asked by name, and it failed here", func(f *Facts) { f.Skipped, f.Asked = map[string]string{"1.1.0": "not_ready"}, "1.1.0" },
			Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"below the floor", func(f *Facts) { f.Floor = "1.1.1" }, Decision{Offered: &plain, Wait: protocol.UpdateWaitFloor}},
		{"at the floor", func(f *Facts) { f.Floor = "1.1.0" }, Decision{Offered: &plain, Fetch: true, Apply: true}},
		{"what runs is on trial", func(f *Facts) { f.Trial = true }, Decision{Offered: &plain, Wait: protocol.UpdateWaitTrial}},
		{"asked, and what runs is on trial", func(f *Facts) { f.Trial, f.Asked = true, AskedNewest }, Decision{Offered: &plain, Wait: protocol.UpdateWaitTrial}},
	}
	for _, c := range cases {
		f := Facts{Now: afternoon, Running: "1.0.0", OS: "windows", Arch: "amd64", Build: 17763, Reads: 1, Data: "same",
			Files: []release.File{plain, file("1.0.0", nil)}, Rollout: everybody("1.1.0"), Ring: release.General, Installation: "one"}
		if c.change != nil {
			c.change(&f)
		}
		if diff := cmp.Diff(c.want, Decide(f)); diff != "" {
			t.Errorf("%s: want -, got +\n%s", c.name, diff)
		}
	}
}

// What a release says of itself decides too.
func TestDecideByRelease(t *testing.T) {
	now := at(t, "2026-11-23 13:00")
	old, two := file("1.1.0", nil), file("1.2.0", func(r *release.Release) { r.State = 2 })
	server2022 := file("1.2.0", func(r *release.Release) { r.MinBuild = 20348 })
	wider := file("1.1.0", func(r *release.Release) { r.Data = "wider" })
	linux := file("1.1.0", func(r *release.Release) { r.OS = "linux" })
	cases := []struct {
		name  string
		files []release.File
		want  Decision
	}{
		{"state that we cannot read goes through the one before", []release.File{two, old}, Decision{Offered: &old, Fetch: true, Apply: true, Newest: "1.2.0"}},
		{"state that we cannot read, and nothing in between", []release.File{two}, Decision{Offered: &two, Wait: protocol.UpdateWaitState}},
		{"a system that is too old gets the last one for it", []release.File{server2022, old}, Decision{Offered: &old, Fetch: true, Apply: true, Newest: "1.2.0"}},
		{"a system that is too old", []release.File{server2022}, Decision{Offered: &server2022, Wait: protocol.UpdateWaitSystem, Least: 20348}},
		{"another data scope is said", []release.File{wider}, Decision{Offered: &wider, Fetch: true, Apply: true, Scope: true}},
		{"made for another computer", []release.File{linux}, Decision{Wait: protocol.UpdateWaitPlatform}},
	}
	for _, c := range cases {
		f := Facts{Now: now, Running: "1.0.0", OS: "windows", Arch: "amd64", Build: 17763, Reads: 1, Data: "same",
			Files: c.files, Rollout: everybody("1.1.0", "1.2.0"), Ring: release.General, Installation: "one"}
		if diff := cmp.Diff(c.want, Decide(f)); diff != "" {
			t.Errorf("%s: want -, got +\n%s", c.name, diff)
		}
	}
	// One that may not be started is no way to anything.
	f := Facts{Now: now, Running: "1.0.0", OS: "windows", Arch: "amd64", Reads: 1, Data: "same", Files: []release.File{two, old},
		Rollout: everybody("1.1.0", "1.2.0"), Ring: release.General, Floor: "1.2.0"}
	if d := Decide(f); d.Wait != protocol.UpdateWaitState || d.Offered.Version != "1.2.0" || d.Needed != "" {
		t.Errorf("%+v", d)
	}
	// The one to go through is named even where something else keeps it back.
	f.Floor, f.Rollout = "", everybody("1.2.0")
	if d := Decide(f); d.Wait != protocol.UpdateWaitState || d.Needed != "1.1.0" {
		t.Errorf("%+v", d)
	}
}

// Of a hundred installations, a percentage gets a version, and one that has it
// keeps it as the percentage grows.
func TestDecideByPercent(t *testing.T) {
	had := map[string]bool{}
	for _, percent := range []int{1, 10, 50, 100} {
		n := 0
		for i := range 1000 {
			f := Facts{Now: at(t, "2026-11-23 13:00"), Running: "1.0.0", OS: "windows", Arch: "amd64", Reads: 1, Files: []release.File{file("1.1.0", nil)},
				Rollout: release.Rollout{Stages: map[string]release.Stage{"1.1.0": {Ring: release.General, Percent: percent}}}, Installation: string(rune(i + 0x4e00))}
			if Decide(f).Apply {
				n++
				had[f.Installation] = true
			} else if had[f.Installation] {
				t.Errorf("%q lost the version at %d %%", f.Installation, percent)
			}
		}
		if n < percent*7 || n > percent*13 || percent == 100 && n != 1000 {
			t.Errorf("%d of 1000 installations at %d %%", n, percent)
		}
	}
}
