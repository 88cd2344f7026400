package bulwark

import (
	"context"
	"crypto/rand"
	"encoding/hex"
)

// RequestID returns the id of the request that ctx belongs to. The same id is
// in the X-Request-Id of the response, in problems and in events. The id is
// empty if no layer of this module has seen the request.
func RequestID(ctx context.Context) string {
	if s := scopeOf(ctx); s != nil {
		return s.requestID()
	}
	return ""
}

// requestID returns the id of the request, made on first use where no [Edge]
// settled one.
func (s *Scope) requestID() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.id()
}

// newRequestID returns a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// wellFormedID accepts request ids of 1 to 64 unreserved characters (RFC 3986
// section 2.3): they are safe in logs, headers and URNs.
func wellFormedID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}
