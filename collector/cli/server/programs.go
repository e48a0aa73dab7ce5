package server

import (
	"context"
	"strings"

	"rollbridge/collector/release"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	signed "rollbridge/shared/release"
)

// Programs are what the agents run by their check-ins.
func Programs(ctx context.Context, st *store.Store) (list []release.Program, err error) {
	found, err := st.Programs(ctx)
	for _, f := range found {
		list = append(list, programOf(f))
	}
	return list, err
}

func programOf(f store.Program) release.Program {
	out := release.Program{School: f.School, Version: number(f.Version), Heard: f.Heard, Ring: signed.General, Off: true}
	u := f.Update
	if u == nil {
		return out
	}
	out.Off, out.Metadata = u.Off != "", u.Metadata
	if signed.Ring(u.Ring) == signed.Early {
		out.Ring = signed.Early
	}
	for _, s := range u.Skipped[:min(len(u.Skipped), protocol.MaxUpdateSkips)] {
		out.Skipped = append(out.Skipped, release.Skip{Version: number(s.Version), Reason: word(s.Reason), Since: s.Since})
	}
	return out
}

// number keeps what is printed of a check-in to a version.
func number(s string) string {
	if signed.Valid(s) != nil {
		return "an unknown version"
	}
	return s
}

// word keeps what is printed of a check-in to a word of a closed list.
func word(s string) string {
	if len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_-") != "" {
		return "unknown reason"
	}
	return s
}
