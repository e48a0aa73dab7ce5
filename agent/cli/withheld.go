package cli

import (
	"fmt"

	"rollbridge/shared/protocol"
)

// withheldLines say of how many rows the school keeps something back.
func withheldLines(read []protocol.DatasetRead) []string {
	var lines []string
	for _, d := range read {
		if d.Withheld > 0 {
			lines = append(lines, fmt.Sprintf("of %d %s rows a part stays in the school, because the MIS marks it as not to be disclosed", d.Withheld, d.Dataset))
		}
	}
	return lines
}
