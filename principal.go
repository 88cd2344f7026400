package bulwark

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A Principal is the verified caller of a request. A layer that has verified a
// credential makes one and settles it with [Identify]; handlers read it with
// [PrincipalFrom].
//
// A caller is the pair of Issuer and Subject, never Subject alone: two issuers
// may both know an "alice", and they are not the same person. Compare callers
// with [Principal.Key].
//
// A Principal is immutable once it has been shared: it may be cached and read by
// many requests at once. All methods accept a nil receiver, which is nobody.
type Principal struct {
	// Subject is the caller's stable id, unique within Issuer. Never empty.
	Subject string
	// Issuer says who vouches for Subject. Every authenticator has its own.
	Issuer string
	// Method tells how the caller was verified: "jwt", "introspection",
	// "api_key", "session", "mtls".
	Method string
	// Roles are the caller's roles. Names that a policy does not know grant nothing.
	Roles []string
	// Scopes are the OAuth scopes of the credential (RFC 6749 section 3.3).
	Scopes []string
	// Tier names the caller's rate-limit tier; empty is the default one.
	Tier string
	// TokenID is the token's jti, or the id of the API key.
	TokenID string
	// SessionID is the login session that the credential belongs to, if any.
	SessionID string
	// ACR is the authentication context class of the login (OpenID Connect Core section 2).
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

// PrincipalFrom returns the verified caller of the request that ctx belongs to.
// It reports false for an anonymous request and for one that no authentication
// layer has seen; the Principal is nil then.
func PrincipalFrom(ctx context.Context) (*Principal, bool) {
	switch from := ctx.Value(identityKey{}).(type) {
	case *Scope:
		p := from.Principal()
		return p, p != nil
	case *assumed:
		return from.principal, from.principal != nil
	}
	return nil, false
}

// WithPrincipal returns a context in which p is the caller; a nil p is nobody.
// It is for tests and for applications that act as somebody else on purpose. It
// changes nothing outside the returned context: what audit records is who
// called. The nearest of WithPrincipal and [Identify] wins.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, identityKey{}, &assumed{principal: p})
}

// Identify settles who calls r: p, or nobody when p is nil. It is for authors of
// authentication layers, which pass the returned request on.
//
// An identity is settled once per [Scope]. Where it is settled already (a batch
// handler that sends sub-requests with its own context through the chain again)
// Identify opens a child scope and settles that, so that a sub-request neither
// runs as the outer caller nor changes who the outer caller is. That holds for
// nobody too.
func Identify(r *http.Request, p *Principal) *http.Request {
	r, s := Enter(r)
	if p == nil {
		p = nobody
	}
	if !s.shadowed(r) && s.principal.CompareAndSwap(nil, p) {
		return r
	}
	child := s.child(r)
	child.principal.Store(p)
	return r.WithContext(child)
}

// identityKey finds the nearest identity: a settled *Scope or an *assumed.
type identityKey struct{}

// assumed is an identity that WithPrincipal put into a context.
type assumed struct{ principal *Principal }

// nobody is the settled identity of an anonymous caller, apart from the nil of
// a scope whose identity is still open.
var nobody = new(Principal)
