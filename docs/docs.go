// Package docs holds the pages that programs and tests must agree with: the
// set-up pages of each MIS. It embeds them and hands out the T-SQL that they
// print, so that what an administrator copies is what the tests have run.
//
// Start reading at the pages themselves.
package docs

import (
	"embed"
	"fmt"
	"strings"
)

// Files holds mis/*.md under those names.
//
//go:embed mis/*.md
var Files embed.FS

// A Mark is the word after ```sql that says what a block is for.
type Mark string

// The marks. A block without a mark is an example and is not handed out.
const (
	Run      Mark = "run"      // in order, they are the set-up
	Instead  Mark = "instead"  // in place of the block before
	Optional Mark = "optional" // may be run after the set-up
	More     Mark = "more"     // widens the set-up, each block by itself
	Remove   Mark = "remove"   // takes the set-up away again
	// RemoveMore takes More away again, and is run before Remove.
	RemoveMore Mark = "remove-more"
)

// Script joins the T-SQL blocks of one mark, in the order of the page, as they
// are printed. Batches are ended by GO on a line of its own. A page without such
// a block is an error.
func Script(page string, mark Mark) (string, error) {
	text, err := Files.ReadFile(page)
	if err != nil {
		return "", fmt.Errorf("read the page: %w", err)
	}
	var script strings.Builder
	inside := false
	for line := range strings.Lines(string(text)) {
		switch fence := strings.TrimSpace(line); {
		case inside && fence == "```":
			inside = false
		case inside:
			script.WriteString(line)
		default:
			inside = fence == "```sql "+string(mark)
		}
	}
	if script.Len() == 0 {
		return "", fmt.Errorf("%s has no T-SQL block marked %s", page, mark)
	}
	return script.String(), nil
}
