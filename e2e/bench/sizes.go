package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"rollbridge/e2e/demoschool"
)

const kib = 1024.0

// sizes measures what leaves the school: nothing changed, and 1 % (P4, P5).
func (s *site) sizes(ctx context.Context, r *route, school *demoschool.School) ([]row, error) {
	s.say("bytes of a sync without change and with 1 %% changed")
	id, a, err := s.enrolAgent(ctx, r.source)
	if err != nil {
		return nil, err
	}
	if _, err := s.sync(ctx, id, a); err != nil {
		return nil, err
	}
	// The second brings the outcome of the first; from then on every sync
	// without a change is the same.
	if _, err := s.sync(ctx, id, a); err != nil {
		return nil, err
	}
	same, err := s.sync(ctx, id, a)
	if err != nil {
		return nil, err
	}
	changes, err := changeMarks(school)
	if err != nil {
		return nil, err
	}
	if err := school.WriteCSV(r.folder); err != nil {
		return nil, err
	}
	changed, err := s.sync(ctx, id, a)
	if err != nil {
		return nil, err
	}
	// The goal allows one step of the padding, which is never under 1 KiB.
	overBucket := (float64(changed.envelope) - kib) / float64(same.envelope)
	return []row{
		{goal: "P4", what: "sync without change: envelope", values: []float64{float64(same.envelope)}, unit: "bytes", limit: 4 * kib},
		{goal: "P4", what: "sync without change: on the wire, both ways with handshake", values: []float64{float64(same.wire)}, unit: "bytes", limit: 9 * kib},
		{goal: "P5", what: "1 % changed: envelope less one padding bucket, against no change", values: []float64{overBucket}, limit: 1.3,
			note: fmt.Sprintf("%d marks changed; %d bytes, on the wire %d", changes, changed.envelope, changed.wire)},
		{goal: "P5", what: "1 % changed: envelope against an eighth of restic's (57 KB)", values: []float64{float64(changed.envelope) / (57_000.0 / 8)}, limit: 1},
	}, nil
}

// changeMarks changes one mark in 1 % of the weeks of pupils in care.
func changeMarks(school *demoschool.School) (int, error) {
	pupils, days := school.LookedAfter(), school.SchoolDays()
	n := len(pupils) * 39 / 100
	for i := range n {
		p := pupils[i*len(pupils)/n]
		// From the end of the year, where every pupil is on roll.
		day := days[len(days)-2-(i*7)%90]
		if err := school.ChangeMark(p.ID, day, demoschool.AM, "I"); err != nil {
			return 0, fmt.Errorf("change a mark: %w", err)
		}
	}
	return n, nil
}

// What a school without this product would run each night: pick the rows of
// pupils in care, compress, encrypt, post. openssl stands for age, which few
// machines have.
const exportScript = `set -e
cd "$1"
awk -F, 'FNR == 1 { file++ }
	file == 1 && $17 == "Yes" && ($18 == "933" || $18 == "815" || $18 == "838") { care[$1] = 1; print }
	file == 2 && care[$2] { print }
	file == 3 && care[$1] { print }' pupils.csv contacts.csv attendance.csv |
	gzip -6 |
	openssl enc -aes-256-ctr -K 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f -iv 000102030405060708090a0b0c0d0e0f > "$2"
curl --silent --show-error --fail --insecure --data-binary @"$2" "$3"
`

// script compares a first sync with a script that does the least (P6).
func (s *site) script(ctx context.Context, r *route, _ *demoschool.School) ([]row, error) {
	bytes := row{goal: "P6", what: "first sync against a script (awk, gzip, openssl, curl): bytes sent", limit: 1.25}
	cpu := row{goal: "P6", what: "first sync against a script: CPU", limit: 0.6}
	for _, program := range []string{"sh", "awk", "gzip", "openssl", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			bytes.note, cpu.note = program+" is missing", program+" is missing"
			return []row{bytes, cpu}, nil
		}
	}
	s.say("first sync against a script, %d pairs", s.pairs())
	bare, err := s.newBare(ctx, s.place)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(s.dir, "script.out")
	for range s.pairs() {
		took, err := measure(ctx, "sh", nil, "-c", exportScript, "export", r.folder, out, bare.url)
		if err != nil {
			return nil, err
		}
		posted, err := os.Stat(out)
		if err != nil {
			return nil, err
		}
		id, a, err := s.enrolAgent(ctx, r.source)
		if err != nil {
			return nil, err
		}
		first, err := s.sync(ctx, id, a)
		if err != nil {
			return nil, err
		}
		bytes.values = append(bytes.values, float64(first.envelope)/float64(posted.Size()))
		cpu.values = append(cpu.values, float64(first.CPU)/float64(took.CPU))
		bytes.note = fmt.Sprintf("%d against %d bytes", first.envelope, posted.Size())
		cpu.note = fmt.Sprintf("%.0f against %.0f ms", millis(first.CPU), millis(took.CPU))
	}
	return []row{bytes, cpu}, nil
}

