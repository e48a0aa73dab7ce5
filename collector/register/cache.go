package register

import (
	"sync"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// maxWeeks bounds the weeks in memory, and the children on lists: one is some 400
// bytes, and a look at one authority needs as many as it has children. Beyond it,
// what was not used in the last look goes, and then everything.
const maxWeeks = 50_000

// keepFor is how long a week stays in memory without being looked at.
const keepFor = time.Hour

// half is one day's mark of a week.
type half struct {
	code string
	late int
	// unread says that the MIS has a mark that could not be turned into a code.
	unread bool
}

// marks are a week's, mornings and afternoons.
type marks struct{ am, pm []half }

type cacheKey struct {
	child store.Child
	week  record.Date
}

// An entry is good for exactly this version: versions begin again at 1 where a
// child was forgotten and is back, so that the time is part of it.
type entry struct {
	version  int
	received time.Time
	used     time.Time
	marks    marks
}

type listKey struct {
	authority, school string
	week              record.Date
}

// A schoolList is who is on a school's list for an authority, good for exactly this
// mark.
type schoolList struct {
	mark store.ListMark
	used time.Time
	list []store.Registered
}

// A cache keeps decoded marks, and the lists of schools. Nobody changes a list that
// is in it.
type cache struct {
	mu      sync.Mutex
	entries map[cacheKey]entry
	lists   map[listKey]schoolList
	// listed counts the children on lists, which the bound is about.
	listed int
	swept  time.Time
}

func newCache() *cache { return &cache{entries: map[cacheKey]entry{}, lists: map[listKey]schoolList{}} }

// takeLists finds the lists that are in memory at the mark of each school, and says
// of which schools they are not.
func (c *cache) takeLists(authority string, at map[string]store.ListMark, week record.Date, now time.Time) (found map[string][]store.Registered, missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found = make(map[string][]store.Registered, len(at))
	for school, mark := range at {
		key := listKey{authority, school, week}
		l, ok := c.lists[key]
		if !ok || l.mark != mark || mark == (store.ListMark{}) {
			missing = append(missing, school)
			continue
		}
		l.used = now
		c.lists[key] = l
		found[school] = l.list
	}
	return found, missing
}

// putLists keeps the lists of schools that were read, also the empty ones.
func (c *cache) putLists(authority string, at map[string]store.ListMark, read map[string][]store.Registered, schools []string, week record.Date, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, school := range schools {
		key := listKey{authority, school, week}
		c.drop(key)
		c.lists[key] = schoolList{at[school], now, read[school]}
		c.listed += len(read[school])
	}
}

func (c *cache) drop(key listKey) {
	c.listed -= len(c.lists[key].list)
	delete(c.lists, key)
}

// take finds the marks that are in memory at the version of each, and
// says which are not.
func (c *cache) take(list []store.Registered, week record.Date, now time.Time) (found map[store.Child]marks, missing []store.Child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found = make(map[store.Child]marks, len(list))
	for _, l := range list {
		if !l.HasWeek {
			continue
		}
		key := cacheKey{l.Child, week}
		e, ok := c.entries[key]
		if !ok || e.version != l.Version || !e.received.Equal(l.Received) {
			missing = append(missing, l.Child)
			continue
		}
		e.used = now
		c.entries[key] = e
		found[l.Child] = e.marks
	}
	return found, missing
}

// put keeps what was opened.
func (c *cache) put(opened map[store.Child]store.Week, week record.Date, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for child, w := range opened {
		c.entries[cacheKey{child, week}] = entry{w.Version, w.Received, now, marksOf(w.Marks)}
	}
}

// sweep drops what belongs to a school that has stopped, what nobody has looked
// at for a while, and enough to stay within the bound.
func (c *cache) sweep(stopped map[string]bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := len(c.entries) > maxWeeks || c.listed > maxWeeks
	if len(stopped) == 0 && !full && now.Sub(c.swept).Abs() < time.Minute {
		return
	}
	c.swept = now
	for key, e := range c.entries {
		// A clock that was set back leaves entries of the future.
		if age := now.Sub(e.used).Abs(); stopped[key.child.School] || age > keepFor || full && age > 0 {
			delete(c.entries, key)
		}
	}
	for key, l := range c.lists {
		if age := now.Sub(l.used).Abs(); stopped[key.school] || age > keepFor || full && age > 0 {
			c.drop(key)
		}
	}
	if len(c.entries) > maxWeeks || c.listed > maxWeeks {
		clear(c.entries)
		clear(c.lists)
		c.listed = 0
	}
}

func marksOf(a *record.Attendance) marks {
	return marks{halves(a.AM, a.LocalAM, a.LateAM), halves(a.PM, a.LocalPM, a.LatePM)}
}

func halves(codes, local []string, late []int) []half {
	list := make([]half, len(codes))
	for i, code := range codes {
		list[i].code = code
		if i < len(local) {
			list[i].unread = code == "" && local[i] != ""
		}
		if i < len(late) {
			list[i].late = late[i]
		}
	}
	return list
}
