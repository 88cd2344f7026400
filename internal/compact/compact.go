// Package compact reads the JWS compact serialization (RFC 7515 section 7.1),
// in which access tokens come.
//
// There is one spelling for the same header, claims and signature: exactly two
// dots, base64url without padding, without line breaks and without stray bits
// at the end (RFC 4648 section 3.5). Many decoders accept more, so that one
// token has many spellings. It may still have another signature that is as
// good: of an ECDSA signature (r, s) anybody can make (r, n-s). So a list of
// revoked tokens must name them by what they claim, such as jti, and never by a
// hash.
//
// The package checks no signature: nothing that it returns can be trusted yet.
package compact

import (
	"encoding/base64"
	"errors"
	"strings"
	"unsafe"
)

// A Token is a token taken apart. Its slices belong to the caller, except
// Input.
type Token struct {
	Header    []byte // the decoded JOSE header, JSON
	Payload   []byte // the decoded claims, JSON, with an array of its own
	Signature []byte
	Input     []byte // what the signature is over: header and payload as they came; only to be read
}

// The errors of Parse.
var (
	ErrTooLong  = errors.New("the token is too long")
	ErrSegments = errors.New("the token must have three segments, and its header and signature must not be empty")
	ErrEncoding = errors.New("a segment is not unpadded base64url")
)

// encoding is strict: Go's lenient one ignores stray bits at the end.
var encoding = base64.RawURLEncoding.Strict()

// Parse takes a token of at most limit bytes apart.
func Parse(token string, limit int) (Token, error) {
	if len(token) > limit {
		return Token{}, ErrTooLong
	}
	first, second, ok := dots(token)
	if !ok {
		return Token{}, ErrSegments
	}
	if strings.IndexByte(token, '\r') >= 0 || strings.IndexByte(token, '\n') >= 0 { // which base64 of Go skips
		return Token{}, ErrEncoding
	}
	raw := Bytes(token)
	header, signature := raw[:first], raw[second+1:]
	payload := raw[first+1 : second]
	// The payload outlives the rest, as the claims of a cached caller.
	claims := make([]byte, encoding.DecodedLen(len(payload)))
	rest := make([]byte, encoding.DecodedLen(len(header))+encoding.DecodedLen(len(signature)))
	size := encoding.DecodedLen(len(header))
	t := Token{Header: rest[:size:size], Payload: claims, Signature: rest[size:], Input: raw[:second:second]}
	for _, segment := range [...]struct{ dst, src []byte }{{t.Header, header}, {t.Payload, payload}, {t.Signature, signature}} {
		if n, err := encoding.Decode(segment.dst, segment.src); err != nil || n != len(segment.dst) {
			return Token{}, ErrEncoding
		}
	}
	return t, nil
}

// Bytes returns the bytes of a token without copying them, only to be read.
func Bytes(token string) []byte { return unsafe.Slice(unsafe.StringData(token), len(token)) }

// dots finds the two dots between three segments. The payload may be empty:
// a JWS need not have claims.
func dots(token string) (first, second int, ok bool) {
	first = strings.IndexByte(token, '.')
	second = first + 1 + strings.IndexByte(token[first+1:], '.')
	if first <= 0 || second <= first || second == len(token)-1 || strings.IndexByte(token[second+1:], '.') >= 0 {
		return 0, 0, false
	}
	return first, second, true
}
