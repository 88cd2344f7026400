package schema

// A Code is the stable name of a rule that a value broke.
type Code string

const (
	codeRequired          Code = "required"
	codeUnknown           Code = "unknown"
	codeType              Code = "type"
	codeConst             Code = "const"
	codeEnum              Code = "enum"
	codeFormat            Code = "format"
	codePattern           Code = "pattern"
	codeMinLength         Code = "min_length"
	codeMaxLength         Code = "max_length"
	codeMinimum           Code = "minimum"
	codeMaximum           Code = "maximum"
	codeExclusiveMinimum  Code = "exclusive_minimum"
	codeExclusiveMaximum  Code = "exclusive_maximum"
	codeMultipleOf        Code = "multiple_of"
	codeMinItems          Code = "min_items"
	codeMaxItems          Code = "max_items"
	codeUniqueItems       Code = "unique_items"
	codeMinContains       Code = "min_contains"
	codeMaxContains       Code = "max_contains"
	codeMinProperties     Code = "min_properties"
	codeMaxProperties     Code = "max_properties"
	codePropertyName      Code = "property_name"
	codeDependentRequired Code = "dependent_required"
	codeForbidden         Code = "forbidden"
	codeReadOnly          Code = "read_only"
	codeNot               Code = "not"
	codeAnyOf             Code = "any_of"
	codeOneOf             Code = "one_of"
	codeSchema            Code = "schema"
)

// detail is the sentence for the developer of a client. It says what the rule
// wants. A %v is the parameter "limit", "format" and so on.
var detail = map[Code]string{
	codeRequired:          "Is required.",
	codeUnknown:           "Is not known here; leave it out.",
	codeType:              "Must be of type %v.",
	codeConst:             "Must be the one value that is allowed.",
	codeEnum:              "Must be one of the values that are allowed.",
	codeFormat:            "Must be a valid %v.",
	codePattern:           "Must match the pattern.",
	codeMinLength:         "Must have at least %v characters.",
	codeMaxLength:         "Must have at most %v characters.",
	codeMinimum:           "Must be %v or more.",
	codeMaximum:           "Must be %v or less.",
	codeExclusiveMinimum:  "Must be more than %v.",
	codeExclusiveMaximum:  "Must be less than %v.",
	codeMultipleOf:        "Must be a multiple of %v.",
	codeMinItems:          "Must have at least %v items.",
	codeMaxItems:          "Must have at most %v items.",
	codeUniqueItems:       "Must not hold the same item twice.",
	codeMinContains:       "Must have at least %v items of the required kind.",
	codeMaxContains:       "Must have at most %v items of the limited kind.",
	codeMinProperties:     "Must have at least %v properties.",
	codeMaxProperties:     "Must have at most %v properties.",
	codePropertyName:      "Must have a name that is allowed.",
	codeDependentRequired: "Is required together with %v.",
	codeForbidden:         "Is not allowed here; leave it out.",
	codeReadOnly:          "Is read only; leave it out.",
	codeNot:               "Must not be of the excluded kind.",
	codeAnyOf:             "Must fit at least one of the alternatives.",
	codeOneOf:             "Must fit exactly one of the alternatives.",
	codeSchema:            "Must be a valid JSON Schema.",
}
