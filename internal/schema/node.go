package schema

// node is one schema, compiled for evaluation. All lists are in a fixed order,
// so that the same request gets the same answer.
type node struct {
	pointer string // of the schema in its document, for errors at New

	refuses  bool // the schema false
	anything bool // the schema true, or one without any assertion: what it meets is known to its last leaf

	types    Types // 0 is any
	constant []any // one element, or none
	enum     []any
	format   string
	accepts  func(string) bool // of the format

	ref        *node
	dynamicRef *node
	anchor     string // what dynamicRef looks for in the dynamic scope; empty makes it an ordinary reference
	home       *resource
	foreign    func(any) bool // the draft's own meta-schema, evaluated by the library

	not, when, then, otherwise *node
	allOf, anyOf, oneOf        []*node

	object  *objectRules
	array   *arrayRules
	text    *stringRules
	numbers *numberRules

	absent   any  // the default
	optional bool // there is a default, null perhaps
	whole    any  // the default with the defaults within it, once settled
	settled  bool
	weight   int       // of whole, in steps
	spelling *spelling // of the names that it and those in the same place declare; nil if there are none

	fills bool // there is a default somewhere below, so that values must be walked for them

	extensions map[string]any // keywords that begin with "x-"; nil if there are none
}

type objectRules struct {
	min, max      int // -1 is none
	required      []string
	properties    []property // sorted by name
	index         map[string]int
	patterns      []patternProperty // sorted by pattern
	additional    *node
	names         *node
	dependentReq  []dependentRequired
	dependent     []property // dependentSchemas
	unevaluated   *node
	looksAtOthers bool // patterns, additional or names: every property of the instance must be looked at
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
	min, max int // in characters (RFC 8259, as JSON Schema counts them), not bytes
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
