package update

import (
	"cmp"
	"slices"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// What this version does to the agent's own state, the rule being that a release
// writes only what the one before it could read: so the way back is always open.
const (
	// StateWrites is the schema that it writes.
	StateWrites = 1
	// StateReads is the newest schema that it can read.
	StateReads = 1
)

// MaxHoldDays is how long a school may hold updates back.
const MaxHoldDays = 60

// Facts are everything that Decide goes by.
type Facts struct {
	Now time.Time
	// Running is the version that runs, on OS, Arch and, of Windows, Build.
	Running  string
	OS, Arch string
	Build    int
	// Reads is the newest state schema that it reads, Data its data scope.
	Reads int
	Data  string
	// Files are the proved releases; Rollout who may have them.
	Files   []release.File
	Rollout release.Rollout
	// Ring and Installation say who asks.
	Ring         release.Ring
	Installation string
	// Window and HoldDays are the school's.
	Window   Window
	HoldDays int
	// Floor is the highest security floor ever seen here.
	Floor string
	// Skipped are the versions that failed here, with the reason; one for which a
	// person asks by name is tried again.
	Skipped map[string]string
	// Trial says that what runs is itself being tried.
	Trial bool
	// Asked is the version for which a person at the school asked now, or
	// AskedNewest: neither hold nor time of day counts then.
	Asked string
}

// AskedNewest asks for the newest version that there is.
const AskedNewest = "newest"

// A Decision is what is to be done about the program now.
type Decision struct {
	// Offered is the version that the school may have next; its File is nil if
	// there is nothing newer than what runs.
	Offered *release.File
	// Fetch says that it may be fetched now, Apply that it may replace what runs.
	Fetch, Apply bool
	// Wait is why not, "" for no reason; Until is when that ends by itself, zero
	// if unknown.
	Wait  protocol.UpdateWait
	Until time.Time
	// Reason is why it failed here before (UpdateWaitSkipped), Needed the version
	// that must run first (UpdateWaitState), Least the build of Windows that it
	// wants (UpdateWaitSystem).
	Reason, Needed string
	Least          int
	// Newest is the newest version of all, where another than Offered.
	Newest string
	// Scope says that the profiles and datasets of Offered differ from those of
	// what runs. Nothing more leaves by that: it waits for `scope accept`.
	Scope bool
}

// block is why one version cannot be had.
type block struct {
	why    protocol.UpdateWait
	until  time.Time
	reason string
	needed string
	least  int
}

// Decide says what is to be done. It chooses the newest version that nothing
// forbids; if something forbids every one, it says of the newest what.
func Decide(f Facts) Decision {
	newer := f.newer()
	if len(newer) == 0 {
		return Decision{Wait: f.elsewhere()}
	}
	at, found := 0, block{}
	for i, file := range newer {
		b := f.forbids(file, newer)
		if i == 0 {
			found = b
		}
		if b.why == "" {
			at, found = i, b
			break
		}
	}
	d := Decision{Offered: &newer[at], Wait: found.why, Until: found.until, Reason: found.reason, Needed: found.needed, Least: found.least,
		Scope: newer[at].Data != f.Data}
	if at > 0 {
		d.Newest = newer[0].Version
	}
	if d.Wait == "" {
		f.time(&d)
	}
	return d
}

// newer lists what is newer than what runs and made for this computer, or what
// was asked for by name, the newest first.
func (f Facts) newer() []release.File {
	var list []release.File
	for _, file := range f.Files {
		if file.OS != f.OS || file.Arch != f.Arch || release.Compare(file.Version, f.Running) <= 0 {
			continue
		}
		if f.Asked == "" || f.Asked == AskedNewest || f.Asked == file.Version {
			list = append(list, file)
		}
	}
	slices.SortFunc(list, func(a, b release.File) int {
		return cmp.Or(release.Compare(b.Version, a.Version), cmp.Compare(a.Path, b.Path))
	})
	return list
}

// elsewhere says whether there are newer versions, made for other computers only.
func (f Facts) elsewhere() protocol.UpdateWait {
	for _, file := range f.Files {
		if release.Compare(file.Version, f.Running) > 0 && (f.Asked == "" || f.Asked == AskedNewest || f.Asked == file.Version) {
			return protocol.UpdateWaitPlatform
		}
	}
	return ""
}

// forbids is why a version cannot be had at any time of the day. What will never
// change comes before what will.
func (f Facts) forbids(file release.File, all []release.File) block {
	v := file.Version
	reason, failed := f.Skipped[v]
	switch {
	case failed && f.Asked != v:
		return block{why: protocol.UpdateWaitSkipped, reason: reason}
	case f.below(v):
		return block{why: protocol.UpdateWaitFloor}
	case file.MinBuild > f.Build && file.MinBuild > 0:
		return block{why: protocol.UpdateWaitSystem, least: file.MinBuild}
	case file.State > f.Reads:
		return block{why: protocol.UpdateWaitState, needed: f.between(all)}
	case !f.Rollout.Admits(v, f.Ring, f.Installation):
		return block{why: protocol.UpdateWaitRollout}
	}
	held := file.Published.Add(time.Duration(min(f.HoldDays, MaxHoldDays)) * 24 * time.Hour)
	if f.Asked == "" && f.HoldDays > 0 && f.Now.Before(held) {
		return block{why: protocol.UpdateWaitHold, until: held}
	}
	return block{}
}

func (f Facts) below(version string) bool {
	return f.Floor != "" && release.Compare(version, f.Floor) < 0
}

// between is the newest version whose state the running one can read, and which
// may be started: "" for none. It is the one to go through.
func (f Facts) between(all []release.File) string {
	for _, file := range all {
		if file.State <= f.Reads && !f.below(file.Version) {
			return file.Version
		}
	}
	return ""
}

// time says whether now is the time for what nothing else forbids.
func (f Facts) time(d *Decision) {
	asked := f.Asked != ""
	d.Fetch = asked || !morning(f.Now)
	switch {
	case f.Trial:
		d.Wait = protocol.UpdateWaitTrial
	case asked:
		d.Apply = true
	case morning(f.Now):
		d.Wait, d.Until = protocol.UpdateWaitMorning, f.Window.next(f.Now)
	case !f.Window.open(f.Now):
		d.Wait, d.Until = protocol.UpdateWaitWindow, f.Window.next(f.Now)
	default:
		d.Apply = true
	}
	d.Fetch = d.Fetch && !f.Trial
}
