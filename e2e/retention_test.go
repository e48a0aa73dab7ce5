package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// past are the counts of `retention show|run --json`, of the one school.
type past struct {
	Schools []struct{ Children, Versions, Refused int }
}

// TestRetention forgets a child who left and what was replaced, killed again and
// again on the way; a school that has not changed then sends nothing, and the
// child may come back.
func TestRetention(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.asked = record.Datasets()
	write := func() { w.must(w.school.WriteCSV(w.folder())) }
	write()
	code := w.setUpCollector(stack.CollectorOptions{Env: []string{
		"ROLLBRIDGE_COLLECTOR_RETENTION_LEFT_DAYS=30", "ROLLBRIDGE_COLLECTOR_RETENTION_HISTORY_DAYS=30"}})
	w.enrolAt(stack.Folder("csv", w.folder()), code, stack.AgentOptions{})
	w.sync()
	cared := w.school.LookedAfter()
	child := cared[2].ID
	w.turnPages(cared[0].ID, cared[1].ID)
	w.must(w.school.LeaveCare(child, w.school.Today()))
	write()
	w.sync()

	later := filepath.Join(t.TempDir(), "clock")
	setClock(t, later, 31*24*time.Hour)
	if now := w.retention("", "show"); now.Schools[0].Children != 0 || now.Schools[0].Versions != 0 {
		t.Fatalf("something is past its time today: %+v", now)
	}
	due := w.retention(later, "run", "--dry-run").Schools[0]
	if due.Children != 1 || due.Versions == 0 {
		t.Fatalf("due are %+v", due)
	}
	for wait := time.Millisecond; wait < time.Second; wait *= 4 {
		p, err := stack.Start(programs.Collector, filepath.Join(w.dir, "retention.log"), w.clocked(later), "retention", "run")
		w.must(err)
		select {
		case <-p.Exited():
		case <-time.After(wait): // the moment of the kill
		}
		p.Kill()
		w.sound()
	}
	w.retention(later, "run")
	if left := w.retention(later, "show").Schools[0]; left.Children != 0 || left.Versions != 0 {
		t.Errorf("left over are %+v", left)
	}
	w.sound()
	w.same()

	w.sync()
	db := openDatabase(t, w, "")
	var lines, full int
	w.must(db.QueryRowContext(w.ctx, "SELECT upserts + removals + refused + unchanged, full_ FROM deliveries ORDER BY sequence DESC LIMIT 1").Scan(&lines, &full))
	if lines != 0 || full != 0 {
		t.Errorf("a school that has not changed sent %d lines, full %d", lines, full)
	}
	w.must(w.school.EnterCare(child, w.school.Authorities()[0], w.school.Today()))
	write()
	w.sync()
	w.sound()
}

// clocked is the collector's environment at another time; "" is the present.
func (w *world) clocked(clock string) []string {
	env := w.collector.Env()
	if clock != "" {
		env = append(env, "ROLLBRIDGE_TEST_CLOCK="+clock)
	}
	return env
}

func (w *world) retention(clock string, args ...string) (p past) {
	w.t.Helper()
	args = append(append([]string{"retention"}, args...), "--json")
	r, err := stack.Run(w.ctx, programs.Collector, "", w.clocked(clock), args...)
	w.must(err)
	if r.Code != 0 {
		w.t.Fatalf("%s: %s", strings.Join(args, " "), r.Stderr)
	}
	w.must(json.Unmarshal([]byte(r.Stdout), &p))
	return p
}
