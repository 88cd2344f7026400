package bulwark

import (
	"cmp"
	"context"
	"net/http"
)

// PrincipalFrom returns the caller who may act in ctx. Handlers call it:
//
//	caller, ok := bulwark.PrincipalFrom(r.Context())
//
// It returns nil and false for an anonymous caller, and if no authentication
// layer has seen the request. The innermost [Identify] or [WithPrincipal]
// around ctx counts. The result for one ctx never changes.
func PrincipalFrom(ctx context.Context) (*Principal, bool) {
	p, _ := identity(ctx)
	return p, p != nil
}

// Settled reports whether the caller of ctx has been determined. The result is
// true after [Identify] or [WithPrincipal], also if the caller is anonymous.
// The result for one ctx never changes.
func Settled(ctx context.Context) bool {
	_, settled := identity(ctx)
	return settled
}

// identity returns the nearest caller around ctx, and whether anybody has
// decided who it is.
func identity(ctx context.Context) (p *Principal, settled bool) {
	switch nearest := ctx.Value(identityKey{}).(type) {
	case *Scope:
		return nearest.principal.orNil(), true
	case *assumed:
		return nearest.principal, true
	}
	return nil, false
}

// WithPrincipal returns a context in which p is the caller. A nil p is an
// anonymous caller. WithPrincipal is for tests, and for applications that act
// as another caller on purpose:
//
//   - Only the returned context changes.
//   - An event in this context names the real caller. It names p as well, in
//     [Event.AssumedID].
//   - The innermost [Identify] or WithPrincipal counts.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, identityKey{}, &assumed{principal: p})
}

// Identify returns a request whose context carries the caller p, and the Scope
// of that request. A nil p is an anonymous caller. It is for authors of
// authentication layers, which pass the returned request on:
//
//	r, scope := bulwark.Identify(r, principal)
//	defer scope.Cancel(nil)
//	next.ServeHTTP(w, r)
//
// Identify does not change r, its context or anything that has been read from
// them. It also records the caller for the layers outside: [Scope.Caller]
// returns the first caller that was identified for a request. A request without
// a Header changes no record.
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

// verifiedKey finds the nearest *Scope of an Identify, never an *assumed.
type verifiedKey struct{}

// assumed is an identity that WithPrincipal put into a context.
type assumed struct{ principal *Principal }

// whoCalled returns the caller that an event in ctx names, and inside a
// WithPrincipal also the assumed caller. The caller is the nearest verified one
// around ctx, or else the caller on record. If nobody has been verified, only
// the assumed caller is returned.
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
