package validate

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
	"github.com/bulwark-go/bulwark/internal/token"
)

// parameters is the schema of a part whose values arrive as text: query, path
// or header.
type parameters struct {
	schema *schema.Schema
	in     string
	list   []parameter         // sorted by name
	folds  map[string]struct{} // the names in their folded form
}

// parameter is one declared property, with the type that its text is read as.
type parameter struct {
	name   string
	field  string // the canonical name of a header field
	types  schema.Types
	listed schema.Types // of the values that a schema lists
	items  schema.Types // of an array
	commas bool
}

// parametersOf reads the declared properties. It returns the parameters, and
// the reasons why some of them cannot be read from text. If the schema is not
// sound, the rules and defaults of the properties are not looked at.
func parametersOf(described *schema.Schema, in string, sound bool) (*parameters, []string) {
	p := &parameters{schema: described, in: in, folds: map[string]struct{}{}}
	var faults []string
	wrong := func(name, reason string) { faults = append(faults, fmt.Sprintf("declares %q, which %s", name, reason)) }
	p.declare(described)
	for i := range p.list {
		if reason := p.list[i].fault(in); reason != "" {
			wrong(p.list[i].name, reason)
		}
	}
	readable := sound && len(faults) == 0
	for property := range described.Properties() {
		i, _ := p.find(property.Name)
		if !readable {
			break
		}
		if reason := property.Unmet(p.list[i].types, p.list[i].items); reason != "" {
			wrong(property.Name, reason)
			continue
		}
		if standard, ok := property.Default(); ok && !p.list[i].writes(standard, in) {
			faults = append(faults, fmt.Sprintf("declares %q, whose default would be read as another value from the %s; "+
				"write numbers as plain decimals, and items of lists without commas, and in headers also without white space around them", property.Name, in))
		}
	}
	// Names that only a pattern describes are read as strings.
	if reason := described.UnmetByOthers(schema.String); reason != "" {
		faults = append(faults, "describes parameters without naming them, which are read as strings, and "+reason+"; declare them under properties")
	}
	// A query schema may say that there are no parameters.
	if len(p.list) == 0 && len(faults) == 0 && in != inQuery {
		faults = append(faults, "declares no properties; write an object schema that has a property for each parameter")
	}
	if types := described.Types(); types != 0 && types != schema.Object {
		faults = append(faults, `does not describe an object; write "type": "object", with a property for each parameter`)
	}
	slices.Sort(faults)
	return p, slices.Compact(faults)
}

// declare collects the parameters, with every type that a schema declares for
// them: whichever branch applies, the text is read the same way.
func (p *parameters) declare(described *schema.Schema) {
	for property := range described.Properties() {
		name := property.Name
		at, known := p.find(name)
		if !known {
			p.list = slices.Insert(p.list, at, parameter{name: name, field: textproto.CanonicalMIMEHeaderKey(name)})
			p.folds[jsondoc.Fold(name)] = struct{}{}
		}
		param := &p.list[at]
		param.types |= property.Types()
		param.listed |= property.Listed()
		param.items |= property.Items()
		param.commas = param.commas || property.Extension("x-explode") == false
	}
	for i := range p.list {
		if p.list[i].types == 0 {
			p.list[i].types = p.list[i].listed
		}
		p.list[i].types = oneType(p.list[i].types)
		p.list[i].items = oneType(p.list[i].items)
	}
}

// oneType is the declared type, or string where none is declared. An integer is
// read as a number is.
func oneType(types schema.Types) schema.Types {
	switch types {
	case 0:
		return schema.String
	case schema.Integer | schema.Number:
		return schema.Number
	}
	return types
}

// fault returns the reason why a parameter cannot be read from text, or
// nothing.
func (p *parameter) fault(in string) string {
	if in == inHeader && (!token.Is(p.name) || p.field == "Host") {
		return `is not the name of a header field that can be described; write a name such as "X-Request-Id" (for Host use bulwark.Edge.Hosts)`
	}
	if in == inHeader && slices.Contains(hopByHop, p.field) {
		return "is a field of one connection, which no proxy passes on; remove it"
	}
	switch p.types {
	case schema.String, schema.Integer, schema.Number, schema.Boolean:
		return ""
	case schema.Array:
		if in == inPath {
			return `is an array, which a path cannot hold; write "type": "string", and a pattern if the text has parts`
		}
		switch p.items {
		case schema.String, schema.Integer, schema.Number, schema.Boolean:
			return ""
		}
		return "is an array whose items cannot be read from text; declare exactly one type for its items: string, integer, number or boolean"
	}
	return "needs exactly one type; declare string, integer, number, boolean or array"
}

func (p *parameters) find(name string) (int, bool) {
	return slices.BinarySearchFunc(p.list, name, func(q parameter, name string) int { return strings.Compare(q.name, name) })
}

// parameters fills in defaults and evaluates.
func (v *visit) parameters(p *parameters, values map[string]any) (map[string]any, error) {
	result, err := v.hold(p.in, p.schema.Check, values)
	if err != nil {
		return nil, err
	}
	return result.Value.(map[string]any), nil
}
