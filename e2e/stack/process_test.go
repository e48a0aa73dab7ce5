package stack

import "testing"

// A collector has three listeners, each of which is given its address before
// the first of them is bound.
func TestFreeAddressesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		address, err := FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		if seen[address] {
			t.Fatalf("%s was given twice", address)
		}
		seen[address] = true
	}
}
