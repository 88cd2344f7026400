// Package witness tells package authztest what package authz does for the
// requests of a test: which struct types the tags of [authz.Fields] are for,
// and what authz.Write and authz.WriteList have sent.
//
// Outside such a test nobody watches. Then [Sent] costs the load of one atomic
// number.
package witness

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
)

// Types describes the struct types that are registered with the policy of a
// *authz.Mux, sorted by name. Package authz sets it.
var Types func(mux any) []Type

// A Type is a registered struct type, or a struct with tags in such a type.
type Type struct {
	Name   string // with its package, such as "documents.Document"
	Fields []Field
}

// A Field is a field that the JSON of a type has.
type Field struct {
	Name string
	// Open says that everybody reads the field to whom the object is granted.
	Open bool
	// Reads reports whether a role of the caller lets the caller read the field
	// of every object. A nil caller is anonymous.
	Reads func(caller *bulwark.Principal) bool
}

// A Record has what was sent for one request. It is safe for concurrent use.
type Record struct {
	mu   sync.Mutex
	sent [][]byte
}

// Bodies returns what was sent, in its order.
func (r *Record) Bodies() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent
}

type key struct{}

// watching counts the requests of tests that run.
var watching atomic.Int64

// Watch returns a context for a request, and the record of the request. The
// caller calls stop after the request.
func Watch(ctx context.Context) (watched context.Context, r *Record, stop func()) {
	watching.Add(1)
	r = new(Record)
	return context.WithValue(ctx, key{}, r), r, func() { watching.Add(-1) }
}

// Sent notes a body that authz.Write or authz.WriteList sends for the request
// of ctx. It keeps a copy, and only in a test that watches.
func Sent(ctx context.Context, body []byte) {
	if watching.Load() == 0 {
		return
	}
	if r, ok := ctx.Value(key{}).(*Record); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sent = append(r.sent, bytes.Clone(body))
	}
}
