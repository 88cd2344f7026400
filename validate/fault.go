package validate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// code is the stable name of a rule that a value broke.
type code string

const (
	codeRequired          code = "required"
	codeUnknown           code = "unknown"
	codeRepeated          code = "repeated"
	codeType              code = "type"
	codeConst             code = "const"
	codeEnum              code = "enum"
	codeFormat            code = "format"
	codePattern           code = "pattern"
	codeMinLength         code = "min_length"
	codeMaxLength         code = "max_length"
	codeMinimum           code = "minimum"
	codeMaximum           code = "maximum"
	codeExclusiveMinimum  code = "exclusive_minimum"
	codeExclusiveMaximum  code = "exclusive_maximum"
	codeMultipleOf        code = "multiple_of"
	codeMinItems          code = "min_items"
	codeMaxItems          code = "max_items"
	codeUniqueItems       code = "unique_items"
	codeMinContains       code = "min_contains"
	codeMaxContains       code = "max_contains"
	codeMinProperties     code = "min_properties"
	codeMaxProperties     code = "max_properties"
	codePropertyName      code = "property_name"
	codeDependentRequired code = "dependent_required"
	codeForbidden         code = "forbidden"
	codeNot               code = "not"
	codeAnyOf             code = "any_of"
	codeOneOf             code = "one_of"
	codeSchema            code = "schema"
)

// detail is the sentence for people; a %v is the parameter "limit", "format" and so on.
var detail = map[code]string{
	codeRequired:          "Is required.",
	codeUnknown:           "Is not known here.",
	codeRepeated:          "Must be given once.",
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
	codeMinContains:       "Must have at least %v items of the kind that is asked for.",
	codeMaxContains:       "Must have at most %v items of the kind that is limited.",
	codeMinProperties:     "Must have at least %v properties.",
	codeMaxProperties:     "Must have at most %v properties.",
	codePropertyName:      "Is not a name that is allowed.",
	codeDependentRequired: "Is required together with %v.",
	codeForbidden:         "Is not allowed here.",
	codeNot:               "Must not be of the kind that is excluded.",
	codeAnyOf:             "Fits none of the alternatives.",
	codeOneOf:             "Must fit exactly one of the alternatives.",
	codeSchema:            "Must be a valid JSON Schema.",
}

// A fault is one rule broken in one place. It holds nothing of the value; the pointer holds names, which may be submitted ones.
type fault struct {
	pointer string
	code    code
	params  map[string]any
	depth   int    // of the value, in segments, which the pointer may have too few of
	name    string // of a property of the value at hand, where named: the fault is there
	named   bool
}

const (
	// maxFaults bounds how many faults are gathered before they are sorted. The order of gathering is fixed, too.
	maxFaults = 1_000
	// maxPointer bounds what an answer repeats of submitted names, in bytes. Beyond it the pointer ends at the parent.
	maxPointer = 256
)

// note gathers a fault at the value at hand, or at its property, and returns false.
func (e *evaluation) note(report bool, f fault) bool {
	if !report || len(e.faults) >= maxFaults {
		return false
	}
	f.pointer, f.depth = e.pointer(&f), len(e.path)
	if f.named {
		f.depth++
	}
	f.name = "" // it would keep the whole document in memory
	e.faults = append(e.faults, f)
	return false
}

// limit notes a fault against a bound.
func (e *evaluation) limit(report bool, c code, limit any) bool {
	if !report || len(e.faults) >= maxFaults {
		return false
	}
	return e.note(true, fault{code: c, params: map[string]any{"limit": limit}})
}

// fault notes that n's own keyword was broken.
func (e *evaluation) fault(report bool, c code, n *node) bool {
	if !report || len(e.faults) >= maxFaults {
		return false
	}
	f := fault{code: c}
	switch c {
	case codeType:
		f.params = map[string]any{"expected": n.types.names()}
	case codeFormat:
		f.params = map[string]any{"format": n.format}
	case codePattern:
		f.params = map[string]any{"pattern": n.text.pattern.String()}
	case codeEnum:
		if allowed := scalars(n.enum); allowed != nil {
			f.params = map[string]any{"allowed": allowed}
		}
	case codeConst:
		if allowed := scalars(n.constant); allowed != nil {
			f.params = map[string]any{"allowed": allowed}
		}
	}
	return e.note(true, f)
}

// scalars returns the values that the schema lists, if an answer can list them too.
func scalars(values []any) []any {
	const most = 32
	if len(values) > most {
		return nil
	}
	for _, v := range values {
		switch v.(type) {
		case map[string]any, []any:
			return nil
		}
	}
	return values
}

// sentence fills the one parameter into the detail.
func (f *fault) sentence() string {
	text := detail[f.code]
	if !strings.Contains(text, "%v") {
		return text
	}
	for _, key := range [...]string{"limit", "expected", "format", "with"} {
		switch value := f.params[key].(type) {
		case nil:
		case []string:
			return fmt.Sprintf(text, strings.Join(value, " or "))
		case json.Number:
			return fmt.Sprintf(text, value.String())
		default:
			return fmt.Sprintf(text, value)
		}
	}
	return text
}

// fieldErrors sorts the faults of all parts, leaves one per place and code, and returns at most limit of them with the count of all.
func fieldErrors(found map[string][]fault, limit int) ([]bulwark.FieldError, int) {
	var all []bulwark.FieldError
	for in, faults := range found {
		for i := range faults {
			f := &faults[i]
			all = append(all, bulwark.FieldError{Pointer: f.pointer, In: in, Code: string(f.code), Params: f.params, Detail: f.sentence()})
		}
	}
	slices.SortStableFunc(all, func(a, b bulwark.FieldError) int {
		return cmp.Or(strings.Compare(a.In, b.In), strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Code, b.Code))
	})
	all = slices.CompactFunc(all, func(a, b bulwark.FieldError) bool {
		return a.In == b.In && a.Pointer == b.Pointer && a.Code == b.Code
	})
	return all[:min(len(all), limit)], len(all)
}
