package body

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Body is a body that has been read. It is the Body of the request that [Read]
// and [Replace] return, and as an io.ReadCloser yields the bytes from the first
// one. Each such request has a Body of its own, so that one who has read to the
// end takes nothing from the next; what they share is never modified. Reading
// is for one goroutine at a time, the other methods for any.
type Body struct {
	*content
	at     int
	closed bool
}

// content is what was read. It is not modified once the request that carries it
// has been returned.
type content struct {
	bytes     []byte
	mediaType string
	value     any
	hasValue  bool
	limits    jsondoc.Limits // of the first reader, without Bytes

	mu  sync.Mutex
	doc *jsondoc.Document // nil until asked for where only the value is known
}

// From returns the Body of r, or nil if nobody has read it yet, or somebody has
// put another in its place.
func From(r *http.Request) *Body {
	b, _ := r.Body.(*Body)
	return b
}

// Same reports whether two requests carry the same body, however much of it
// either has read.
func (b *Body) Same(other *Body) bool { return b.content == other.content }

// Empty reports whether the body has no bytes at all.
func (b *Body) Empty() bool { return len(b.bytes) == 0 }

// Bytes returns the whole body. It must not be modified.
func (b *Body) Bytes() []byte { return b.bytes }

// MediaType returns the media type in lower case without parameters; it is
// empty for an empty body.
func (b *Body) MediaType() string { return b.mediaType }

// Value returns the decoded JSON, and false where the body is empty or of
// another type. It must not be modified, and its strings may share memory with
// the bytes.
func (b *Body) Value() (any, bool) { return b.value, b.hasValue }

// Document returns the decoded JSON with the places of its strings, and nil
// where Value returns false. It is never nil where Value returns true and the
// Body is from [Read].
func (b *Body) Document() *jsondoc.Document {
	doc, _ := b.document()
	return doc
}

// document decodes the bytes where only the value is known: it was replaced,
// and the source with it. They are ours and need not be held against anybody's
// limits again.
func (c *content) document() (*jsondoc.Document, error) {
	if !c.hasValue {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doc == nil {
		size := len(c.bytes)
		doc, err := jsondoc.Decode(c.bytes, jsondoc.Limits{Bytes: size, Depth: size, Keys: size, Items: size, Values: size, Name: size, Number: size})
		if err != nil {
			return nil, err
		}
		c.doc = doc
	}
	return c.doc, nil
}

var errClosed = errors.New("body: read after Close")

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, errClosed
	}
	if b.at >= len(b.bytes) {
		return 0, io.EOF
	}
	n := copy(p, b.bytes[b.at:])
	b.at += n
	return n, nil
}

// WriteTo implements io.WriterTo.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	if b.closed {
		return 0, errClosed
	}
	rest := b.bytes[b.at:]
	if len(rest) == 0 {
		return 0, nil
	}
	n, err := w.Write(rest)
	b.at += n
	return int64(n), err
}

// Close ends the reading through this Body. It returns nil.
func (b *Body) Close() error {
	b.closed = true
	return nil
}

// Replace returns a copy of r whose body is src, which decodes to doc. It is
// for a layer that has changed something: later readers see the new bytes and
// the new value alike. Length and header fields follow; what described the old
// bytes (digests, trailers) is removed, and parsed forms are forgotten. r stays
// as it is. src must not be modified afterwards.
func Replace(r *http.Request, doc *jsondoc.Document, src []byte) (*http.Request, *Body) {
	c := next(r, src)
	c.value, c.hasValue, c.doc = doc.Value, true, doc
	return replace(r, c)
}

// ReplaceValue is [Replace] for a layer that has made a new value. The bytes
// are what jsondoc.Append makes of it, and its errors those of Append: a value
// that no reader of the bytes would get, such as one with two names that differ
// only by case.
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
	r, b := carry(r, c)
	without(r, describing[:])
	if _, ok := r.Header["Content-Length"]; ok {
		r.Header = maps.Clone(r.Header)
		r.Header["Content-Length"] = []string{strconv.Itoa(len(c.bytes))}
	}
	return r, b
}

// without removes header fields from a request whose header may be another's.
func without(r *http.Request, names []string) {
	owned := false
	for _, name := range names {
		if _, ok := r.Header[name]; !ok {
			continue
		}
		if !owned {
			r.Header, owned = maps.Clone(r.Header), true
		}
		delete(r.Header, name)
	}
}

// carry returns a copy of r with c for its body.
func carry(r *http.Request, c *content) (*http.Request, *Body) {
	b := &Body{content: c}
	r = r.WithContext(r.Context()) // a shallow copy
	r.Body = b
	r.GetBody = nil // it would yield the body as the client sent it
	r.ContentLength = int64(len(c.bytes))
	// The whole body is here: who sends it on says its length and neither
	// chunks it nor promises trailers.
	r.TransferEncoding, r.Trailer = nil, nil
	r.Form, r.PostForm, r.MultipartForm = nil, nil, nil
	without(r, framing[:])
	return r, b
}

// asks reports whether l wants another strictness of the JSON than what the
// body was decoded with.
func (c *content) asks(l jsondoc.Limits) bool {
	l.Bytes = 0
	return c.hasValue && l != c.limits
}

// allows reports whether list holds the media type.
func allows(list []string, mediaType string) bool {
	return slices.Contains(list, mediaType)
}
