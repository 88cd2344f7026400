package bulwark

import (
	"slices"
	"strconv"
	"time"
)

// A Principal is the verified caller of a request. A layer that has verified a
// credential makes one and hands it to [Identify]; handlers read it with
// [PrincipalFrom].
//
// A caller is the pair of Issuer and Subject, never Subject alone: two issuers
// may both know an "alice", and they are not the same person. Compare callers
// with [Principal.Key].
//
// A Principal is immutable once it has been shared: it may be cached and read
// by many requests at once. All methods accept a nil receiver, which is nobody.
type Principal struct {
	// Subject is the caller's stable id, unique within Issuer. Never empty.
	Subject string
	// Issuer says who vouches for Subject. Every authenticator has its own.
	Issuer string
	// Method tells how the caller was verified: "jwt", "introspection",
	// "api_key", "session", "mtls".
	Method string
	// Roles are the caller's roles. Names that a policy does not know grant
	// nothing.
	Roles []string
	// Scopes are the OAuth scopes of the credential (RFC 6749 section 3.3).
	Scopes []string
	// Tier names the caller's rate-limit tier; empty is the default one.
	Tier string
	// TokenID is the token's jti, or the id of the API key.
	TokenID string
	// SessionID is the login session that the credential belongs to, if any.
	SessionID string
	// ACR is the authentication context class of the login (OpenID Connect Core
	// section 2).
	ACR string
	// AuthTime is when the person last logged in. A refresh does not renew it.
	AuthTime time.Time
	// IssuedAt is when the credential was issued, if it says so.
	IssuedAt time.Time
	// ExpiresAt is when the credential stops being valid; zero is never.
	ExpiresAt time.Time
	// Claims looks up a further verified claim by name; nil has none. It must
	// be safe for concurrent use and must not hand out shared mutable state.
	Claims func(name string) (value any, ok bool)
}

// Key returns an injective encoding of Issuer and Subject: two principals have
// the same key exactly when they are the same caller. It is for maps, limits
// and comparisons, not for showing. The key of nil is empty.
func (p *Principal) Key() string {
	if p == nil {
		return ""
	}
	return string(p.AppendKey(make([]byte, 0, len(p.Issuer)+len(p.Subject)+8)))
}

// AppendKey appends [Principal.Key] to b, for callers that count allocations.
func (p *Principal) AppendKey(b []byte) []byte {
	if p == nil {
		return b
	}
	// The issuer's length in front makes the encoding injective whatever the
	// two strings hold.
	b = strconv.AppendInt(b, int64(len(p.Issuer)), 10)
	b = append(b, ':')
	b = append(b, p.Issuer...)
	return append(b, p.Subject...)
}

// HasRole reports whether the caller has the role.
func (p *Principal) HasRole(role string) bool {
	return p != nil && slices.Contains(p.Roles, role)
}

// HasScope reports whether the credential carries the OAuth scope.
func (p *Principal) HasScope(scope string) bool {
	return p != nil && slices.Contains(p.Scopes, scope)
}

// Claim returns a verified claim of the credential by its name.
func (p *Principal) Claim(name string) (value any, ok bool) {
	if p == nil || p.Claims == nil {
		return nil, false
	}
	return p.Claims(name)
}

// nobody stands for an anonymous caller, apart from the nil of a request whose
// caller is not known yet.
var nobody = new(Principal)

// orNil returns p, and nil for nobody.
func (p *Principal) orNil() *Principal {
	if p == nobody {
		return nil
	}
	return p
}
