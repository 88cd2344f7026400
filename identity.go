package bulwark

import (
	"cmp"
	"context"
	"net/http"
)

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
	if scopeOf(r.Context()) == nil {
		return lodgeAs(r, cmp.Or(p, nobody))
	}
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

// whoCalled returns the caller that an event in ctx is put down to, and, inside
// a WithPrincipal, the caller who is assumed there. The caller is the one that
// was verified nearest around ctx, and outside of that the caller on record.
// Where nobody has verified anything, the assumed one is all there is.
func (s *Scope) whoCalled(ctx context.Context) (caller, stands *Principal) {
	verified, settled := ctx.Value(verifiedKey{}).(*Scope)
	if settled {
		caller = verified.principal.orNil()
	}
	// The identity of the request around is not that of a sub-request which has
	// a caller of its own on record.
	if p := s.shared.caller.Load(); p != nil && (!settled || verified.shared != s.shared) {
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
