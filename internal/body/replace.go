package body

import (
	"maps"
	"net/http"
	"reflect"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Replace returns a copy of r whose body is src, which decodes to doc. It is
// for a layer that has changed the body: later readers see the new bytes and
// the new value. The length and Content-Length follow. Digests and trailers of
// the old bytes are removed, and parsed forms are forgotten. r stays as it is.
// src must not be modified afterwards.
func Replace(r *http.Request, doc *jsondoc.Document, src []byte) (*http.Request, *Body) {
	c := next(r, src)
	c.value, c.hasValue, c.doc = doc.Value, true, doc
	return replace(r, c)
}

// ReplaceValue is [Replace] for a layer that has made a new value. Its bytes
// and its errors are those of jsondoc.Append. An error means that no reader of
// the bytes would get the value, for example because two names differ only by
// case.
func ReplaceValue(r *http.Request, v any) (*http.Request, *Body, error) {
	size := 512
	if old := From(r); old != nil {
		size = len(old.bytes) + 256
	}
	src, err := jsondoc.Append(make([]byte, 0, size), v)
	if err != nil {
		return r, nil, err
	}
	c := next(r, src)
	c.value, c.hasValue = v, true
	r, b := replace(r, c)
	return r, b, nil
}

// ReplaceBytes is [Replace] for a body that is not JSON, such as a form.
func ReplaceBytes(r *http.Request, src []byte) (*http.Request, *Body) {
	return replace(r, next(r, src))
}

// next returns content in place of what r carries.
func next(r *http.Request, src []byte) *content {
	if old := From(r); old != nil {
		return &content{bytes: src, mediaType: old.mediaType, limits: old.limits}
	}
	mediaType, _ := MediaType(r.Header)
	return &content{bytes: src, mediaType: mediaType}
}

// framing are the fields that spoke of how the body came.
var framing = [...]string{"Content-Encoding", "Trailer", "Transfer-Encoding"}

// describing are the fields that speak of exact bytes: RFC 9530, RFC 3230 and
// RFC 1864.
var describing = [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"}

func replace(r *http.Request, c *content) (*http.Request, *Body) {
	h := without(r.Header, describing[:])
	if _, ok := h["Content-Length"]; ok {
		h = maps.Clone(h)
		h["Content-Length"] = []string{strconv.Itoa(len(c.bytes))}
	}
	return carry(r, h, c)
}

// without returns a copy of h without the fields, because other requests may
// share the header. If h has none of the fields, without returns h itself.
func without(h http.Header, names []string) http.Header {
	owned := false
	for _, name := range names {
		if _, ok := h[name]; !ok {
			continue
		}
		if !owned {
			h, owned = maps.Clone(h), true
		}
		delete(h, name)
	}
	return h
}

// carry returns a copy of r with c for its body, and with those fields of h
// that do not speak of how the old body came. It is still the same request, see
// [bulwark.Scope.WithHeader].
func carry(r *http.Request, h http.Header, c *content) (*http.Request, *Body) {
	b := &Body{content: c}
	h = without(h, framing[:])
	if same(h, r.Header) {
		r = r.WithContext(r.Context()) // a shallow copy
	} else {
		inside, scope := bulwark.Enter(r)
		r = scope.WithHeader(inside, h)
	}
	r.Body = b
	r.GetBody = nil // it would yield the body as the client sent it
	r.ContentLength = int64(len(c.bytes))
	// The whole body is here. A proxy sends it with its length, without chunks
	// and without trailers.
	r.TransferEncoding, r.Trailer = nil, nil
	r.Form, r.PostForm, r.MultipartForm = nil, nil, nil
	return r, b
}

// same reports whether two headers are one map.
func same(a, b http.Header) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}
