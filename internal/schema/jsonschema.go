package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// This file is the only one that knows the library. The library parses schemas,
// holds them against the meta-schema of the draft and resolves their
// references. This file turns the result into nodes, which this package
// evaluates: the library's own evaluation has no bound on steps, orders its
// errors at random and does not tell which properties it has seen.

// schemaLimits bounds a schema document. Its author is trusted, but may make
// mistakes, such as a duplicate name.
// Names that differ by case only may be patterns, or names of definitions.
var schemaLimits = jsondoc.Limits{Bytes: 4 << 20, Depth: 128, Keys: 100_000, Items: 10_000, Values: 500_000, Name: 64 << 10, Number: 256, ExactNames: true}

// document is a decoded schema document. The library calls it by its $id, if it
// has one.
type document struct {
	url string
	doc any
}

// compiler compiles one schema and the documents that it refers to.
type compiler struct {
	library *jsonschema.Compiler
	formats map[string]func(string) bool
	load    func(url string) (string, error)
	// inspect reports the mistakes that the library would pass over.
	inspect   func(url, pointer string, v any) []error
	documents map[string]*document // by URL without fragment, and by $id
	errs      []error
	nodes     map[*jsonschema.Schema]*node
	resources map[string]*resource // by URL and pointer
}

func newCompiler(load func(string) (string, error), formats map[string]func(string) bool, inspect func(url, pointer string, v any) []error) *compiler {
	c := &compiler{library: jsonschema.NewCompiler(), formats: formats, load: load, inspect: inspect,
		documents: map[string]*document{}, nodes: map[*jsonschema.Schema]*node{}, resources: map[string]*resource{}}
	c.library.Draft = jsonschema.Draft2020
	c.library.AssertFormat = true
	c.library.ExtractAnnotations = true
	// The library's own LoadURL opens files of this machine.
	c.library.LoadURL = func(url string) (io.ReadCloser, error) {
		text, err := c.load(url)
		if err != nil {
			c.errs = append(c.errs, c.notLoaded(url, err))
			return nil, err
		}
		if err := c.add(url, text); err != nil {
			c.errs = append(c.errs, err)
			return nil, err
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
	for name, accepts := range formats {
		c.library.Formats[name] = func(v any) bool {
			s, ok := v.(string)
			return !ok || accepts(s)
		}
	}
	return c
}

// add decodes and inspects a document.
func (c *compiler) add(url, text string) error {
	doc, err := jsondoc.DecodeValue([]byte(text), schemaLimits)
	if err != nil {
		return notJSON(url, text, err)
	}
	d := &document{url, doc}
	c.documents[url] = d
	if root, ok := doc.(map[string]any); ok {
		if id, ok := root["$id"].(string); ok {
			c.documents[resolve(url, id)] = d
		}
	}
	c.errs = append(c.errs, c.inspect(url, "", doc)...)
	return nil
}

// compile returns the node of the schema in text, which is known under url.
func (c *compiler) compile(url, text string) (n *node, err error) {
	defer func() {
		// The library panics on some schemas that pass its own meta-schema.
		if r := recover(); r != nil {
			n, err = nil, mistake(url, "", "cannot be compiled: %v", r)
		}
	}()
	if err := c.add(url, text); err != nil {
		return nil, err
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	if err := c.library.AddResource(url, strings.NewReader(text)); err != nil {
		return nil, c.reasonOf(url, err)
	}
	root, err := c.library.Compile(url)
	if len(c.errs) > 0 { // of documents that were loaded
		return nil, errors.Join(c.errs...)
	}
	if err != nil {
		return nil, c.reasonOf(url, err)
	}
	n = c.node(root)
	err = c.anchors()
	if len(c.errs) > 0 { // of the places that references lead to
		return nil, errors.Join(c.errs...)
	}
	if err != nil {
		return nil, err
	}
	c.share(n)
	c.spellings(n)
	return n, nil
}

// all returns every node in a fixed order.
func (c *compiler) all() []*node {
	all := slices.Collect(maps.Values(c.nodes))
	slices.SortFunc(all, func(a, b *node) int {
		return cmp.Or(strings.Compare(a.pointer, b.pointer), strings.Compare(a.format, b.format))
	})
	return all
}

// reasonOf turns the library's report on a schema into the place, the rule and
// what to write.
func (c *compiler) reasonOf(url string, err error) error {
	var at *jsonschema.SchemaError
	if errors.As(err, &at) {
		url, _ = splitLocation(at.SchemaURL)
	}
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		_, pointer := splitLocation("#" + invalid.InstanceLocation)
		return mistake(c.invalid(url), pointer, "is not valid in JSON Schema: %s", invalid.Message)
	}
	var loop jsonschema.InfiniteLoopError
	if errors.As(err, &loop) {
		document, pointer := splitLocation(string(loop))
		return mistake(document, pointer, "leads back to its own schema for the same value; put the $ref under a keyword such as properties or items")
	}
	if err := c.nowhere(); err != nil {
		return err
	}
	return mistake(url, "", "cannot be compiled: %w", err)
}

// invalid returns the URL of the document that the meta-schema refuses. The
// library names the document that was to be compiled, which may refer to it.
func (c *compiler) invalid(url string) string {
	meta, err := jsonschema.NewCompiler().Compile(draft)
	if err != nil {
		return url
	}
	for _, key := range slices.Sorted(maps.Keys(c.documents)) {
		if d := c.documents[key]; meta.Validate(d.doc) != nil {
			return d.url
		}
	}
	return url
}

// node turns a compiled schema into a node. Schemas refer to each other in
// circles, so the node stands in the map before it is filled.
func (c *compiler) node(s *jsonschema.Schema) *node {
	if s == nil {
		return nil
	}
	if n, ok := c.nodes[s]; ok {
		return n
	}
	n := &node{}
	c.nodes[s] = n
	url, pointer := splitLocation(s.Location)
	n.url, n.pointer = url, pointer
	d := c.documents[url]
	if d == nil { // a meta-schema, which the library has compiled for itself
		n.foreign = func(v any) bool { return s.Validate(v) == nil }
		return n
	}
	if s.Always != nil {
		n.refuses, n.anything = !*s.Always, *s.Always
		return n
	}
	// A reference may lead to where the walk through the document found no
	// schema: below a keyword that only describes, or to a part of one.
	c.errs = append(c.errs, c.inspect(d.url, pointer, lookUp(d.doc, pointer))...)
	raw, _ := lookUp(d.doc, pointer).(map[string]any)
	n.home = c.home(d, pointer)
	for _, name := range s.Types {
		n.types |= typeNamed(name)
	}
	n.constant, n.enum = s.Constant, s.Enum
	n.format, _ = raw["format"].(string)
	c.format(n)
	n.base64 = c.formats != nil && raw["contentEncoding"] == "base64"
	n.ref = c.node(s.Ref)
	c.dynamicRef(n, s, raw)
	n.not, n.when, n.then, n.otherwise = c.node(s.Not), c.node(s.If), c.node(s.Then), c.node(s.Else)
	n.allOf, n.anyOf, n.oneOf = c.list(s.AllOf), c.list(s.AnyOf), c.list(s.OneOf)
	n.object, n.array = c.objectRules(s), c.arrayRules(s)
	if s.MinLength >= 0 || s.MaxLength >= 0 || s.Pattern != nil {
		n.text = &stringRules{min: s.MinLength, max: s.MaxLength, pattern: newPattern(s.Pattern)}
	}
	n.numbers = numberRulesOf(s, raw)
	n.absent, n.optional = raw["default"]
	n.readOnly = raw["readOnly"] == true
	n.extensions = extensionsOf(raw)
	n.anything = n.types == 0 && n.constant == nil && n.enum == nil && n.accepts == nil && n.fits == nil && !n.base64 && !n.readOnly && n.dynamicRef == nil &&
		n.not == nil && n.when == nil && n.allOf == nil && n.anyOf == nil && n.oneOf == nil &&
		n.object == nil && n.array == nil && n.text == nil && n.numbers == nil &&
		(n.ref == nil || n.ref.anything)
	return n
}

// format sets what a format asserts of a string, of a number or of both.
func (c *compiler) format(n *node) {
	if c.formats == nil {
		return
	}
	n.accepts, n.fits = c.formats[n.format], numberFormats[n.format]
	if accepts := n.accepts; accepts != nil && isForNumbers(n.format, n.types) {
		n.accepts, n.fits = nil, func(number json.Number) bool { return accepts(string(number)) }
	}
}

// extensionsOf returns the keywords that begin with "x-", for the reader.
func extensionsOf(raw map[string]any) map[string]any {
	var extensions map[string]any
	for name, value := range raw {
		if !strings.HasPrefix(name, "x-") {
			continue
		}
		if extensions == nil {
			extensions = map[string]any{}
		}
		extensions[name] = value
	}
	return extensions
}

func (c *compiler) list(schemas []*jsonschema.Schema) []*node {
	var nodes []*node
	for _, s := range schemas {
		nodes = append(nodes, c.node(s))
	}
	return nodes
}

func (c *compiler) objectRules(s *jsonschema.Schema) *objectRules {
	o := &objectRules{min: s.MinProperties, max: s.MaxProperties, required: slices.Clone(s.Required),
		names: c.node(s.PropertyNames), unevaluated: c.node(s.UnevaluatedProperties)}
	o.index = make(map[string]int, len(s.Properties))
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		o.index[name] = len(o.properties)
		o.properties = append(o.properties, property{name, c.node(s.Properties[name])})
	}
	for pattern, sub := range s.PatternProperties {
		o.patterns = append(o.patterns, patternProperty{newPattern(pattern), c.node(sub)})
	}
	slices.SortFunc(o.patterns, func(a, b patternProperty) int { return strings.Compare(a.pattern.String(), b.pattern.String()) })
	switch additional := s.AdditionalProperties.(type) {
	case bool:
		o.additional = &node{refuses: !additional, anything: additional}
	case *jsonschema.Schema:
		o.additional = c.node(additional)
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentRequired)) {
		o.dependentReq = append(o.dependentReq, dependentRequired{name, s.DependentRequired[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentSchemas)) {
		o.dependent = append(o.dependent, property{name, c.node(s.DependentSchemas[name])})
	}
	o.looksAtOthers = o.patterns != nil || o.additional != nil || o.names != nil
	if o.min < 0 && o.max < 0 && o.required == nil && s.Properties == nil && !o.looksAtOthers &&
		o.dependentReq == nil && o.dependent == nil && o.unevaluated == nil {
		return nil
	}
	return o
}

func (c *compiler) arrayRules(s *jsonschema.Schema) *arrayRules {
	a := &arrayRules{min: s.MinItems, max: s.MaxItems, unique: s.UniqueItems, prefix: c.list(s.PrefixItems), items: c.node(s.Items2020),
		contains: c.node(s.Contains), minContains: s.MinContains, maxContains: s.MaxContains, unevaluated: c.node(s.UnevaluatedItems)}
	if a.min < 0 && a.max < 0 && !a.unique && a.prefix == nil && a.items == nil && a.contains == nil && a.unevaluated == nil {
		return nil
	}
	return a
}

func numberRulesOf(s *jsonschema.Schema, raw map[string]any) *numberRules {
	rule := func(exact *big.Rat, keyword string) *bound { return newBound(exact, raw[keyword]) }
	r := numberRules{rule(s.Minimum, "minimum"), rule(s.Maximum, "maximum"), rule(s.ExclusiveMinimum, "exclusiveMinimum"),
		rule(s.ExclusiveMaximum, "exclusiveMaximum"), rule(s.MultipleOf, "multipleOf")}
	if r == (numberRules{}) {
		return nil
	}
	return &r
}

// dynamicRef keeps the anchor only where the reference is dynamic: it must lead
// to a $dynamicAnchor of its own name (JSON Schema Core, section 8.2.3.2).
func (c *compiler) dynamicRef(n *node, s *jsonschema.Schema, raw map[string]any) {
	if s.DynamicRef == nil {
		return
	}
	n.dynamicRef = c.node(s.DynamicRef)
	ref, _ := raw["$dynamicRef"].(string)
	if _, anchor, ok := strings.Cut(ref, "#"); ok && anchor != "" && s.DynamicRef.DynamicAnchor == anchor {
		n.anchor = anchor
	}
}

// home returns the resource that a schema belongs to: the nearest schema around
// it with an $id, or its document.
func (c *compiler) home(d *document, pointer string) *resource {
	key := d.url + "#" + homeOf(d.doc, pointer)
	if c.resources[key] == nil {
		c.resources[key] = &resource{}
	}
	return c.resources[key]
}

// anchors compiles every $dynamicAnchor, which may be reachable through the
// dynamic scope alone. Doing so may load further documents.
func (c *compiler) anchors() error {
	var errs []error
	done := map[*document]bool{}
	for found := true; found; {
		found = false
		for _, url := range slices.Sorted(maps.Keys(c.documents)) {
			if d := c.documents[url]; !done[d] {
				done[d], found = true, true
				errs = append(errs, c.anchorsOf(d)...)
			}
		}
	}
	return errors.Join(errs...)
}

func (c *compiler) anchorsOf(d *document) []error {
	var errs []error
	eachSchema(d.doc, "", func(schema map[string]any, pointer string) {
		anchor, ok := schema["$dynamicAnchor"].(string)
		if !ok {
			return
		}
		s, err := c.library.Compile(d.url + "#" + escapeLocation(pointer))
		if err != nil {
			errs = append(errs, c.reasonOf(d.url, err))
			return
		}
		home := c.home(d, pointer)
		if home.anchors == nil {
			home.anchors = map[string]*node{}
		}
		home.anchors[anchor] = c.node(s)
	})
	return errs
}
