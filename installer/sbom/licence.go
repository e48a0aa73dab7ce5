package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	modules "golang.org/x/mod/module"
)

// licenceOf names the licence of a module by its files in the module cache; "" is not
// known. Where there are several texts, all of them count.
func licenceOf(m *debug.Module, cache string) (string, error) {
	if cache == "" {
		return "", nil
	}
	name, err := modules.EscapePath(m.Path)
	if err != nil {
		return "", err
	}
	version, err := modules.EscapeVersion(m.Version)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, filepath.FromSlash(name)+"@"+version)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		base := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(base, "LICENSE") && !strings.HasPrefix(base, "LICENCE") && !strings.HasPrefix(base, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		ids := namesOf(string(text))
		if len(ids) == 0 {
			return "", nil // one text that is not known leaves the whole unknown
		}
		found = append(found, ids...)
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), " AND "), nil
}

// namesOf knows licences by sentences that only they have; nil is not known. A file
// that holds several is under all of them: different parts of a module may differ.
func namesOf(text string) (found []string) {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(sentences ...string) bool {
		return !slices.ContainsFunc(sentences, func(s string) bool { return !strings.Contains(text, s) })
	}
	if has("apache license", "version 2.0, january 2004", "grant of patent license") || has("licensed under the apache license, version 2.0") {
		found = append(found, "Apache-2.0")
	}
	if has("mozilla public license", "version 2.0", "covered software") {
		found = append(found, "MPL-2.0")
	}
	if has("permission is hereby granted, free of charge, to any person obtaining a copy", "the above copyright notice and this permission notice") {
		found = append(found, "MIT")
	}
	if has("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee") ||
		has("permission to use, copy, modify, and distribute this software for any purpose with or without fee") {
		found = append(found, "ISC")
	}
	if has("altered source versions must be plainly marked as such", "this notice may not be removed or altered from any source distribution") {
		found = append(found, "Zlib")
	}
	if has("redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met") {
		if has("neither the name") || has("used to endorse or promote products") {
			found = append(found, "BSD-3-Clause")
		} else {
			found = append(found, "BSD-2-Clause")
		}
	}
	return found
}
