package bulwark

import (
	"cmp"
	"context"
	"net/http"
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

// PrincipalFrom returns the caller whom ctx lets act: the nearest of what
// [Identify] and [WithPrincipal] said. It reports false for an anonymous caller
// and where no authentication layer has seen the request; the Principal is nil
// then. What it says about one ctx never changes.
func PrincipalFrom(ctx context.Context) (*Principal, bool) {
	p, _ := identity(ctx)
	return p, p != nil
}

// Settled reports whether anybody has said who may act in ctx, nobody included:
// an authentication layer by [Identify], or [WithPrincipal]. What it says about
// one ctx never changes.
func Settled(ctx context.Context) bool {
	_, settled := identity(ctx)
	return settled
}

// identity returns the nearest caller around ctx, and whether there is any word
// on it.
func identity(ctx context.Context) (p *Principal, settled bool) {
	switch nearest := ctx.Value(identityKey{}).(type) {
	case *Scope:
		return nearest.principal.orNil(), true
	case *assumed:
		return nearest.principal, true
	}
	return nil, false
}

// WithPrincipal returns a context in which p is the caller; a nil p is nobody.
// It is for tests and for applications that act as somebody else on purpose. It
// changes nothing outside the returned context, and an event names who called
// beside the one who is assumed here. The nearest of WithPrincipal and
// [Identify] wins.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, identityKey{}, &assumed{principal: p})
}

// Identify returns a request whose context carries the caller p, or nobody when
// p is nil, and the scope of that request. It is for authors of authentication
// layers, which pass the returned request on.
//
// Nothing that existed before changes: neither r nor its context, nor what
// anybody reads from it. What flows outward is a record: the first caller that
// is identified for a request is what [Scope.Caller] returns to the layers
// around. A request without a Header changes no record.
func Identify(r *http.Request, p *Principal) (*http.Request, *Scope) {
	r, around := Enter(r)
	header := r.Header
	if header == nil {
		header = around.header
	}
	inside, s := around.within(r, header)
	s.principal = cmp.Or(p, nobody)
	if r.Header != nil {
		around.shared.caller.CompareAndSwap(nil, s.principal)
	}
	return inside, s
}

// identityKey finds the nearest identity: the *Scope of an Identify, or an
// *assumed.
type identityKey struct{}

// verifiedKey finds the nearest *Scope of an Identify alone.
type verifiedKey struct{}

// assumed is an identity that WithPrincipal put into a context.
type assumed struct{ principal *Principal }

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

// whoCalled returns the caller that an event in ctx is put down to, and, inside
// a WithPrincipal, the caller who is assumed there. The caller is the one that
// was verified nearest around ctx, and outside of that the caller on record.
// Where nobody has verified anything, the assumed one is all there is.
func (s *Scope) whoCalled(ctx context.Context) (caller, stands *Principal) {
	verified, settled := ctx.Value(verifiedKey{}).(*Scope)
	if settled {
		caller = verified.principal.orNil()
	} else if p := s.shared.caller.Load(); p != nil {
		caller, settled = p.orNil(), true
	}
	if by, ok := ctx.Value(identityKey{}).(*assumed); ok {
		stands = by.principal
	}
	if !settled {
		return stands, nil
	}
	return caller, stands
}
