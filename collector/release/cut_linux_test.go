package release_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollbridge/collector/release"
	"rollbridge/e2e/fault"
	signed "rollbridge/shared/release"
)

// publishVariable makes this program publish the repository that it names, or promote
// a version there, and end.
const (
	publishVariable = "RELEASE_TEST_PUBLISH"
	keyVariable     = "RELEASE_TEST_KEY"
)

func init() {
	dir, act, is := strings.Cut(os.Getenv(publishVariable), "=")
	if !is {
		return
	}
	r := release.At(dir)
	var err error
	switch act {
	case "publish":
		_, err = r.Publish(context.Background(), now.Add(time.Hour), release.Online{})
	case "sign":
		var s release.Signer
		if s, err = release.OpenKey(os.Getenv(keyVariable), []byte(passphrase)); err == nil {
			_, err = release.Sign(context.Background(), r.Draft(), s, "")
		}
	default:
		err = r.Promote(context.Background(), now.Add(time.Hour), release.Online{}, act, signed.Early, 100, "")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A scene is a repository before an act that is cut off.
type scene struct {
	act string
	// prepare leaves a repository; it returns the root that old clients trust.
	prepare func(t *testing.T) *rig
	// new says whether a client sees what is new.
	new func(c *client) bool
	// fresh: there is no repository before.
	fresh bool
}

func scenes() map[string]scene {
	next := linux.with(func(p *program) { p.version = "1.2.0" })
	sees := func(c *client) bool { return c.versions()["1.2.0"] }
	// rotate replaces keys and adds a release under the new ones.
	rotate := func(t *testing.T, change release.RootChange, signers ...int) *rig {
		r := begun(t)
		r.released(linux, release.Request{})
		r.must(r.ChangeRoot(r.now, change))
		r.must(r.Add(r.now, r.inspect(r.built(next), release.Request{})))
		r.sign(signers...)
		return r
	}
	list, _ := opened()
	return map[string]scene{
		"the first": {act: "publish", fresh: true, new: func(c *client) bool { return len(c.versions()) == 0 }, prepare: func(t *testing.T) *rig {
			r := newRig(t)
			r.sign(0, 1)
			return r
		}},
		"a release": {act: "publish", new: sees, prepare: func(t *testing.T) *rig {
			r := begun(t)
			r.released(linux, release.Request{})
			r.must(r.Add(r.now, r.inspect(r.built(next), release.Request{})))
			r.sign(0, 2)
			return r
		}},
		"a promotion": {act: "1.1.0", new: func(c *client) bool { return c.rollout().Admits("1.1.0", signed.Early, "x") }, prepare: func(t *testing.T) *rig {
			r := begun(t)
			r.released(linux, release.Request{})
			return r
		}},
		"one person and the server's keys": {act: "publish", new: sees, prepare: func(t *testing.T) *rig {
			return rotate(t, release.RootChange{
				AddRoot: []release.Public{list[3].Who()}, AddTargets: []release.Public{list[3].Who()},
				DropRoot: []string{"person-1"}, DropTargets: []string{"person-1"}, NewOnline: true,
			}, 1, 2)
		}},
	}
}

// A publication that is cut off anywhere leaves the old repository or the new one for
// old clients and new ones, and doing it again finishes it. So does a full disk.
func TestCutOff(t *testing.T) {
	t.Parallel()
	for name, s := range scenes() {
		for _, fail := range []syscall.Errno{0, syscall.ENOSPC} {
			if fail != 0 && name != "a release" {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", name, fail), func(t *testing.T) {
				t.Parallel()
				base := s.prepare(t)
				root := base.root()
				if !s.fresh && s.new(base.client(root)) {
					t.Fatal("it is new before the act")
				}
				news := 0
				for at := 1; ; at++ {
					r := base.copied(t)
					var old *client
					if !s.fresh {
						old = r.client(root)
						old.versions()
					}
					cut := fault.Cut{Below: r.Dir(), At: at, Fail: fail, Counts: func(a fault.Act) bool { return a.Name != "fsync" && a.Name != "chmod" }}
					if err := cut.Start(filepath.Join(t.TempDir(), "log"), []string{publishVariable + "=" + r.Dir() + "=" + s.act}, os.Args[0]); err != nil {
						t.Fatal(err)
					}
					<-cut.Exited()
					if err := cut.Err(); err != nil {
						t.Fatal(err)
					}
					r.now = r.now.Add(time.Hour)
					where := fmt.Sprintf("act %d of %v", at, cut.Acts()[max(0, len(cut.Acts())-1):])
					if !cut.Fell() {
						if cut.Code() != 0 || !s.new(r.client(firstOf(r))) {
							t.Fatalf("%s: not cut off, and it ends with %d", where, cut.Code())
						}
						if at < 8 || news == at {
							t.Errorf("only %d acts, and after %d it was new", at, news)
						}
						return
					}
					if !s.fresh {
						was, is := s.new(old), s.new(r.client(root))
						if was != is {
							t.Fatalf("%s: old clients see the new one: %t, new clients: %t", where, was, is)
						}
						if is {
							news++
						}
					}
					r.again(s)
					if !s.new(r.client(firstOf(r))) || old != nil && !s.new(old) {
						t.Fatalf("%s: done again, and it is not new", where)
					}
					if left, _ := os.ReadDir(filepath.Join(r.Dir(), "draft")); len(left) > 0 {
						t.Fatalf("%s: the draft is still there: %v", where, left)
					}
				}
			})
		}
	}
}

// copied is a copy of the repository to break.
func (r *rig) copied(t *testing.T) *rig {
	t.Helper()
	c := *r
	c.T, c.Repository = t, release.At(filepath.Join(t.TempDir(), "releases"))
	c.must(os.CopyFS(c.Dir(), os.DirFS(r.Dir())))
	paths, err := filepath.Glob(filepath.Join(c.Dir(), "keys", "*.key"))
	c.must(err)
	for _, path := range paths {
		c.must(os.Chmod(path, 0o600))
	}
	return &c
}

// again does what was cut off. Where it was finished but for the note, there is
// nothing left to publish.
func (r *rig) again(s scene) {
	r.Helper()
	if s.act != "publish" {
		r.must(r.Promote(r.Context(), r.now, r.online, s.act, signed.Early, 100, ""))
		return
	}
	if _, err := os.Stat(r.Draft()); err == nil {
		r.publish()
	}
}

// A draft is signed on media that know no rights, as most that people carry.
func TestSignOnAMediumWithoutRights(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	paths, err := people()
	r.must(err)
	for i := range 2 {
		cut := fault.Cut{Below: r.Dir(), At: 1, Fail: syscall.EPERM, Counts: func(a fault.Act) bool { return a.Name == "chmod" }}
		log := filepath.Join(t.TempDir(), "log")
		r.must(cut.Start(log, []string{publishVariable + "=" + r.Dir() + "=sign", keyVariable + "=" + paths[i]}, os.Args[0]))
		<-cut.Exited()
		if text, _ := os.ReadFile(log); cut.Code() != 0 || !cut.Fell() || cut.Err() != nil {
			t.Fatalf("code %d, %v: %s", cut.Code(), cut.Acts(), text)
		}
	}
	r.publish()
}
