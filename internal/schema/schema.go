package schema

import (
	"errors"
	"maps"
)

// Base begins the URL of a schema that has none of its own. It says nothing
// about this machine, and no $ref reaches a disk through it.
const Base = "schema:///"

// A Source is the document of a schema.
type Source struct {
	URL  string // of the document, which relative references resolve against
	Text string
	// Load returns the text of another document that a $ref leads to, or says
	// why there is none. Nothing else is ever loaded.
	Load func(url string) (string, error)
}

// Options are the rules that do not stand in the schema itself.
type Options struct {
	// Formats are asserted besides the built-in ones. The functions must be
	// safe for concurrent use.
	Formats map[string]func(string) bool
	// MaxSteps is the work for one value.
	MaxSteps int
	// Open allows properties that no schema describes.
	Open bool
}

// A Schema is compiled. It is safe for concurrent use.
type Schema struct {
	root  *node
	steps int
	open  bool
}

// Compile compiles a schema and settles its defaults. The error joins
// everything that is wrong, in a fixed order.
func Compile(source Source, options Options) (*Schema, error) {
	known := maps.Clone(formats)
	maps.Copy(known, options.Formats)
	c := newCompiler(source.Load, known, strictness{formats: known}.inspect)
	root, err := c.compile(source.URL, source.Text)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(settleDefaults(c.all(), options.MaxSteps, options.Open)...); err != nil {
		return nil, err
	}
	return &Schema{root: root, steps: options.MaxSteps, open: options.Open}, nil
}

// ErrTooComplex is a check that was given up after Options.MaxSteps.
var ErrTooComplex = errors.New("schema: checking the value takes more steps than are allowed")

// A Result is what checking one value has found.
type Result struct {
	Value   any     // with the defaults
	Changed bool    // there are defaults in it that were not in the value given
	Faults  []Fault // in a fixed order; none if the value is valid
}

// Check fills in the defaults of a value, which is not modified, and holds the
// result against the schema. Both are paid for with the same steps. The only
// error is [ErrTooComplex].
func (s *Schema) Check(v any) (Result, error) {
	f := filler{steps: s.steps, depth: maxDefaultDepth}
	filled := f.value(s.root, v)
	if f.spent() || f.endless {
		return Result{}, ErrTooComplex
	}
	e := newEvaluation(f.steps, s.open)
	if e.run(s.root, filled) {
		return Result{Value: filled, Changed: !same(filled, v)}, nil
	}
	if e.exhausted {
		return Result{}, ErrTooComplex
	}
	return Result{Value: filled, Changed: !same(filled, v), Faults: e.faults}, nil
}
