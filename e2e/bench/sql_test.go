package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// The yardstick reads every row of the pupils it is told of, once, and no
// other, also where their ids do not fit into one query.
func TestSelectRows(t *testing.T) {
	school := newSchool(600)
	mis, err := stack.NewMIS(t.Context(), t.TempDir(), school.TablesSQL, stack.MISOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mis.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &sqlMIS{MIS: mis}
	for name, want := range map[string]func(*demoschool.Pupil) bool{
		"looked after":  school.Provisioned,
		"all by id":     func(*demoschool.Pupil) bool { return true },
		"whole tables":  nil,
		"exactly 500":   firstPupils(500),
		"one too many":  firstPupils(501),
		"a single one":  firstPupils(1),
		"all but a few": firstPupils(599),
	} {
		file := filepath.Join(t.TempDir(), "selection.json")
		if err := d.describe(file, school, want); err != nil {
			t.Fatal(err)
		}
		rows := 0
		for p := range school.Pupils() {
			if want == nil || want(p) {
				rows++
				for range school.Contacts(p.ID) {
					rows++
				}
				for range school.Marks(p.ID) {
					rows++
				}
			}
		}
		program, err := itself()
		if err != nil {
			t.Fatal(err)
		}
		u, err := measure(t.Context(), program, nil, childSelect, file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := strings.TrimSpace(u.Stdout); got != strconv.Itoa(rows) {
			t.Errorf("%s: the yardstick read %s rows, want %d", name, got, rows)
		}
	}
}

func firstPupils(n int) func(*demoschool.Pupil) bool {
	chosen := map[string]bool{}
	return func(p *demoschool.Pupil) bool {
		if len(chosen) < n {
			chosen[p.ID] = true
		}
		return chosen[p.ID]
	}
}
