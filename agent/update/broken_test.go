package update

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/zoo"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// What the repository may do wrong is one sentence each, and the next check, when
// it is mended, works.
func TestBrokenRepositories(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(*rig)
		kind  protocol.UpdateProblem
		part  string
	}{
		{"one signature short", func(r *rig) { r.repository.Slip.Short = true; r.must(r.repository.Publish()) }, protocol.UpdateSignature, "not signed by enough"},
		{"signed by others", func(r *rig) { r.repository.Slip.Forged = true; r.must(r.repository.Publish()) }, protocol.UpdateSignature, "not signed by enough"},
		{"expired timestamp", func(r *rig) { r.repository.Slip.Expired = true; r.must(r.repository.Publish()) }, protocol.UpdateExpired, "past their time"},
		{"403 for everything", func(r *rig) { r.mirror.Feel(zoo.Closed) }, protocol.UpdateRefused, "HTTP 403"},
		{"500 for everything", func(r *rig) { r.mirror.Feel(zoo.Fails) }, protocol.UpdateUnreachable, "HTTP 500"},
		{"a block page", func(r *rig) { r.mirror.Feel(zoo.Blocks) }, protocol.UpdateNotMetadata, "a page of something else"},
		{"an empty directory", func(r *rig) { r.mirror.Serve(t.TempDir()) }, protocol.UpdateRefused, "no repository of updates"},
		{"nobody there", func(r *rig) { r.options.URL = "http://127.0.0.1:1/"; r.renew() }, protocol.UpdateUnreachable, "refused the connection"},
		{"metadata of another kind", func(r *rig) { r.swap("timestamp.json", "1.root.json") }, protocol.UpdateOther, "cannot be used"},
		{"JSON that is none", func(r *rig) { r.write("timestamp.json", "{") }, protocol.UpdateNotMetadata, ""},
		{"JSON of null", func(r *rig) { r.write("timestamp.json", `{"signatures":[],"signed":null}`) }, "", ""},
		{"a flipped bit", func(r *rig) { r.flip("timestamp.json") }, "", ""},
		{"too large", func(r *rig) { r.write("timestamp.json", "{"+strings.Repeat(" ", maxTimestamp)) }, protocol.UpdateTooLarge, "larger than"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			whole := filepath.Join(t.TempDir(), "whole")
			r.must(r.repository.Copy(whole))
			c.spoil(r)
			a, err := r.updater.Advance(t.Context(), "")
			f, ok := errors.AsType[*Fault](err)
			if !ok {
				t.Fatalf("the error is %v", err)
			}
			kind := c.kind
			if kind == "" {
				kind = f.Kind
			}
			r.isFault(a.Status, err, kind, c.part)
			if r.fetched() != 0 {
				t.Error("a program was fetched")
			}
			// Mended, by whatever came of it.
			r.mirror.Feel(zoo.Fine)
			r.mirror.Serve(whole)
			r.options.URL = r.mirror.URL
			r.renew()
			r.brings("1.1.0")
			if st := r.updater.Status(); st.Problem != nil {
				t.Errorf("the problem is still there: %+v", st.Problem)
			}
		})
	}
}

func (r *rig) write(name, text string) {
	r.must(os.WriteFile(filepath.Join(r.repository.Dir, name), []byte(text), 0o644))
}

func (r *rig) swap(name, other string) {
	data, err := os.ReadFile(filepath.Join(r.repository.Dir, other))
	r.must(err)
	r.write(name, string(data))
}

func (r *rig) flip(name string) {
	data, err := os.ReadFile(filepath.Join(r.repository.Dir, name))
	r.must(err)
	at := bytes.Index(data, []byte(`"sig"`)) + 10
	data[at] = map[bool]byte{true: '1', false: '0'}[data[at] == '0']
	r.write(name, string(data))
}

// Stores of objects answer 403 for what is not there: that is the end of the
// roots, and nothing else.
func TestForbiddenMeansMissing(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.mirror.Feel(zoo.Forbids)
	r.brings("1.1.0")
}

// A program that comes broken is tried three times, then a day later, also after a
// restart, and a person may try again at once.
func TestBrokenPrograms(t *testing.T) {
	cases := []struct {
		name string
		mood zoo.Mood
		kind protocol.UpdateProblem
		part string
	}{
		{"truncated", zoo.Truncates, protocol.UpdateAltered, "not whole"},
		{"a flipped bit", zoo.Flips, protocol.UpdateAltered, "not the program that was signed"},
		{"cut off", zoo.CutsOff, protocol.UpdateUnreachable, "broke"},
		{"stalled", zoo.Holds, protocol.UpdateTooSlow, "in time"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			r.mirror.Feel(c.mood)
			if c.mood == zoo.Holds {
				r.options.Limits.Stall = time.Second
				r.renew()
			}
			for range 3 {
				r.fails(c.kind, c.part)
				r.later(time.Hour)
			}
			for range 5 {
				r.renew()
				r.fails(c.kind, "in 3 tries", c.part, "tried again on")
			}
			if n := r.fetched(); n != 3 {
				t.Fatalf("it was fetched %d times", n)
			}
			_, err := r.updater.Advance(t.Context(), AskedNewest)
			if n := r.fetched(); err == nil || n != 4 {
				t.Errorf("a person asked: %v, fetched %d times", err, n)
			}
			r.later(25 * time.Hour)
			r.fails(c.kind, c.part)
			if n := r.fetched(); n != 5 {
				t.Errorf("after a day it was fetched %d times in all", n)
			}
			r.mirror.Feel(zoo.Fine)
			// Another version is not held back by this one.
			r.publish("1.1.1")
			r.brings("1.1.1")
		})
	}
}

// The clock of the school decides about days, not for ever.
func TestBrokenProgramAndClocks(t *testing.T) {
	for _, shift := range []time.Duration{-365 * 24 * time.Hour, -24 * time.Hour, 48 * time.Hour} {
		r := newRig(t)
		r.publish("1.1.0", func(d *release.Release) { d.Published = d.Published.AddDate(-2, 0, 0) })
		r.mirror.Feel(zoo.Flips)
		for range 3 {
			r.fails(protocol.UpdateAltered)
		}
		r.later(shift)
		r.mirror.Feel(zoo.Fine)
		r.brings("1.1.0")
	}
}

// A clock that is wrong stops updates at most, and is named.
func TestWrongClocks(t *testing.T) {
	for _, c := range []struct {
		shift time.Duration
		kind  protocol.UpdateProblem
		part  string
	}{
		{24 * time.Hour, "", ""}, {-24 * time.Hour, "", ""}, {-365 * 24 * time.Hour, "", ""},
		{365 * 24 * time.Hour, protocol.UpdateClock, "set the clock of this computer right"},
	} {
		r := newRig(t)
		r.publish("1.1.0", func(d *release.Release) { d.Published = d.Published.AddDate(-2, 0, 0) })
		r.later(c.shift)
		if c.kind == "" {
			if st, err := r.updater.Check(t.Context(), ""); err != nil || st.Offered == nil {
				t.Errorf("%s: %+v, %v", c.shift, st, err)
			}
			continue
		}
		r.fails(c.kind, c.part)
		r.later(-c.shift)
		if st, err := r.updater.Check(t.Context(), ""); err != nil || st.Offered == nil {
			t.Errorf("the clock is right again: %+v, %v", st, err)
		}
	}
}
