package server

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestApplyGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRush()
		r.few = 1
		s := &http.Server{}
		r.watch(s)
		var a, b net.Conn = &net.TCPConn{}, &net.UnixConn{}
		waits := func() time.Duration {
			begin := time.Now()
			r.wait(t.Context())
			return time.Since(begin)
		}
		for _, step := range []struct {
			conn  net.Conn
			state http.ConnState
			want  time.Duration
		}{
			{a, http.StateNew, 0},
			{a, http.StateActive, 0},
			{b, http.StateNew, giveWay},
			{a, http.StateIdle, 0},
			{a, http.StateActive, giveWay},
			{b, http.StateClosed, 0},
		} {
			s.ConnState(step.conn, step.state)
			if got := waits(); got != step.want {
				t.Errorf("after %s apply waits %s, want %s", step.state, got, step.want)
			}
		}
		s.ConnState(b, http.StateNew)
		go func() {
			time.Sleep(giveWay / 5)
			s.ConnState(b, http.StateClosed)
		}()
		if got := waits(); got != giveWay/5 {
			t.Errorf("apply waits %s for a rush that ended after %s", got, giveWay/5)
		}
	})
}
