package bulwark

import (
	"io"
	"net/http"
	"sync/atomic"
)

// A bodyWatch is the Body of a request, and remembers how reading it has
// failed. With it [Deny] can tell an upload that the client broke off from
// another failure with the same error, such as a broken answer of another
// service.
type bodyWatch struct {
	io.ReadCloser
	failed atomic.Pointer[error] // the first failure; the goroutine that reads may not be the one that asks
}

// watch puts b around the body of r. An absent body, and a body that is watched
// already, stay what they are: others tell them by their value.
func (b *bodyWatch) watch(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	if _, read := r.Body.(interface{ Bytes() []byte }); read {
		return // in memory: it cannot fail
	}
	if _, watched := r.Body.(*bodyWatch); watched {
		return
	}
	b.ReadCloser = r.Body
	r.Body = b
}

// Read implements io.Reader.
func (b *bodyWatch) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.failed.Load() == nil {
		b.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Limit hands on the bound of a reader further in to a body that takes one, as
// that of a server with a cap for all bodies does.
func (b *bodyWatch) Limit(most int64) bool {
	capped, ok := b.ReadCloser.(interface{ Limit(int64) bool })
	return ok && capped.Limit(most)
}

// failure returns what reading the body has failed with, or nil.
func (b *bodyWatch) failure() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}
