// Package representation knows the response fields that belong to one answer
// and to no other: those that describe its body, and those that tell caches how
// long to keep it.
package representation

import (
	"net/http"
	"strings"
)

// Withdraw removes the fields that a handler has set for an answer that is not
// given in the end. Without it, a refusal in place of that answer could be
// stored for the lifetime of a file, saved under its name, or checked against
// its digest.
//
// Fields that layers set for any answer stay: policies for browsers, CORS,
// Vary, RateLimit, Set-Cookie and others.
func Withdraw(h http.Header) {
	for name := range h {
		if belongs(http.CanonicalHeaderKey(name)) {
			delete(h, name)
		}
	}
}

// belongs reports whether a field is of one answer.
func belongs(name string) bool {
	switch {
	case strings.HasPrefix(name, "Content-Security-Policy"):
		return false
	case strings.HasPrefix(name, "Content-"), // RFC 9110 section 8, RFC 9530, RFC 6266
		strings.HasSuffix(name, "Cache-Control"), // RFC 9111, and for each cache of its own RFC 9213
		// What a proxy sends in place of the body, and what else it is to do
		// with this answer.
		strings.HasPrefix(name, "X-Sendfile"), strings.HasPrefix(name, "X-Lighttpd-"), strings.HasPrefix(name, "X-Litespeed-"),
		strings.HasPrefix(name, "X-Reproxy-"), strings.HasPrefix(name, "X-Accel-"),
		len(name) >= len("trailer:") && strings.EqualFold(name[:len("trailer:")], "trailer:"): // what net/http would send behind the body
		return true
	}
	return fields[name]
}

// fields are the others, in their canonical form.
var fields = set(
	// How long an answer is fresh, and which one it is (RFC 9111 section 5,
	// RFC 9110 section 8.8).
	"Age", "Expires", "Pragma", "Warning", "Surrogate-Control", "Edge-Control", "Etag", "Last-Modified",
	// What the body is, and where the parts of it are (RFC 9110 section 14.3,
	// RFC 9530, RFC 3230, RFC 3229, RFC 9842), and of when (RFC 7089).
	"Accept-Ranges", "Digest", "Repr-Digest", "Unencoded-Digest", "Memento-Datetime", "X-Content-Duration", "Im", "Delta-Base", "Use-As-Dictionary", "Sourcemap", "X-Sourcemap",
	// How the message was framed and signed (RFC 9110 section 6.6.2, RFC 9112
	// section 6.1, RFC 9421).
	"Trailer", "Transfer-Encoding", "Signature", "Signature-Input",
	// What the answer refers to (RFC 9110 section 10.2.2, RFC 8288, RFC 7240).
	"Location", "Link", "Refresh", "Preference-Applied",
	// What a proxy sends in place of the body.
	"X-Archive-Files",
)

func set(names ...string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[http.CanonicalHeaderKey(name)] = true
	}
	return all
}
