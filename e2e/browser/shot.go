package browser

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Shot writes a picture of the whole page, in the width of the window, as name.png.
func (t *Tab) Shot(dir, name string) { t.Helper(); t.shot(dir, name, true) }

// Screen writes a picture of what is seen without scrolling, as name.png.
func (t *Tab) Screen(dir, name string) { t.Helper(); t.shot(dir, name, false) }

func (t *Tab) shot(dir, name string, beyond bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, func(ctx context.Context, c *chromedp.Target) ([]byte, error) {
		r, err := cdp.Call(ctx, c, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &beyond})
		return r.Data, err
	})
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	t.write(dir, name+".png", png)
}

// Paper is the page as it is printed on A4.
func (t *Tab) Paper() []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPrintBackground()))
	if err != nil {
		t.Fatalf("print: %v", err)
	}
	return pdf
}

var pdfPage = regexp.MustCompile(`/Type\s*/Page[^s]`)

// Sides is how many sides of A4 the page is.
func (t *Tab) Sides() int {
	t.Helper()
	return len(pdfPage.FindAll(bytes.TrimSpace(t.Paper()), -1))
}

// PaperShot writes a picture of the page as paper shows it, as name-print.png.
func (t *Tab) PaperShot(dir, name string) {
	t.Helper()
	t.media("print")
	t.Size(794, 1123) // A4 at 96 dots an inch
	t.Shot(dir, name)
	t.media("")
}

func (t *Tab) media(kind string) {
	t.Helper()
	t.do(chromedp.Func(func(ctx context.Context, c *chromedp.Target) error {
		_, err := cdp.Call(ctx, c, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind})
		return err
	}))
}

func (t *Tab) write(dir, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
