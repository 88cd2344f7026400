package body

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Limits bounds one body. A field that is zero stands for its default.
type Limits struct {
	// Source is the configuration that the limits come from, such as
	// "validate.Config". The cause of a refusal, which only the log sees, names
	// the field of this configuration. Without a Source it does not.
	Source string
	// Max is the size in bytes. A larger body is 413 "body.too_large". Default:
	// 1 MiB.
	Max int64
	// MediaTypes are the types accepted, in lower case and without parameters.
	// Another type, no type, and a charset other than utf-8 are 415
	// "body.unsupported_media_type". A body of a JSON type (application/json,
	// and types that end in +json, RFC 6839) is decoded. Default:
	// "application/json" and "application/merge-patch+json".
	MediaTypes []string
	// TypesFrom names the fields that the media types come from. Default:
	// MediaTypes of the Source.
	TypesFrom string
	// JSON bounds the decoded document. Its Bytes is Max.
	JSON jsondoc.Limits
	// Raw leaves a body of a JSON type undecoded, for a reader that decodes it
	// by other rules. What an outer layer has decoded stays so.
	Raw bool
	// Timeout bounds the time from the call of Read to the last byte. A later
	// body is 408 "body.timeout". A shorter ReadTimeout of the http.Server
	// still applies. The timeout needs a ResponseWriter that can set read
	// deadlines. The ResponseWriter of the server can. Default: 30 seconds.
	Timeout time.Duration
}

const (
	defaultMax     = 1 << 20
	defaultTimeout = 30 * time.Second
	firstBuffer    = 64 << 10 // what a Content-Length alone is worth in memory
)

// defaultTypes are JSON and a merge patch (RFC 7396), which is the same syntax.
var defaultTypes = []string{"application/json", "application/merge-patch+json"}

func (l Limits) withDefaults() Limits {
	if l.Max <= 0 {
		l.Max = defaultMax
	}
	if len(l.MediaTypes) == 0 {
		l.MediaTypes = defaultTypes
	}
	if l.Timeout <= 0 {
		l.Timeout = defaultTimeout
	}
	l.JSON.Bytes = int(l.Max)
	return l
}

// Read reads the body of r and returns it with the request to pass on, whose
// Body it is. A body that an outer layer has read is held against these limits
// too and not read again. The error is always a *[bulwark.Problem].
//
// A request without a body is not an error: its [Body] is Empty, and its
// Content-Type is not looked at.
func Read(w http.ResponseWriter, r *http.Request, l Limits) (*http.Request, *Body, error) {
	l = l.withDefaults()
	if b := From(r); b != nil {
		return again(r, b, l)
	}
	if r.Body == nil || r.Body == http.NoBody {
		r, b := carry(r, r.Header, &content{})
		return r, b, nil
	}
	if !Identity(r.Header) {
		return r, nil, unsupportedEncoding()
	}
	mediaType, known := MediaType(r.Header)
	if r.ContentLength > 0 && (!known || !allows(l.MediaTypes, mediaType)) {
		return r, nil, l.unsupportedMediaType(r)
	}
	// The type comes before the size: to a client with the wrong type no other
	// size would help. A length that is declared too long is refused unread
	// (RFC 9110 section 15.5.14). A short length is not trusted: the body is
	// counted as it is read.
	if r.ContentLength > l.Max {
		return r, nil, l.tooLarge()
	}
	data, err := readAll(w, r, l)
	if err != nil {
		return r, nil, err
	}
	c := &content{bytes: data, limits: l.JSON}
	c.limits.Bytes = 0
	if len(data) > 0 {
		if !known || !allows(l.MediaTypes, mediaType) {
			return r, nil, l.unsupportedMediaType(r)
		}
		c.mediaType = mediaType
	}
	if len(data) > 0 && IsJSON(mediaType) && !l.Raw {
		if c.doc, err = jsondoc.Decode(data, l.JSON); err != nil {
			return r, nil, l.fromJSON(data, err)
		}
		c.value, c.hasValue = c.doc.Value, true
	}
	r, b := carry(r, r.Header, c)
	return r, b, nil
}

// again holds a body that has been read against the limits of another reader,
// and rewinds it.
func again(r *http.Request, b *Body, l Limits) (*http.Request, *Body, error) {
	if !b.Empty() {
		if !allows(l.MediaTypes, b.mediaType) {
			return r, nil, l.unsupportedMediaType(r)
		}
		if int64(len(b.bytes)) > l.Max {
			return r, nil, l.tooLarge()
		}
		if b.asks(l.JSON) && !l.Raw {
			if _, err := jsondoc.DecodeValue(b.bytes, l.JSON); err != nil {
				return r, nil, l.fromJSON(b.bytes, err)
			}
		}
		// A value that an outer layer has made gets its document here. A value
		// without a document is refused.
		if _, err := b.document(); err != nil {
			return r, nil, l.fromJSON(b.bytes, err)
		}
	}
	if b.at == 0 && !b.closed {
		return r, b, nil
	}
	r, b = carry(r, r.Header, b.content)
	return r, b, nil
}

// readAll reads to the end, or to one byte beyond the limit.
func readAll(w http.ResponseWriter, r *http.Request, l Limits) ([]byte, error) {
	// The server's cap is for routes that have no limit of their own. This
	// reader has one.
	if capped, ok := r.Body.(interface{ Limit(int64) bool }); ok {
		capped.Limit(l.Max)
	}
	lift := deadline(w, r, l.Timeout)
	size := int64(512)
	if r.ContentLength > 0 {
		size = min(r.ContentLength, firstBuffer)
	}
	data := make([]byte, 0, size+1) // one more, to see the end without growing
	for {
		n, err := r.Body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if int64(len(data)) > l.Max {
			return nil, l.tooLarge()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, l.unreadable(err)
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
	lift()
	r.Body.Close()
	return data, nil
}

// deadline bounds the time to read, and returns what lifts the bound again. It
// must be lifted once the body is there: net/http keeps reading the connection
// to notice that a client goes away, and a deadline that passes then cancels
// the request. Where reading fails it stays, so that the server does not wait
// for the rest either.
func deadline(w http.ResponseWriter, r *http.Request, timeout time.Duration) (lift func()) {
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		if own := server.ReadTimeout; own > 0 && own <= timeout {
			return func() {}
		}
	}
	if w == nil {
		return func() {}
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return func() {} // not a connection, as in tests and adapters
	}
	return func() { control.SetReadDeadline(time.Time{}) }
}

// unreadable turns the error of a read into a refusal.
func (l Limits) unreadable(err error) *bulwark.Problem {
	var timeout interface{ Timeout() bool }
	var outer *http.MaxBytesError
	switch {
	case errors.As(err, &outer):
		if outer.Limit < l.Max {
			return largerThan(outer.Limit, l.named(err, "the body is longer than the %d bytes that a reader around it allows, which is less than MaxBodyBytes of %s", outer.Limit, l.Source))
		}
		return l.tooLarge()
	case errors.As(err, &timeout) && timeout.Timeout():
		return l.timedOut(err)
	}
	return incomplete(err)
}
