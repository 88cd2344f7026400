package schema

import "encoding/json"

// node is one schema, compiled for evaluation. All lists are in a fixed order,
// so that the same request gets the same answer.
type node struct {
	// url and pointer are the place of the schema, for errors at New.
	url, pointer string

	refuses bool // the schema false
	// anything is the schema true, or a schema without any assertion. A value
	// that it applies to is known to its last leaf.
	anything bool

	types    Types // 0 is any
	constant []any // one element, or none
	enum     []any
	format   string
	accepts  func(string) bool      // of the format
	fits     func(json.Number) bool // of the format of a number
	base64   bool                   // contentEncoding

	ref        *node
	dynamicRef *node
	// anchor is the name that dynamicRef looks for in the dynamic scope.
	// Without it, dynamicRef is an ordinary reference.
	anchor string
	home   *resource
	// foreign is the draft's own meta-schema, evaluated by the library.
	foreign func(any) bool

	not, when, then, otherwise *node
	allOf, anyOf, oneOf        []*node

	// readOnly marks what the service alone sets (JSON Schema Validation,
	// section 9.4).
	readOnly bool
	// together are the schemas that hold together with this one, itself among
	// them, and id is its number. They are set where a schema is read only.
	together []*node
	id       int

	object  *objectRules
	array   *arrayRules
	text    *stringRules
	numbers *numberRules

	absent   any  // the default
	optional bool // there is a default, null perhaps
	whole    any  // the default with the defaults within it, once settled
	settled  bool
	added    additions // within whole
	weight   int       // of whole, in steps

	// spelling has the names that this schema and those in the same place
	// declare; nil if there are none.
	spelling *spelling

	// shared is set where several schemas lead here, and dynamic where a
	// $dynamicRef is reached from here.
	shared, dynamic bool

	// fills is set where there is a default somewhere below. Values must then
	// be walked.
	fills bool

	// extensions are the keywords that begin with "x-"; nil if there are none.
	extensions map[string]any
}

type objectRules struct {
	min, max     int // -1 means without a bound
	required     []string
	properties   []property // sorted by name
	byPrice      []property // the cheap ones first
	index        map[string]int
	patterns     []patternProperty // sorted by pattern
	additional   *node
	names        *node
	dependentReq []dependentRequired
	dependent    []property // dependentSchemas
	unevaluated  *node
	// looksAtOthers is set with patterns, additional or names. Every property
	// of the instance must then be looked at.
	looksAtOthers bool
}

type property struct {
	name string
	*node
}

type patternProperty struct {
	pattern *pattern
	*node
}

type dependentRequired struct {
	name     string
	required []string
}

type arrayRules struct {
	min, max                 int
	unique                   bool
	prefix                   []*node
	items                    *node
	contains                 *node
	minContains, maxContains int
	unevaluated              *node
}

type stringRules struct {
	min, max int // in characters, not bytes
	pattern  *pattern
}

type numberRules struct {
	min, max, above, below, multiple *bound
}

// resource is a schema with an $id of its own, or a document: what an anchor
// belongs to.
type resource struct {
	anchors map[string]*node // by $dynamicAnchor
}

// property returns the schema of a property that this very schema declares.
func (o *objectRules) property(name string) *node {
	if i, ok := o.index[name]; ok {
		return o.properties[i].node
	}
	return nil
}
