package bulwark

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/response"
)

// A fault is an error that a handler has met, and the facts by which to find
// out who caused it.
type fault struct {
	r     *http.Request
	scope *Scope
	fresh bool // no layer has seen the request before, so that nobody has watched its body
}

// byClient returns the refusal for an error that the client caused: the client
// has left, or its body is cut off, malformed or late. It returns nil for any
// other error, such as a deadline that the program set itself.
func (f fault) byClient(err error) *Problem {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge) && tooLarge != nil:
		return bodyTooLarge(tooLarge.Limit)
	case errors.Is(err, http.ErrBodyReadAfterClose):
		return nil // the handler's own mistake
	}
	if p := f.ofForm(err); p != nil {
		return p
	}
	if cause := f.ofBody(err); cause != nil {
		return unreadable(cause, err)
	}
	switch {
	case f.ended(err, response.ErrExpired):
		return credentialExpired(err)
	case f.ended(err, response.ErrRevoked):
		return credentialRevoked(err)
	case f.ended(err, response.ErrUnchecked):
		return credentialUnchecked(err)
	case f.onConnection(err, "write"), f.left() && ofLeaving(err):
		return clientLeft(err)
	}
	return nil
}

// ended reports whether err comes from the end of a stream with this cause.
func (f fault) ended(err, cause error) bool {
	return errors.Is(err, cause) || errors.Is(err, context.Canceled) && errors.Is(context.Cause(f.r.Context()), cause)
}

// ofLeaving reports whether an error comes from the end of the client's
// context, also if a driver or a client has flattened it to text. A deadline
// beside it is the program's own.
func ofLeaving(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if errors.Is(err, context.Canceled) || hasText(err, "http2: stream closed", "client disconnected") {
		return true
	}
	text := textOf(err)
	return strings.Contains(text, context.Canceled.Error()) || strings.Contains(text, "operation was canceled")
}

// left reports whether the client has gone: the server has cancelled the
// context that the request came with. A context that a layer or a handler
// derived may end for reasons of the program. If the context of the whole
// server is cancelled, it has a cause.
func (f fault) left() bool {
	own := f.r.Context()
	for s := f.scope; s != nil; s = scopeOf(own) {
		own = s.Context
	}
	return own.Err() != nil && context.Cause(own) == context.Canceled
}

// ofBody returns the failure of the body that err is, wraps or quotes, or nil.
func (f fault) ofBody(err error) error {
	if b, ok := f.r.Body.(*bodyWatch); ok && quotes(err, b.failure()) {
		return b.failure()
	}
	for rec := f.scope.shared; rec != nil; rec = rec.outer {
		if failure := rec.body.failure(); quotes(err, failure) {
			return failure
		}
	}
	if f.onConnection(err, "read") || f.fresh && f.r.Body != nil && f.r.Body != http.NoBody && f.looksCutOff(err) {
		return err
	}
	return nil
}

// quotes reports whether err is or wraps the failure, or has its text: some
// readers flatten the errors that they pass on.
func quotes(err, failure error) bool {
	if failure == nil {
		return false
	}
	text := textOf(failure)
	return errors.Is(err, failure) || text != "" && strings.Contains(textOf(err), text)
}

// onConnection reports whether err comes from the connection to the client.
func (f fault) onConnection(err error, op string) bool {
	var at *net.OpError
	return errors.As(err, &at) && at != nil && at.Op == op && at.Addr != nil && f.r.RemoteAddr != "" && at.Addr.String() == f.r.RemoteAddr
}

// streamError is the RST_STREAM of HTTP/2 (RFC 9113 section 6.4) as net/http
// reports it. The error type of net/http can be read by errors.As into any type
// with these fields.
type streamError struct {
	StreamID, Code uint32
	Cause          error
}

func (streamError) Error() string { return "stream error" }

// looksCutOff reports whether an error is of a kind with which net/http ends a
// body. It is for bodies that nobody has watched.
func (f fault) looksCutOff(err error) bool {
	var at *net.OpError
	if errors.As(err, &at) && at != nil && at.Addr != nil {
		return false // of another connection
	}
	var reset streamError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, http.ErrLineTooLong) || errors.As(err, &reset) {
		return true
	}
	return hasText(err, bodyErrors...)
}

// bodyErrors are texts of errors that net/http does not export.
var bodyErrors = []string{
	"malformed chunked encoding", "invalid byte in chunk length", "empty hex number for chunk length",
	"http chunk length too large", "chunked encoding contains too much non-data", "chunked line ends with bare LF",
	"http: unexpected EOF reading trailer", "http: suspiciously long trailer after chunked body", "client disconnected",
}

// hasText reports whether one of the errors in the tree of err has such a text:
// net/http exports few of its errors.
func hasText(err error, texts ...string) bool {
	return anyCause(err, func(each error) bool { return slices.Contains(texts, textOf(each)) })
}

func bodyTooLarge(limit int64) *Problem {
	return &Problem{Status: http.StatusRequestEntityTooLarge, Code: "body.too_large",
		Detail: "The body is larger than the " + strconv.FormatInt(limit, 10) + " bytes allowed here."}
}

// unreadable refuses a body that failed: late, or cut off and malformed.
func unreadable(failure, err error) *Problem {
	var late interface{ Timeout() bool }
	if errors.As(failure, &late) && late.Timeout() {
		return &Problem{Status: http.StatusRequestTimeout, Code: "body.timeout", Err: err,
			Detail: "The body did not arrive in time.",
			Header: http.Header{"Connection": {"close"}}} // RFC 9110 section 15.5.9
	}
	return &Problem{Status: http.StatusBadRequest, Code: "body.incomplete", Err: err,
		Detail: "The body could not be read to its end."}
}

// clientLeft is for the record alone: nobody reads the answer. Servers commonly
// write 499 for it.
func clientLeft(err error) *Problem {
	return &Problem{Status: 499, Code: "request.canceled", Title: "Client Closed Request", Err: err,
		Log: ProblemLog{Event: NoEvent}}
}

// credentialExpired is the end of a stream whose credential has expired.
func credentialExpired(err error) *Problem {
	return &Problem{Status: http.StatusUnauthorized, Code: "request.credential_expired", Err: err,
		Detail: "The credential has expired.", Log: ProblemLog{Event: SessionExpired}}
}

// credentialRevoked is the end of a stream whose credential has been revoked.
// The authentication layer has reported it once for all streams of the
// credential.
func credentialRevoked(err error) *Problem {
	return &Problem{Status: http.StatusUnauthorized, Code: "request.credential_revoked", Err: err,
		Detail: "The credential has been revoked.", Log: ProblemLog{Event: SessionExpired}}
}

// credentialUnchecked is the end of a stream whose credential could not be
// checked for too long. The authentication layer has reported it.
func credentialUnchecked(err error) *Problem {
	return &Problem{Status: http.StatusServiceUnavailable, Code: "request.credential_unchecked", Err: err,
		Detail: "The credential could not be checked for too long.", Log: ProblemLog{Event: NoEvent}}
}

// judge lowers the level of a 5xx that the client caused. For example, a check
// could not be made because the client has left.
func (f fault) judge(p *Problem) {
	if p.Status < 500 || p.Log.Level != nil || p.Err == nil {
		return
	}
	if cause := f.byClient(p.Err); cause != nil {
		p.Log.Level = slog.LevelWarn
		if cause.Log.Event != "" {
			p.Log.Level = slog.LevelInfo
		}
	}
}
