package schema_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// author writes schemas and documents at random, of few names and values, so
// that they meet.
type author struct{ *rand.Rand }

var authorNames = []string{"a", "b", "A", "k"}

func (r author) schema(depth int) any {
	if depth == 0 || r.IntN(6) == 0 {
		return []any{true, map[string]any{"type": "string"}, map[string]any{"type": "object"}, map[string]any{"const": "x"}, map[string]any{"enum": []any{"y", 1}},
			map[string]any{"$ref": fmt.Sprintf("#/$defs/d%d", r.IntN(3))}, map[string]any{"readOnly": true}, map[string]any{"$dynamicRef": "#n"}}[r.IntN(8)]
	}
	s := map[string]any{}
	for range 1 + r.IntN(3) {
		list := func() []any { return []any{r.schema(depth - 1), r.schema(depth - 1)} }
		switch r.IntN(16) {
		case 0:
			s["properties"] = map[string]any{"a": r.schema(depth - 1), "b": map[string]any{"$ref": "#/$defs/d0"}}
		case 1:
			s["properties"] = map[string]any{"k": map[string]any{"const": []string{"x", "y"}[r.IntN(2)]}, "a": map[string]any{"$ref": "#/$defs/d1"}}
		case 2:
			s["anyOf"] = list()
		case 3:
			s["oneOf"] = list()
		case 4:
			s["allOf"] = list()
		case 5:
			s["not"] = r.schema(depth - 1)
		case 6:
			s["if"], s["then"], s["else"] = r.schema(depth-1), r.schema(depth-1), r.schema(depth-1)
		case 7:
			s["items"] = r.schema(depth - 1)
		case 8:
			s["unevaluatedProperties"] = []any{false, map[string]any{"type": "string"}}[r.IntN(2)]
		case 9:
			s["required"] = []any{authorNames[r.IntN(4)]}
		case 10:
			s["dependentSchemas"] = map[string]any{"a": r.schema(depth - 1)}
		case 11:
			s["additionalProperties"] = r.schema(depth - 1)
		case 12:
			s["contains"], s["unevaluatedItems"] = r.schema(depth-1), r.schema(depth-1)
		case 13:
			s["dependentRequired"] = map[string]any{authorNames[r.IntN(4)]: []any{authorNames[r.IntN(4)]}}
		case 14:
			s["patternProperties"] = map[string]any{"^[ab]$": r.schema(depth - 1)}
		case 15:
			s["prefixItems"] = list()
		}
	}
	return s
}

func (r author) value(depth int) any {
	switch n := r.IntN(6); {
	case depth == 0 || n == 0:
		return []any{"x", "y", json.Number("1"), nil}[r.IntN(4)]
	case n == 1:
		return []any{r.value(depth - 1), r.value(depth - 1)}
	}
	object := map[string]any{}
	for range r.IntN(4) {
		name := authorNames[r.IntN(4)]
		if object["A"] != nil && name == "a" || object["a"] != nil && name == "A" {
			continue
		}
		object[name] = r.value(depth - 1)
	}
	return object
}

// What is remembered is what would be found again: with memory and without, a
// value has the same faults, unknown properties among them.
func TestMemoryChangesNothing(t *testing.T) {
	r := author{rand.New(rand.NewPCG(1, 2))}
	compared, valid, invalid := 0, 0, 0
	for range 1_000 {
		root := map[string]any{"$ref": "#/$defs/d0", "$defs": map[string]any{"d0": r.schema(3), "d1": r.schema(2), "d2": r.schema(2),
			"n": map[string]any{"$dynamicAnchor": "n", "properties": map[string]any{"a": r.schema(1)}}}}
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		s, err := tryCompile(string(text), schema.Options{MaxSteps: 20_000, Request: r.IntN(2) == 0})
		if err != nil {
			continue // a circle, or what nothing meets
		}
		for range 8 {
			v := r.value(5)
			with, without, ok := schema.WithMemory(s, v)
			if ok == [2]bool{} && with == nil && without == nil {
				continue
			}
			compared++
			if ok[0] {
				valid++
			} else {
				invalid++
			}
			if ok[0] != ok[1] || len(with)+len(without) > 0 && !reflect.DeepEqual(with, without) {
				document, _ := json.Marshal(v)
				t.Fatalf("%s\n%s\nwith memory    %v %v\nwithout memory %v %v", text, document, ok[0], with, ok[1], without)
			}
		}
	}
	if compared < 1_500 || valid < 200 || invalid < 200 {
		t.Errorf("%d compared, %d valid, %d not", compared, valid, invalid)
	}
}
