package mis

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rollbridge/shared/record"
)

// A common transfer file that is cut anywhere is never taken for whole, and one
// with a flipped bit is a fault or another file: never a panic, and no error
// quotes it.
func TestDamagedCTF(t *testing.T) {
	good := ctfText("2026-11-16T09:45:00", ctfBen)
	dir := school{ctfOne: good}.write(t)
	s, err := Open(ctfProfile(t), site(dir))
	if err != nil {
		t.Fatal(err)
	}
	read := func(text []byte) error {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, ctfOne), text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readDatasets(t, s, record.Datasets(), everybody)
		fitForEyes(t, err)
		return err
	}
	if err := read([]byte(good)); err != nil {
		t.Fatal(err)
	}
	// What follows the last element says nothing.
	for n := range len(good) - len("\n") {
		if read([]byte(good[:n])) == nil {
			t.Fatalf("the first %d bytes were read as if they were all", n)
		}
	}
	for i := range len(good) {
		flipped := []byte(good)
		flipped[i] ^= 1 << (i % 8)
		_ = read(flipped) // a value may have become another
	}
}

// The same of a report that is printed.
func TestDamagedReports(t *testing.T) {
	p := reportProfile(t)
	for i := range len(pupilReport) {
		flipped := []byte(pupilReport)
		flipped[i] ^= 1 << (i % 8)
		texts := wholeReports()
		texts[record.DatasetPupil] = string(flipped)
		_, err := texts.read(t, p, Site{})
		fitForEyes(t, err)
	}
}

// fitForEyes says whether an error is one that a person may be shown.
func fitForEyes(t *testing.T, err error) {
	t.Helper()
	noCanary(t, err)
	var ours *Error
	if err != nil && !errors.As(err, &ours) {
		t.Fatalf("%T: %v", err, err)
	}
}
