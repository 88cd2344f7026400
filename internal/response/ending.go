package response

import (
	"context"
	"net/http"
	"strconv"
)

// StatusCancelled is the status in the record of a request whose client had
// gone before anything was written. No client ever sees it. RFC 9110 lacks such
// a status; nginx writes 499.
const StatusCancelled = 499

// A How is how a handler ended.
type How int

// The ways in which a handler ends.
const (
	Returned How = iota
	Aborted      // panicked with http.ErrAbortHandler, which is not a fault
	Panicked     // with anything else, or ended its goroutine
)

// An Ending is how an exchange ended, for records.
type Ending struct {
	Status int
	// CutOff means that the client has the status, and not the whole answer.
	CutOff bool
	// Cancelled means that the client had gone before anything of the answer
	// left. Status is StatusCancelled if nothing was written.
	Cancelled bool
}

// Ending returns how the exchange ended. r is the request that the server
// handed in: its context ends when the client leaves.
//
// A panic before the header has left is 500: net/http cuts the response off,
// and a status in a buffer never leaves. After the header has left, the status
// is the one that the client has seen.
func (w *Writer) Ending(r *http.Request, how How) Ending {
	if w.hijacked { // the connection is the handler's, panic or not
		return Ending{Status: w.Status()}
	}
	// net/http ends the context when it cannot read the body, also for a
	// deadline: who gets a 408 for that has not left.
	here := w.status == http.StatusRequestTimeout
	unseen := w.late || !here && !w.sent(r.ProtoMajor) && gone(r.Context())
	switch {
	case unseen && (how == Aborted || how == Returned && w.status == 0):
		return Ending{Status: StatusCancelled, Cancelled: true}
	case how == Returned:
		unsent := !unseen && (w.failed && w.sent(r.ProtoMajor) || w.short(r))
		return Ending{Status: w.Final(false), CutOff: unsent || w.expiry.over.Load(), Cancelled: unseen}
	case w.sent(r.ProtoMajor):
		return Ending{Status: w.status, CutOff: true}
	}
	return Ending{Status: http.StatusInternalServerError}
}

// short reports whether the body is shorter than the Content-Length that the
// client has been told. The server then breaks the connection off.
func (w *Writer) short(r *http.Request) bool {
	length, status := w.length, w.status
	if !w.Started() {
		length, status = lengthIn(w.inner.Header()), http.StatusOK
	}
	bodiless := status == http.StatusNoContent || status == http.StatusNotModified || r.Method == http.MethodHead
	return w.bytes < length && !bodiless
}

// lengthIn returns the Content-Length of a header, or 0 without one.
func lengthIn(h http.Header) int64 {
	lines := h["Content-Length"]
	if len(lines) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(lines[0], 10, 64)
	if err != nil { // net/http drops it
		return 0
	}
	return n
}

// From sets the context that ends when the client leaves. With it, an answer
// that begins after the client has gone can be told from an answer that the
// client has seen.
func (w *Writer) From(client context.Context) { w.client = client }

// gone reports whether the client has left. A deadline, and a server that
// stops, end a context for reasons of our own.
func gone(ctx context.Context) bool {
	return ctx.Err() != nil && context.Cause(ctx) == context.Canceled
}

// sent reports whether the header has left for the client: it was flushed, or
// the body is larger than what net/http keeps back.
func (w *Writer) sent(protoMajor int) bool {
	kept := int64(2048)
	if protoMajor == 2 {
		kept = 4096
	}
	return w.status != 0 && (w.flushed || w.bytes > kept)
}
