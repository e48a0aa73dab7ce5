package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// suggest completes "unknown key ...;" with the nearest known key, or, when none is
// near, with what can be written in that section. A key that is right in another
// section is taken for misplaced before it is taken for misspelt.
func (s schema) suggest(key, prefix string) string {
	all := s.keys()
	last := key[strings.LastIndex(key, ".")+1:]
	for _, k := range all {
		if strings.HasSuffix("."+k, "."+last) {
			return fmt.Sprintf("did you mean %q?", k)
		}
	}
	var here []string
	for _, k := range all {
		if rest, ok := strings.CutPrefix(k, prefix); ok && !strings.Contains(rest, ".") {
			here = append(here, rest)
		}
	}
	if near := nearest(strings.TrimPrefix(key, prefix), here); near != "" {
		return fmt.Sprintf("did you mean %q?", prefix+near)
	}
	if near := nearest(key, all); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here: " + strings.Join(here, ", ")
}

func suggestEnv(name string, names map[string]leaf) string {
	if near := nearest(name, slices.Sorted(maps.Keys(names))); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "remove it, or see `config explain` for the settings there are"
}

// nearest returns the name that the fewest slips of the keyboard turn word into, or ""
// when more than a third of it would have to change. Equals go to the first.
func nearest(word string, names []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, name := range names {
		if d := distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with the neighbour
// (optimal string alignment): the last since swapped letters are the commonest slip.
func distance(a, b string) int {
	if len(a) > 200 || len(b) > 200 { // no setting is that long; bounds the work below
		return max(len(a), len(b))
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// Nearest is the name that word was most likely meant to be, or "" when none is
// near: for other settings files that name what they do not know.
func Nearest(word string, names []string) string { return nearest(word, names) }
