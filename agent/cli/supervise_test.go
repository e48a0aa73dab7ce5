package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollbridge/agent/settings"
)

// How a worker is started is a contract with every later version: an old
// supervisor starts a new agent in just this way.
func TestHowAWorkerIsStarted(t *testing.T) {
	abs := func(path string) string {
		full, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return full
	}
	for _, c := range []struct {
		given   settings.Given
		schools string
		want    []string
	}{
		{want: []string{"run", "--until-stdin-closes"}},
		{given: settings.Given{DataDir: "d"}, want: []string{"run", "--until-stdin-closes", "--data-dir", abs("d")}},
		{given: settings.Given{DataDir: "d", File: "f.yaml"}, want: []string{"run", "--until-stdin-closes", "--config", abs("f.yaml"), "--data-dir", abs("d")}},
		{schools: "all", want: []string{"run", "--until-stdin-closes", "--schools", abs("all")}},
	} {
		p := &program{given: c.given}
		if got, err := p.workerArguments(c.schools); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	p := &program{given: settings.Given{DataDir: "d"}}
	if _, err := p.workerArguments("all"); err == nil {
		t.Error("one school and many were taken together")
	}
}

// A worker is alive while everything that is asked answers well: what says no,
// and what does not answer at all, keeps it silent.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		said, felt := &voice{out: &out}, &pulse{}
		ctx, cancel := context.WithCancel(t.Context())
		go felt.beat(ctx, said)
		beats := func() int {
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			said.mu.Lock()
			defer said.mu.Unlock()
			n := strings.Count(out.String(), "alive\n")
			out.Reset()
			return n
		}
		if n := beats(); n != 11 {
			t.Errorf("it said %d times within five minutes that it is alive", n)
		}
		well := true
		forget := felt.feel(func() bool { return well })
		if n := beats(); n != 10 {
			t.Errorf("it said so %d times", n)
		}
		well = false
		if n := beats(); n != 0 {
			t.Errorf("it said so %d times although something is not well", n)
		}
		forget()
		if n := beats(); n != 10 {
			t.Errorf("it said so %d times after that was over", n)
		}
		stuck := make(chan struct{})
		felt.feel(func() bool { <-stuck; return true })
		if n := beats(); n != 0 {
			t.Errorf("it said so %d times although something hangs", n)
		}
		close(stuck)
		cancel()
	})
}

// Lines of several speakers stay whole; a worker that nobody supervises prints
// none.
func TestVoice(t *testing.T) {
	var out bytes.Buffer
	v := &voice{out: &out}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				v.say("alive")
			}
		})
	}
	all.Wait()
	if out.String() != strings.Repeat("alive\n", 800) {
		t.Error("lines were mixed up")
	}
	(&voice{}).say("alive")
}
