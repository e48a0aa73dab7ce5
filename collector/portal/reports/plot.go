package reports

// A plot is a row of bars. It is drawn beside a table that has every number, and its
// text alternative says what can be seen in it.
type plot struct {
	Width, Height int
	Text          string
	Bars          []bar
	Lines         []rule
	Labels        []mark
}

type bar struct{ X, Y, Width, Height int }

type rule struct{ X1, X2, Y int }

type mark struct {
	X, Y   int
	Text   string
	Anchor string
}

// The size of a plot, in pixels.
const (
	plotHigh  = 160
	plotLeft  = 48
	plotTop   = 12
	plotBelow = 24
	barWide   = 16
	barStep   = 22
)

// point is one bar: its label under the axis, which may be empty, its height out of
// most, and whether there is a value at all.
type point struct {
	label string
	value int
	known bool
}

// draw makes a plot of points up to most; unit writes a height on the axis.
func draw(text string, points []point, most int, unit func(int) string) *plot {
	if len(points) == 0 || most == 0 {
		return nil
	}
	p := &plot{Width: plotLeft + barStep*len(points) + 8, Height: plotTop + plotHigh + plotBelow, Text: text}
	for _, part := range []int{0, 1, 2} {
		y := plotTop + plotHigh - plotHigh*part/2
		p.Lines = append(p.Lines, rule{plotLeft, p.Width, y})
		p.Labels = append(p.Labels, mark{plotLeft - 6, y + 4, unit(most * part / 2), "end"})
	}
	for i, one := range points {
		x := plotLeft + 4 + i*barStep
		if one.known {
			high := plotHigh * min(one.value, most) / most
			p.Bars = append(p.Bars, bar{x, plotTop + plotHigh - high, barWide, high})
		}
		if one.label != "" {
			p.Labels = append(p.Labels, mark{x, plotTop + plotHigh + 16, one.label, "start"})
		}
	}
	return p
}
