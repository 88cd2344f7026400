package schema

import (
	"maps"
	"slices"
	"strconv"
)

// shape is what the value of a keyword looks like.
type shape uint8

const (
	shapeAny     shape = iota
	shapeSchema        // a schema
	shapeSchemas       // an array of schemas
	shapeNamed         // an object of schemas
)

// keyword is what has to be known of a keyword to walk a schema, and to see
// that it can apply.
type keyword struct {
	shape   shape
	applies Types // to values of these types only; 0 is all
}

// keywords are those of draft 2020-12 that this package evaluates or that only
// describe.
var keywords = map[string]keyword{
	"$schema": {}, "$id": {}, "$ref": {}, "$anchor": {}, "$dynamicRef": {}, "$dynamicAnchor": {}, "$comment": {},
	"$defs": {shape: shapeNamed},

	"allOf": {shape: shapeSchemas}, "anyOf": {shape: shapeSchemas}, "oneOf": {shape: shapeSchemas}, "not": {shape: shapeSchema},
	"if": {shape: shapeSchema}, "then": {shape: shapeSchema}, "else": {shape: shapeSchema},
	"type": {}, "enum": {}, "const": {},

	"properties": {shapeNamed, Object}, "patternProperties": {shapeNamed, Object}, "additionalProperties": {shapeSchema, Object},
	"propertyNames": {shapeSchema, Object}, "dependentSchemas": {shapeNamed, Object}, "unevaluatedProperties": {shapeSchema, Object},
	"required": {applies: Object}, "dependentRequired": {applies: Object},
	"minProperties": {applies: Object}, "maxProperties": {applies: Object},

	"prefixItems": {shapeSchemas, Array}, "items": {shapeSchema, Array}, "contains": {shapeSchema, Array},
	"unevaluatedItems": {shapeSchema, Array}, "minItems": {applies: Array}, "maxItems": {applies: Array},
	"uniqueItems": {applies: Array}, "minContains": {applies: Array}, "maxContains": {applies: Array},

	"minLength": {applies: String}, "maxLength": {applies: String}, "pattern": {applies: String}, "format": {},
	"contentEncoding": {applies: String}, "contentMediaType": {applies: String}, "contentSchema": {applies: String},

	"minimum": {applies: numeric}, "maximum": {applies: numeric}, "exclusiveMinimum": {applies: numeric},
	"exclusiveMaximum": {applies: numeric}, "multipleOf": {applies: numeric},

	"title": {}, "description": {}, "default": {}, "deprecated": {}, "readOnly": {}, "writeOnly": {}, "examples": {},

	// Descriptions of OpenAPI 3.1 and of editors.
	"example": {}, "externalDocs": {}, "xml": {}, "discriminator": {},
	"markdownDescription": {}, "enumDescriptions": {}, "markdownEnumDescriptions": {}, "enumItemLabels": {}, "defaultSnippets": {},
	"errorMessage": {}, "patternErrorMessage": {}, "deprecationMessage": {}, "doNotSuggest": {}, "suggestSortText": {},
	"allowComments": {}, "allowTrailingCommas": {}, "tsType": {},
}

// subschemas calls visit for each schema directly within schema, in a fixed
// order, with its pointer.
func subschemas(schema map[string]any, pointer string, visit func(sub any, pointer string)) {
	for _, name := range slices.Sorted(maps.Keys(schema)) {
		here := string(appendSegment([]byte(pointer), name))
		switch keywords[name].shape {
		case shapeSchema:
			visit(schema[name], here)
		case shapeSchemas:
			list, _ := schema[name].([]any)
			for i, sub := range list {
				visit(sub, here+"/"+strconv.Itoa(i))
			}
		case shapeNamed:
			named, _ := schema[name].(map[string]any)
			for _, key := range slices.Sorted(maps.Keys(named)) {
				visit(named[key], string(appendSegment([]byte(here), key)))
			}
		}
	}
}

// eachSchema calls visit for a schema and all within it that are objects.
func eachSchema(v any, pointer string, visit func(schema map[string]any, pointer string)) {
	schema, ok := v.(map[string]any)
	if !ok {
		return
	}
	visit(schema, pointer)
	subschemas(schema, pointer, func(sub any, pointer string) { eachSchema(sub, pointer, visit) })
}