// memory measures the agent as it is installed, a supervisor and its worker,
// between syncs, and a first sync at its peak (P7).
func (s *site) memory(ctx context.Context, r *route, _ *demoschool.School) (rows []row, err error) {
	rest := time.Duration(s.pick(20, 150)) * time.Second
	s.say("the agent's service between syncs, for %s", rest)
	id, a, err := s.enrolAgent(ctx, r.source)
	if err != nil {
		return nil, err
	}
	if _, err := s.sync(ctx, id, a); err != nil {
		return nil, err
	}
	p, err := a.Supervise(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	// What is at rest is a worker that has read the whole school, not a fresh one.
	if _, err := a.Command(ctx, "sync", "--full"); err != nil {
		return nil, err
	}
	children, err := childrenOf(p.PID())
	if err != nil {
		return nil, err
	}
	if len(children) != 1 {
		return nil, fmt.Errorf("the supervisor has %d workers, want 1", len(children))
	}
	before, err := treeCPU(p.PID())
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(rest):
	case <-p.Exited():
		return nil, fmt.Errorf("the agent's service ended by itself")
	}
	after, err := treeCPU(p.PID())
	if err != nil {
		return nil, err
	}
	idle, peak, err := residentMemory(children[0])
	if err != nil {
		return nil, err
	}
	supervisor, _, err := residentMemory(p.PID())
	if err != nil {
		return nil, err
	}
	mib := func(n int64) []float64 { return []float64{float64(n) / kib / kib} }
	return []row{
		{goal: "P7", what: "agent's service at rest: memory", values: mib(idle), unit: "MiB", limit: 25, note: fmt.Sprintf("peak so far %d MiB", peak>>20)},
		{goal: "P7", what: "supervisor at rest: memory", values: mib(supervisor), unit: "MiB", limit: 15},
		{goal: "P7", what: "supervisor and service at rest: CPU of a core", values: []float64{100 * (after - before).Seconds() / rest.Seconds()}, unit: "%", limit: 0.1,
			note: fmt.Sprintf("%.1f ms in %s", millis(after-before), rest)},
		{goal: "P7", what: "first sync: peak memory", values: mib(r.first.Peak), unit: "MiB", limit: 40},
	}, nil
}

// tenfold compares the peak memory of a sync without change in a school ten
// times as large (P9).
func (s *site) tenfold(ctx context.Context, r *route, _ *demoschool.School) ([]row, error) {
	result := row{goal: "P9", what: "ten times the school, nothing changed: peak memory", limit: 1.5}
	if s.quick {
		result.note = "only in the full run"
		return []row{result}, nil
	}
	s.say("a school of %d pupils", 10*schoolPupils)
	large, err := s.newRoute(r.name, newSchool(10*schoolPupils))
	if err != nil {
		return nil, err
	}
	id, a, err := s.enrolAgent(ctx, large.source)
	if err != nil {
		return nil, err
	}
	first, err := s.sync(ctx, id, a)
	if err != nil {
		return nil, err
	}
	for range 3 {
		same, err := s.sync(ctx, id, a)
		if err != nil {
			return nil, err
		}
		result.values = append(result.values, float64(same.Peak)/float64(r.same.Peak))
		result.note = fmt.Sprintf("%d against %d MiB; first sync %d MiB, %.1f s; no change %.1f s, envelope %d bytes",
			same.Peak>>20, r.same.Peak>>20, first.Peak>>20, first.Wall.Seconds(), same.Wall.Seconds(), same.envelope)
	}
	return []row{result}, nil
}

// size is that of the agent's program as it is shipped (P7).
func (b *bench) size(context.Context) ([]row, error) {
	rows := []row{}
	for _, p := range []struct {
		goal, name, file string
		limit            float64
	}{{"P7", "agent", b.release.Agent, 25}, {"", "collector", b.release.Collector, 0}} {
		f, err := os.Stat(p.file)
		if err != nil {
			return nil, fmt.Errorf("measure the program: %w", err)
		}
		rows = append(rows, row{goal: p.goal, what: "program of the " + p.name + ", stripped", values: []float64{float64(f.Size()) / kib / kib}, unit: "MiB", limit: p.limit})
	}
	return rows, nil
}
