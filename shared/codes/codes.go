// Package codes knows the identifiers and code sets of English and Welsh school data: the unique pupil number (UPN), the
// unique learner number (ULN), local authorities with their successors, attendance marks, contact relationships, care status,
// special educational needs, suspensions, assessments and the small pupil code sets.
//
// The lists are data, not code: the CSV files in data/ (sources and dates in data/README.md) are embedded in the program, and
// [Version] names exactly which lists a program was built with.
//
// It guarantees:
//   - No error text, log value or formatted output of this package holds a UPN or a ULN. A [UPN] prints as "[upn]"; the
//     number itself comes only from [UPN.Reveal] and from encoding it.
//   - What is returned is the caller's own: changing it changes nothing here. Everything may be used concurrently.
//   - Every error says what was wrong and what to do, and its kind is one of a closed list.
//
// It never decides what happens to a record. An unknown code is reported by a false ok, and the caller keeps the raw value
// and warns: no list here is complete enough to drop a record for.
//
// Start reading at [ParseUPN], [ResolveAuthority] and [LookupMark].
package codes

import (
	"embed"
	"fmt"
	"io/fs"
	"sync"
)

//go:embed data/*.csv
var embedded embed.FS

// version is the date of the newest list in data/, then the first twelve hexadecimal digits of the SHA-256 over the
// embedded files. TestVersionNamesTheEmbeddedFiles fails when a file changes and this does not.
const version = "2026-07+85e9c9a5ab23"

// Version names the lists in this program, such as "2026-07+0123456789ab": the month of the newest list and a digest of all of
// them. Equal versions are equal lists.
func Version() string { return version }

// tables are all lists, read once and never changed afterwards.
type tables struct {
	authorities map[string]Authority
	marks       map[markKey][]Mark
	entries     map[entryKey]Entry
}

// data reads the embedded lists on first use. They are part of the program and a test reads every row, so a failure here
// is a broken build, not bad input.
var data = sync.OnceValue(func() *tables {
	t, err := load(embedded)
	if err != nil {
		panic(fmt.Sprintf("codes: the embedded lists are damaged: %v", err))
	}
	return t
})

func load(files fs.FS) (*tables, error) {
	authorities, err := loadAuthorities(files)
	if err != nil {
		return nil, err
	}
	marks, err := loadMarks(files)
	if err != nil {
		return nil, err
	}
	entries, err := loadEntries(files)
	if err != nil {
		return nil, err
	}
	return &tables{authorities: authorities, marks: marks, entries: entries}, nil
}
