package mis

import (
	"context"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/itchyny/gojq"
	"pgregory.net/rapid"
)

// anyJSON is whatever an answer may hold, in the types of package rest.
func anyJSON(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 8
		if depth == 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Int().Draw(t, "int")
		case 3:
			return new(big.Int).Lsh(big.NewInt(rapid.Int64().Draw(t, "big")), 70)
		case 4:
			return rapid.Float64().Draw(t, "float")
		case 5:
			return rapid.String().Draw(t, "text")
		case 6:
			return rapid.Map(rapid.SliceOfN(anyJSON(depth-1), 0, 3), func(l []any) []any { return append([]any{}, l...) }).Draw(t, "list")
		}
		return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), anyJSON(depth-1), 0, 3).Draw(t, "object")
	})
}

// A path that is followed without gojq leads where gojq would.
func TestSimplePathsAreJQ(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyJSON(3).Draw(t, "row")
		text := "." + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3).Draw(t, "path"), ".")
		x, err := jq{}.compile(text)
		if err != nil || x.path == nil {
			t.Fatalf("%s: %v, %+v", text, err, x)
		}
		q, err := gojq.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := q.Run(row).Next()
		got, err := x.one(context.Background(), row, make([]any, len(jqVariables)))
		if _, bad := want.(error); bad != (err != nil) || !bad && !reflect.DeepEqual(want, got) {
			t.Errorf("%s of %v: %v, %v, gojq says %v", text, row, got, err, want)
		}
	})
}

// Columns run as one give what each would by itself.
func TestColumnsRunAsOne(t *testing.T) {
	texts := map[string]string{"Surname": ".a", "Forename": ".b // .c", "House": `[.a, .c] | map(strings) | join("/")`, "RegGroup": "empty", "Email": "first(.a, .b)", "Phone": "if .a then .b else null end # end"}
	j := jq{}
	all, err := j.newColumns("pupil", texts, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if len(all.simple) != 1 || len(all.complex) != len(texts)-1 {
		t.Fatalf("%d simple, %d others", len(all.simple), len(all.complex))
	}
	vars := make([]any, len(jqVariables))
	rapid.Check(t, func(t *rapid.T) {
		row := any(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), anyJSON(1), 0, 3).Draw(t, "row"))
		raw := newRow("pupil")
		bad := all.fill(context.Background(), row, vars, raw)
		var want *cellFault
		for name, text := range texts {
			x, err := j.compile(text)
			if err != nil {
				t.Fatal(err)
			}
			v, err := x.one(context.Background(), row, vars)
			s, shape := textOf(v)
			if err = errors.Join(err, shape); err != nil {
				want = &cellFault{pupilFields.number(name), err}
			} else if bad == nil && raw[pupilFields.number(name)] != s {
				t.Errorf("%s: %q, alone %q", name, raw[pupilFields.number(name)], s)
			}
		}
		if (bad == nil) != (want == nil) {
			t.Errorf("together %v, alone %v", bad, want)
		}
	})
}

// An expression is stopped by its steps and by its context.
func TestExpressionsEnd(t *testing.T) {
	for _, text := range []string{"last(repeat(1))", "def f: f; f", "[range(1e9)] | length", `reduce range(1e9) as $i (0; . + $i)`} {
		x, err := jq{}.compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.one(context.Background(), nil, make([]any, len(jqVariables))); !errors.Is(err, errEndless) {
			t.Errorf("%s: %v", text, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := x.one(ctx, nil, make([]any, len(jqVariables))); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", text, err)
		}
	}
}
