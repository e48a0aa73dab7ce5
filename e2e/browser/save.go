package browser

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Save reaches the link or button of a name, presses Enter, and returns the file that is
// saved.
func (t *Tab) Save(name string) []byte {
	t.Helper()
	dir, events := t.TempDir(), true
	t.do(chromedp.Func(func(ctx context.Context, c *chromedp.Target) error {
		r, err := cdp.Call(ctx, c, target.GetTargetInfo, target.GetTargetInfoParams{})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, c, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, BrowserContextID: r.TargetInfo.BrowserContextID, DownloadPath: dir, EventsEnabled: &events,
		})
		return err
	}))
	t.Reach(name)
	t.Press(kb.Enter)
	select {
	case e := <-t.saved:
		if e.State != browser.DownloadProgressStateCompleted {
			t.Fatalf("%s: what %q saves is broken off", t.Path(), name)
		}
		content, err := os.ReadFile(filepath.Join(dir, e.GUID))
		if err != nil {
			t.Fatal(err)
		}
		return content
	case <-time.After(patience):
		t.Fatalf("%s: %q saves nothing\n%s", t.Path(), name, t.Text())
	}
	return nil
}
