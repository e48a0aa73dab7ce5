package e2e

import (
	"testing"

	"rollbridge/collector/database"
	"rollbridge/e2e/stack"
)

// TestQuietSync shows what a sync without change costs: one small envelope,
// one inbox row, and no record touched (promise 5: silence is never success).
func TestQuietSync(t *testing.T) {
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	db, err := database.Open(w.ctx, "sqlite:"+w.collector.DatabaseFile())
	w.must(err)
	defer db.Close()

	before := w.count(db)
	_, err = w.agent.Command(w.ctx, "sync")
	w.must(err)
	var after counts
	w.must(stack.Await(w.ctx, "the second batch to be applied", func() (bool, error) {
		after = w.count(db)
		return after.applied > before.applied, nil
	}))
	if after.inbox != before.inbox+1 {
		t.Errorf("a sync without change added %d inbox rows, want 1", after.inbox-before.inbox)
	}
	if after.records != before.records || after.versions != before.versions || after.history != before.history {
		t.Errorf("a sync without change changed records: before %+v, after %+v", before, after)
	}
	if size := w.number(db, "SELECT bytes FROM inbox ORDER BY sequence DESC LIMIT 1"); size > 4096 {
		t.Errorf("a sync without change sent an envelope of %d bytes, want at most 4096", size)
	}
}

type counts struct{ inbox, applied, records, versions, history int64 }

func (w *world) count(db *database.DB) counts {
	return counts{
		inbox:    w.number(db, "SELECT COUNT(*) FROM inbox"),
		applied:  w.number(db, "SELECT COUNT(*) FROM inbox WHERE state = 'applied'"),
		records:  w.number(db, "SELECT COUNT(*) FROM records"),
		versions: w.number(db, "SELECT COALESCE(SUM(version), 0) FROM records"),
		history:  w.number(db, "SELECT COUNT(*) FROM record_history"),
	}
}

func (w *world) number(db *database.DB, query string) (n int64) {
	w.t.Helper()
	w.must(db.Read(w.ctx, func(tx *database.Tx) error {
		return tx.QueryRow(w.ctx, query).Scan(&n)
	}))
	return n
}
