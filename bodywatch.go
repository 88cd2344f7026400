package bulwark

import (
	"io"
	"net/http"
	"sync/atomic"
)

// A bodyWatch is the Body of a request, and remembers how reading it has
// failed. With it [Deny] recognises an upload that the client broke off.
// Another failure, such as a broken answer of another service, can have the
// same error.
type bodyWatch struct {
	io.ReadCloser
	failed atomic.Pointer[error] // the first failure; the goroutine that reads may not be the one that asks
}

// watch puts b around the body of r. An absent body and a body that is already
// watched stay the same, because other code recognises them by their value.
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

// Limit passes the bound of a reader further in to a body that has a method
// Limit. The body of a server with a cap for all bodies has it.
func (b *bodyWatch) Limit(most int64) bool {
	capped, ok := b.ReadCloser.(interface{ Limit(int64) bool })
	return ok && capped.Limit(most)
}

// failure returns the error with which reading the body has failed, or nil.
func (b *bodyWatch) failure() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}
