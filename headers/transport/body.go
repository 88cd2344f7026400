package transport

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// defaultBody is the cap on the body of a route that has set none, in bytes.
const defaultBody = 1 << 20

// MaxBodyBytes limits the bodies of the requests that it wraps, in bytes. At
// least 1. As a layer around a route it replaces the 1 MiB of [Server], with a
// larger or a smaller limit:
//
//	upload := bulwark.Must(bulwark.Chain(transport.MaxBodyBytes(32 << 20)))
//	mux.Handle("PUT /files/{id}", upload.Wrap(putFile))
//
// If several limits stand around each other, the smallest counts.
//
// A body beyond the limit is answered in one of two ways:
//
//   - If the Content-Length is beyond the limit, the body is refused when the
//     handler begins to read. The server reads nothing of it, and does not ask
//     for it with 100 Continue.
//   - Otherwise reading beyond the limit fails.
//
// Both fail with an *[http.MaxBytesError], which [bulwark.Deny] answers with
// 413. An HTTP/1 connection is then closed, and the server does not read the
// rest. For this, each ResponseWriter that an outer layer uses needs an Unwrap
// method, see [http.ResponseController]. The ResponseWriter of
// [http.TimeoutHandler] does not have this method.
//
// Put MaxBodyBytes outside every layer that replaces the body of a request.
// Inside such a layer it can only lower the limit.
type MaxBodyBytes int64

// Build checks the limit and returns its layer.
func (n MaxBodyBytes) Build() (bulwark.Layer, error) {
	if n <= 0 {
		return nil, &bulwark.ConfigError{Field: "transport.MaxBodyBytes", Value: strconv.FormatInt(int64(n), 10),
			Reason: "must be at least 1; it is a number of bytes, such as 1 << 20"}
	}
	return bodyLimit(n), nil
}

type bodyLimit int64

func (n bodyLimit) Build() (bulwark.Layer, error) { return n, nil }
func (n bodyLimit) Kind() bulwark.Kind            { return "transport.body" }

// Wrap bounds the bodies that next reads.
func (n bodyLimit) Wrap(next http.Handler) http.Handler {
	otherwise := capped(next, int64(n), true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if outer, ok := r.Body.(interface{ Limit(int64) bool }); ok && outer.Limit(int64(n)) {
			next.ServeHTTP(w, r)
			return
		}
		otherwise.ServeHTTP(w, r)
	})
}

// capped bounds the bodies that next reads. With fixed the limit was chosen,
// and is not the default.
func capped(next http.Handler, limit int64, fixed bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		inner := new(http.Request)
		*inner = *r // the body of the request that a handler was given is not its to replace
		inner.Body = &body{w: w, inner: r.Body, length: r.ContentLength, limit: limit, fixed: fixed}
		// Layers outside read the pattern, which a mux inside sets, from the
		// request that they passed on.
		defer func() { r.Pattern = inner.Pattern }()
		next.ServeHTTP(w, inner)
	})
}

// body is the body of a request under a limit. A layer further inside can still
// choose the limit, until the first read. It is for one goroutine at a time, as
// every body is.
type body struct {
	w      http.ResponseWriter
	inner  io.ReadCloser
	length int64 // that the client declared, or -1
	limit  int64
	fixed  bool
	reader io.ReadCloser // nil before the first read
}

// Limit sets the limit in bytes. The first call replaces the default, and a
// further call can only lower the limit. It reports false after the first read.
func (b *body) Limit(n int64) bool {
	if b.reader != nil {
		return false
	}
	if !b.fixed || n < b.limit {
		b.limit, b.fixed = n, true
	}
	return true
}

// Read leaves the counting to http.MaxBytesReader, which can also make the
// server close the connection. A body whose declared length is beyond the limit
// is refused unread, before the server asks for it with 100 Continue (RFC 9110
// section 10.1.1).
func (b *body) Read(p []byte) (int, error) {
	if b.reader == nil {
		b.reader = http.MaxBytesReader(innermost(b.w), b.inner, b.limit)
		if b.length > b.limit {
			b.reader = tooLong{b.inner, b.limit}
			// It is made to tell the server.
			http.MaxBytesReader(innermost(b.w), io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
		}
	}
	return b.reader.Read(p)
}

// tooLong is a body that was refused for its length.
type tooLong struct {
	io.Closer
	limit int64
}

func (t tooLong) Read([]byte) (int, error) { return 0, &http.MaxBytesError{Limit: t.limit} }

// innermost returns the writer of the server itself, because
// http.MaxBytesReader can only ask that writer to close the connection. If it
// cannot be reached, it returns the last writer that can be. A writer that
// unwraps to itself must not hold a request forever.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for range 16 {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = wrapper.Unwrap()
	}
	return w
}

// Close closes the body itself.
func (b *body) Close() error { return b.inner.Close() }
