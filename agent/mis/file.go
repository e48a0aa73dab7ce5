package mis

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// patience is how many times a file that is still being written is waited for.
const patience = 3

// A sourceFile is one file of the MIS while it is read.
type sourceFile struct {
	d      record.Dataset
	shown  string // the name for messages
	before os.FileInfo
	f      *os.File
	read   int64
}

// open waits until the file is left alone, then opens it. shown stands for the
// file in messages.
func (r *reading) open(ctx context.Context, d record.Dataset, name, shown string) (*sourceFile, error) {
	path := filepath.Join(r.plan.dir, name)
	if err := r.settled(ctx, d, path, shown); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, openFault(d, shown, err)
	}
	before, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, openFault(d, shown, err)
	}
	if before.Size() == 0 {
		f.Close()
		return nil, fault(d, "%s is empty: the export failed or is not finished; run it again", shown)
	}
	return &sourceFile{d: d, shown: shown, before: before, f: f}, nil
}

// settled returns once nobody has written to the file for as long as the site
// says. An age is not trusted alone, since a file server's clock may differ:
// a file that looks too new is watched for that long instead.
func (r *reading) settled(ctx context.Context, d record.Dataset, path, shown string) error {
	for try := 0; ; try++ {
		info, err := os.Stat(path)
		if err != nil {
			return openFault(d, shown, err)
		}
		if !info.Mode().IsRegular() {
			return fault(d, "%s is not a file but a folder or a device: check the name of the file in the school's MIS settings", shown)
		}
		age := clock.Now().Sub(info.ModTime())
		if r.plan.settle == 0 || age >= r.plan.settle {
			return nil
		}
		if try == patience {
			return fault(d, "%s is still being written: the sync is tried again later; if this stays so, have the export finish before the sync, or raise settle_seconds", shown)
		}
		timer := time.NewTimer(r.plan.settle)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		after, err := os.Stat(path)
		if err != nil {
			return openFault(d, shown, err)
		}
		if same(info, after) {
			return nil
		}
	}
}

func same(a, b os.FileInfo) bool { return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) }

// openFault says why a file cannot be had, without the words of the system,
// which name whole paths.
func openFault(d record.Dataset, shown string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text := "%s is missing from the folder of the MIS's files: check that the export ran, and the folder and file name in the school's MIS settings"
		if d != record.DatasetPupil {
			text += "; if this school has no such export, set mis.datasets." + string(d) + ".drop to true"
		}
		return fault(d, text, shown)
	case errors.Is(err, fs.ErrPermission):
		return &Error{Problem: protocol.ProblemRightMissing, Dataset: d,
			Text: shown + " may not be read: give the account of the agent the right to read it and its folder"}
	}
	return &Error{Problem: protocol.ProblemMISDown, Dataset: d,
		Text: shown + " cannot be opened: check that the disk or the share is there and that no program keeps the file locked"}
}

// Read counts what the disk gives.
func (s *sourceFile) Read(p []byte) (int, error) {
	n, err := s.f.Read(p)
	s.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, &Error{Problem: protocol.ProblemMISDown, Dataset: s.d,
			Text: s.shown + " cannot be read to its end: check the disk or the share that it is on"}
	}
	return n, err
}

// unchanged says that what was read is one state of the file.
func (s *sourceFile) unchanged() error {
	after, err := s.f.Stat()
	if err != nil {
		return openFault(s.d, s.shown, err)
	}
	if !same(s.before, after) || s.read != s.before.Size() {
		return fault(s.d, "%s was written to while it was read: the sync is tried again later; have the export finish before the sync", s.shown)
	}
	return nil
}

func (s *sourceFile) close() { s.f.Close() } // opened to read: nothing can be lost

// Faults of a text, told apart by who reads it.
var (
	errNUL  = errors.New("NUL byte")
	errUTF8 = errors.New("not UTF-8")
	errLong = errors.New("row too long")
)

// A guard passes text on and stops at what can be no text. It bounds what the
// parser behind it may gather for one row: without it a quote that is never
// closed would take the whole file into memory.
type guard struct {
	in    io.Reader
	limit int
	since int // bytes since the last whole row
	last  byte
	tail  []byte // the beginning of a character whose rest has not come
	// bytesOnly leaves the judgement of characters to the parser.
	bytesOnly bool
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	b := p[:n]
	if n > 0 {
		g.last = b[n-1]
	}
	if g.since += n; g.since > g.limit {
		return 0, errLong
	}
	if g.bytesOnly {
		return n, err
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return 0, errNUL
	}
	if !g.utf8(b) || errors.Is(err, io.EOF) && len(g.tail) > 0 {
		return 0, errUTF8
	}
	return n, err
}

func (g *guard) utf8(b []byte) bool {
	for len(g.tail) > 0 && len(b) > 0 {
		g.tail = append(g.tail, b[0])
		b = b[1:]
		if utf8.FullRune(g.tail) {
			if !utf8.Valid(g.tail) {
				return false
			}
			g.tail = g.tail[:0]
		}
	}
	end := len(b)
	for back := 1; back <= min(utf8.UTFMax-1, len(b)); back++ {
		if at := len(b) - back; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				end = at
			}
			break
		}
	}
	g.tail = append(g.tail, b[end:]...)
	return utf8.Valid(b[:end])
}
