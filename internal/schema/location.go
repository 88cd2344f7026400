package schema

import (
	"net/url"
	"strings"
)

// resolve resolves the $id of a document.
func resolve(document, id string) string {
	at, err := url.Parse(document)
	if err != nil {
		return id
	}
	resolved, err := at.Parse(strings.TrimSuffix(id, "#"))
	if err != nil {
		return id
	}
	return resolved.String()
}

// splitLocation splits the library's location of a schema into document and
// pointer, which it percent-encodes.
func splitLocation(location string) (document, pointer string) {
	document, fragment, _ := strings.Cut(location, "#")
	if decoded, err := url.PathUnescape(fragment); err == nil {
		fragment = decoded
	}
	return document, fragment
}

func escapeLocation(pointer string) string {
	segments := strings.Split(pointer, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return strings.Join(segments, "/")
}

// homeOf returns the pointer of the nearest schema with an $id on the way to
// pointer.
func homeOf(doc any, pointer string) string {
	for at := pointer; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
		schema, _ := lookUp(doc, at).(map[string]any)
		if id, ok := schema["$id"].(string); ok && !strings.HasPrefix(id, "#") {
			return at
		}
	}
	return ""
}
