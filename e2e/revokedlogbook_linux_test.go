package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
)

// TestRevokeDeletesTheLogbook has a school that wants no logbook left either: what
// cuts the deletion off anywhere, and whatever comes next, nobody has to say it
// twice.
func TestRevokeDeletesTheLogbook(t *testing.T) {
	t.Parallel()
	needStrace(t)
	r := newRevoking(t)
	kills := 0
	for n := 1; ; n++ {
		a := r.copied(fmt.Sprintf("killed-%d", n))
		out, err := stack.Run(r.ctx, "strace", "", append(a.Env(), "GOMAXPROCS=1"), "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat",
			"-e", fmt.Sprintf("inject=unlinkat:signal=SIGKILL:when=%d", n), a.Programs.Agent, "revoke", "--yes", "--delete-logbook")
		r.must(err)
		if out.Code == 0 {
			r.remain(a, "revoke.json", "revoked")
			break
		}
		kills++
		_, err = a.Command(r.ctx, "revoke", "--yes")
		r.must(err)
		r.remain(a, "revoke.json", "revoked")
		if t.Failed() {
			t.Fatalf("killed at deletion %d", n)
		}
	}
	if kills < 5 {
		t.Errorf("the revoke was ended only %d times", kills)
	}
}

// TestLogbookOfARevokeThatIsUnderWay says it to a service that waits for a
// collector which does not answer: it is neither ended for that nor is the wish
// forgotten.
func TestLogbookOfARevokeThatIsUnderWay(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	a := r.copied("under-way")
	_, err := a.Command(r.ctx, "revoke", "--yes")
	r.must(err)
	r.sent()
	r.line(fault.Hang)
	p, err := a.Start(r.ctx)
	r.must(err)
	r.must(stack.Await(r.ctx, "the service to tell the collector", func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.Contains(r.seen, protocol.MessageRevoke), nil
	}))
	out, err := a.Try(r.ctx, "revoke", "--yes", "--delete-logbook")
	r.must(err)
	if out.Code != 3 || !strings.Contains(out.Stderr, "deletes the logbook afterwards") {
		t.Errorf("it ended with %d:\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	select {
	case <-p.Exited():
		t.Error("the service was ended for it")
	default:
	}
	r.must(a.Close())
	r.line(fault.CutRequest)
	r.serve2(a)
	r.must(stack.Await(r.ctx, "the service to delete the logbook", func() (bool, error) {
		_, err := os.Lstat(filepath.Join(a.Dir, "logbook.key"))
		return os.IsNotExist(err), nil
	}))
	r.must(a.Close()) // it writes down each attempt
	r.remain(a, "revoke.json", "revoked")
	r.line(fault.Pass)
	_, err = a.Command(r.ctx, "revoke", "--yes")
	r.must(err)
	r.remain(a, "revoke.json", "revoked")
}
