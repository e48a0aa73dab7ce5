package export

import (
	"bytes"
	"strings"
	"testing"
)

// What is not seen in front of a formula does not hide it.
func TestCSVHoldsNoHiddenFormula(t *testing.T) {
	for _, begin := range []string{"=", "+", "-", "@", "＝", "\t=", "\r=", "\n=", " =", "\u00a0=", "\u200b=", "\ufeff=", "\u202e@", "\x00="} {
		var out bytes.Buffer
		if err := CSV(&out, []string{"One"}, [][]string{{begin + "1+1"}}); err != nil {
			t.Fatal(err)
		}
		if _, cell, _ := strings.Cut(out.String(), "\r\n"); !strings.HasPrefix(strings.TrimPrefix(cell, `"`), "'") {
			t.Errorf("%q is written as %q", begin, cell)
		}
	}
	var out bytes.Buffer
	if err := CSV(&out, []string{"One"}, [][]string{{" a = b", "9:45-10:00"}}); err != nil || strings.Contains(out.String(), "'") {
		t.Errorf("%v %q", err, out.String())
	}
}
