package jsondoc

import (
	"encoding/json"
	"strings"
)

// Clone returns a deep copy of a value as Decode makes it, strings, names and
// numbers included: it shares no memory with the source. A value of another
// type is returned as it is.
func Clone(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Clone(v)
	case json.Number:
		return json.Number(strings.Clone(string(v)))
	case []any:
		if v == nil {
			return v
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = Clone(v[i])
		}
		return list
	case map[string]any:
		if v == nil {
			return v
		}
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[strings.Clone(name)] = Clone(member)
		}
		return object
	}
	return v
}
