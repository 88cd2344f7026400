package schema

import "encoding/json"

// Types is a set of JSON types.
type Types uint8

const (
	Null Types = 1 << iota
	Boolean
	Object
	Array
	Number
	Integer
	String
)

const numeric = Number | Integer

var typeNames = [...]struct {
	name string
	set  Types
}{
	{"null", Null}, {"boolean", Boolean}, {"object", Object}, {"array", Array},
	{"number", Number}, {"integer", Integer}, {"string", String},
}

func typeNamed(name string) Types {
	for _, t := range typeNames {
		if t.name == name {
			return t.set
		}
	}
	return 0
}

// names lists the types in the order of the specification.
func (s Types) names() []string {
	var names []string
	for _, t := range typeNames {
		if s&t.set != 0 {
			names = append(names, t.name)
		}
	}
	return names
}

// has reports whether v is of one of the types.
func (s Types) has(v any) bool {
	switch v := v.(type) {
	case nil:
		return s&Null != 0
	case bool:
		return s&Boolean != 0
	case string:
		return s&String != 0
	case json.Number:
		return s&Number != 0 || s&Integer != 0 && isInteger(v)
	case []any:
		return s&Array != 0
	case map[string]any:
		return s&Object != 0
	}
	return false
}
