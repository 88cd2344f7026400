package body

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Body is a body that has been read. It is the Body of the request that [Read]
// and [Replace] return. As an io.ReadCloser it yields the bytes from the first
// one. Each of these requests has its own Body and its own position in the
// bytes. The bytes that they share are never modified. Only one goroutine at a
// time may call Read, WriteTo and Close. The other methods are safe for
// concurrent use.
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

// Yields reports whether r yields exactly these bytes. The Body of r may be the
// reader of another layer around this Body. Yields reads the bytes and puts
// them back, so r.Body can be read from the first byte again. Only one
// goroutine at a time may call it.
func (b *Body) Yields(r *http.Request) bool {
	if r.Body == nil {
		return b.Empty()
	}
	inner := r.Body
	data := make([]byte, len(b.bytes)+1)
	n, err := io.ReadFull(inner, data)
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(data[:n]), inner), inner}
	ended := err == io.EOF || err == io.ErrUnexpectedEOF
	return ended && bytes.Equal(data[:n], b.bytes)
}

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

// document decodes the bytes if only the value is known, because a layer has
// replaced both. That layer has made the bytes, so no limits apply to them.
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

var errClosed = errors.New("the body of the request is read after its Close")

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

// asks reports whether l has other limits of the JSON than those that the body
// was decoded with.
func (c *content) asks(l jsondoc.Limits) bool {
	l.Bytes = 0
	return c.hasValue && l != c.limits
}

// allows reports whether list holds the media type.
func allows(list []string, mediaType string) bool {
	return slices.Contains(list, mediaType)
}
