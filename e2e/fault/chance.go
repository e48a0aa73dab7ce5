package fault

import (
	"math/rand/v2"
	"slices"
)

// Chance draws fates by seed, each as often as its weight says; what is left to
// a weight of 100 passes. The n-th request of a run always gets the same fate.
func Chance(seed uint64, weights map[Fate]int) func(Seen) Fate {
	random := rand.New(rand.NewPCG(seed, 2))
	var order []Fate
	for f := range weights {
		order = append(order, f)
	}
	slices.Sort(order)
	return func(Seen) Fate {
		n := random.IntN(100)
		for _, f := range order {
			if n -= weights[f]; n < 0 {
				return f
			}
		}
		return Pass
	}
}
