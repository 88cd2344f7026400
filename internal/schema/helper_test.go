package schema_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// wide are limits that no document of these tests meets.
var wide = jsondoc.Limits{Bytes: 1 << 24, Depth: 500, Keys: 1 << 20, Items: 1 << 20, Values: 1 << 20, Name: 1 << 20, Number: 1 << 12}

// compile compiles text as package validate does by default.
func compile(t *testing.T, text string, options schema.Options) *schema.Schema {
	t.Helper()
	s, err := tryCompile(text, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryCompile(text string, options schema.Options) (*schema.Schema, error) {
	if options.MaxSteps == 0 {
		options.MaxSteps = 100_000
	}
	none := func(string) (string, error) { return "", errors.New("is not loaded") }
	return schema.Compile(schema.Source{URL: schema.Base + "test.json", Text: text, Load: none}, options)
}

// outcome is what checking one document has found.
type outcome struct {
	schema.Result
	err error
}

func check(t *testing.T, s *schema.Schema, document string) outcome {
	t.Helper()
	result, err := s.Check(valueOf(t, document))
	return outcome{result, err}
}

func valueOf(t *testing.T, document string) any {
	t.Helper()
	v, err := jsondoc.DecodeValue([]byte(document), wide)
	if err != nil {
		t.Fatalf("the document is not what the test is about: %v", err)
	}
	return v
}

// passed asserts that the document is what the schema describes.
func (o outcome) passed(t *testing.T) {
	t.Helper()
	if o.err != nil || o.Faults != nil {
		t.Fatalf("refused: %v, %v", o.faults(), o.err)
	}
}

// tooComplex asserts that checking was given up, and that nothing is said of
// the value.
func (o outcome) tooComplex(t *testing.T) {
	t.Helper()
	if !errors.Is(o.err, schema.ErrTooComplex) || o.Value != nil || o.Changed || o.Faults != nil {
		t.Fatalf("got %+v, %v; want ErrTooComplex", o.Result, o.err)
	}
}

// refused asserts the faults, each as "pointer code", in any order.
func (o outcome) refused(t *testing.T, want ...string) {
	t.Helper()
	got := o.faults()
	slices.Sort(got)
	slices.Sort(want)
	if o.err != nil || len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, o.err, want)
	}
	for i := range o.Faults {
		if o.Faults[i].Detail() == "" {
			t.Errorf("%s has no detail", o.Faults[i].Code)
		}
	}
}

func (o outcome) faults() []string {
	var all []string
	for _, f := range o.Faults {
		all = append(all, f.Pointer+" "+string(f.Code))
	}
	return all
}

func sameList[T any](t *testing.T, got, want []T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got) != len(want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}
