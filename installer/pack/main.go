package main

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, epoch string) error {
	if len(args) == 0 {
		return errors.New("say what to make: tar, sums or release")
	}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	out := f.String("o", "", "the `file` to make")
	top := f.String("top", "", "the `name` of the directory in a tarball")
	goos := f.String("os", "", "the system that the program is for")
	arch := f.String("arch", "", "the processor that the program is for")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "tar":
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH must be the seconds of a time, and is %q", epoch)
		}
		return tarball(*out, *top, f.Args(), time.Unix(seconds, 0).UTC())
	case "sums":
		return sums(f.Arg(0))
	case "release":
		return release(in, *out, *goos, *arch)
	}
	return fmt.Errorf("%q is not known: tar, sums or release", args[0])
}

// tarball writes files below one directory; a file is executable in it if it is.
func tarball(out, top string, files []string, at time.Time) error {
	type entry struct{ name, path string }
	entries := make([]entry, 0, len(files))
	for _, f := range files {
		p, name, named := strings.Cut(f, "=")
		if !named {
			name = filepath.Base(p)
		}
		entries = append(entries, entry{path.Join(top, name), p})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return write(out, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.DefaultCompression)
		if err != nil {
			return err
		}
		t := tar.NewWriter(z)
		for _, e := range entries {
			if err := add(t, e.name, e.path, at); err != nil {
				return err
			}
		}
		return errors.Join(t.Close(), z.Close())
	})
}

func add(t *tar.Writer, name, from string, at time.Time) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	const plain, executable = 0o644, 0o755
	mode := int64(plain)
	if info.Mode()&0o100 != 0 {
		mode = executable
	}
	if err := t.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: mode, ModTime: at,
		Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
	}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// sumsName is the list itself, which is not in it.
const sumsName = "SHA256SUMS"

func sums(dir string) error {
	var lines []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || p == filepath.Join(dir, sumsName) {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", h.Sum(nil), filepath.ToSlash(name)))
		return nil
	})
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return fmt.Errorf("there is nothing in %s", dir)
	}
	return write(filepath.Join(dir, sumsName), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(lines, ""))
		return err
	})
}

// lowestBuild is the build of the oldest Windows that Go's programs run on: Windows 10
// and Server 2016 (version 1607).
const lowestBuild = 14393

// release is what the program says of itself, which one of another platform cannot say
// here, and what it is for. Numbers stay as they were written.
func release(in io.Reader, out, goos, arch string) error {
	if goos == "" || arch == "" {
		return errors.New("-os and -arch must say what the program is for")
	}
	said := map[string]json.RawMessage{}
	if err := json.NewDecoder(in).Decode(&said); err != nil {
		return fmt.Errorf("read what `version --json` says: %w", err)
	}
	for _, key := range []string{"version", "state_schema", "data_scope"} {
		if len(said[key]) == 0 {
			return fmt.Errorf("`version --json` does not say %s", key)
		}
	}
	said["os"], said["arch"] = json.RawMessage(strconv.Quote(goos)), json.RawMessage(strconv.Quote(arch))
	delete(said, "min_os_build")
	if goos == "windows" {
		said["min_os_build"] = json.RawMessage(strconv.Itoa(lowestBuild))
	}
	text, err := json.MarshalIndent(said, "", "  ")
	if err != nil {
		return err
	}
	return write(out, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// write makes a file whole or not at all.
func write(out string, fill func(io.Writer) error) (err error) {
	if out == "" {
		return errors.New("-o must name the file to make")
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".pack-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	const readable = 0o644
	if err = errors.Join(fill(f), f.Chmod(readable), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), out)
}
