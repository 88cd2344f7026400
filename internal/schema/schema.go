package schema

import "errors"

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
	// Formats are asserted besides the built-in ones, or in their place. The
	// functions must be safe for concurrent use.
	Formats map[string]func(string) bool
	// URISchemes are the schemes that "uri" and "uri-reference" take; none
	// means every scheme that carries no script and no data.
	URISchemes []string
	// MaxSteps is the work for one value.
	MaxSteps int
	// Open allows properties that no schema describes.
	Open bool
	// Request refuses values that are read only, and does not require them.
	Request bool
	// DescriptiveDefaults takes a default that can never be filled in for a
	// description.
	DescriptiveDefaults bool
}

// A Schema is compiled. It is safe for concurrent use.
type Schema struct {
	root  *node
	steps int
	open  bool
	// request is set for values that a client sends, where one may be read
	// only.
	request  bool
	patterns []*pattern      // of names
	declared map[string]bool // the names of all properties
}

// Compile compiles a schema and settles its defaults. The error joins
// everything that is wrong, in a fixed order. With an error, the Schema is nil,
// or it is only for questions about its properties.
func Compile(source Source, options Options) (*Schema, error) {
	known := formatsOf(options)
	c := newCompiler(source.Load, known, strictness{formats: known, seen: map[string]bool{}, declared: map[string]bool{}}.inspect)
	root, err := c.compile(source.URL, source.Text)
	if err != nil {
		return nil, err
	}
	mistakes := settleDefaults(c.all(), options.MaxSteps, options.Open)
	if !options.DescriptiveDefaults {
		mistakes = append(mistakes, neverFilled(root, c.all())...)
	}
	mistakes = append(mistakes, neverMet(c.all(), options.MaxSteps)...)
	if !options.Open {
		mistakes = append(mistakes, neverPresent(root)...)
	}
	return &Schema{root: root, steps: options.MaxSteps, open: options.Open, request: c.gather() && options.Request, patterns: patternsOf(root), declared: namesOf(c.all())}, errors.Join(mistakes...)
}

// ErrTooComplex is a check that was given up after Options.MaxSteps.
var ErrTooComplex = errors.New("checking the value takes more steps than are allowed")

// A Result is what checking one value has found.
type Result struct {
	Value   any     // with the defaults
	Changed bool    // there are defaults in it that were not in the value given
	Faults  []Fault // in a fixed order; none if the value is valid
}

// Check fills in the defaults of a value and checks the result against the
// schema. The value given is not modified. Filling in and checking share the
// same steps. The only error is [ErrTooComplex].
func (s *Schema) Check(v any) (Result, error) { return s.check(v, true) }

// CheckPatch is Check without defaults, for a value that does not change the
// properties that it does not name, such as a merge patch (RFC 7396).
func (s *Schema) CheckPatch(v any) (Result, error) { return s.check(v, false) }

func (s *Schema) check(v any, fill bool) (Result, error) {
	e := newEvaluation(s.steps, s.open)
	e.request, e.declared = s.request, s.declared
	f := filler{steps: s.steps, depth: maxDefaultDepth, added: e.addedRoom[:0]}
	filled := v
	if fill {
		filled = f.value(s.root, v)
	}
	if f.spent() || f.endless {
		return Result{}, ErrTooComplex
	}
	f.added.sort()
	e.given, e.steps, e.added = f.steps, f.steps, f.added
	if e.run(s.root, filled) {
		return Result{Value: filled, Changed: !same(filled, v)}, nil
	}
	if e.exhausted {
		return Result{}, ErrTooComplex
	}
	return Result{Value: filled, Changed: !same(filled, v), Faults: e.faults}, nil
}
