package authz

import "net/http"

// A headerField is a field of an answer's header.
type headerField struct {
	name   string
	values []string
}

// remember adds the header fields that are there before the handler runs. A
// handler that sets a field, or adds to it, leaves the values of the slice as
// they were.
func remember(to []headerField, h http.Header) []headerField {
	for name, values := range h {
		to = append(to, headerField{name, values})
	}
	return to
}

// layersOf returns the header fields of the layers, if objects of type T are
// registered, so that Write may write one. It is called before the handler.
func layersOf[T any](t *table, w http.ResponseWriter) []headerField {
	if len(t.fields) == 0 || t.fields[structOf[T]()] == nil {
		return nil
	}
	h := w.Header()
	return remember(make([]headerField, 0, len(h)), h)
}

// restore undoes what the handler has done to the header. A field that
// describes an object may hint at an object, or at a property, that is not
// shown.
func restore(h http.Header, layers []headerField) {
	clear(h)
	for _, field := range layers {
		h[field.name] = field.values
	}
}
