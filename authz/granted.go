package authz

import (
	"context"
	"errors"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// A Granted is an object together with the proof that the caller may do one
// action on it. Only this package can make such a proof. If a repository takes
// a Granted[*Document], then code that gives it an unchecked *Document does not
// compile:
//
//	func (s *Store) Delete(ctx context.Context, g authz.Granted[*Document]) error {
//		d, err := g.For(ctx, "delete")
//		if err != nil {
//			return err
//		}
//		// delete d.ID where the version is still d.Version
//	}
//
// A grant belongs to one action, one caller and one request. The zero Granted
// grants nothing.
type Granted[T any] struct {
	value  T
	action string
	caller *bulwark.Principal
	scope  *bulwark.Scope // of the request, or nil outside every scope
	source *source[T]
	table  *table  // that the decision was made with
	by     reaches // that an engine has found the object within
	id     string  // of the object, if an engine has decided
	shown  bool    // the value is from With

	layers []headerField // that were set before the handler ran
}

// A source is where grants come from: a resource under a policy.
type source[T any] struct {
	resource *Resource[T]
	policy   *Policy
}

// grant returns the proof for an object that the pass reaches.
func (src *source[T]) grant(p *pass, r *http.Request, action string, object T) Granted[T] {
	if src.policy.samples(p) {
		p.sample(r, src.resource.holding(p, object), src.resource.attrs(src.policy, r)[1])
	}
	g := Granted[T]{value: object, action: action, caller: p.caller, scope: scopeOf(r), source: src, table: p.table, by: p.by}
	if g.by != 0 && src.resource.ID != nil {
		g.id = src.resource.ID(object)
	}
	return g
}

// found returns the reach within which an engine has found the object. An
// engine has decided about one object, and the value may be another one by now.
func (g *Granted[T]) found() reaches {
	if g.by != 0 && g.source.resource.ID != nil && g.source.resource.ID(g.value) == g.id {
		return g.by
	}
	return 0
}

// scopeOf returns the nearest scope in the context of r, or nil. Behind an
// authentication layer the context is a scope. Otherwise Enter finds the scope,
// and returns another request if it had to make one.
func scopeOf(r *http.Request) *bulwark.Scope {
	if s, ok := r.Context().(*bulwark.Scope); ok {
		return s
	}
	if same, s := bulwark.Enter(r); same == r {
		return s
	}
	return scopeIn(r.Context())
}

// scopeIn is scopeOf for a context, which a bare request carries to Enter.
func scopeIn(ctx context.Context) *bulwark.Scope {
	if s, ok := ctx.(*bulwark.Scope); ok {
		return s
	}
	bare := new(http.Request).WithContext(ctx)
	if same, s := bulwark.Enter(bare); same == bare {
		return s
	}
	return nil
}

// Value returns the object, for rendering. Code that changes or discloses
// something because of the grant uses [Granted.For], which checks the action.
func (g Granted[T]) Value() T { return g.value }

// With returns the grant with another state of the same object, such as the
// state that a repository has stored. It is for [Write]. [Granted.For] refuses
// it, because nobody has checked the new state.
func (g Granted[T]) With(object T) Granted[T] {
	g.value, g.shown = object, true
	return g
}

// For returns the object to code that does the action for the request of ctx.
// The error is a *[bulwark.Problem] with status 500 "authz.wrong_grant",
// because the program is wrong and not the caller. It is an error if:
//
//   - g is the zero Granted;
//   - the grant is for another action;
//   - the object is from [Granted.With];
//   - the grant is of another request, or ctx is not the context of a request;
//   - the caller of ctx is not the caller of the grant.
//
// A goroutine that outlives the request takes [context.WithoutCancel] of the
// context of the request.
func (g Granted[T]) For(ctx context.Context, action string) (T, error) {
	if err := g.unusable(ctx, action); err != nil {
		var none T
		return none, g.wrong(action, err)
	}
	return g.value, nil
}

// unusable says why code that does the action cannot use the grant, or nil.
func (g *Granted[T]) unusable(ctx context.Context, action string) error {
	switch {
	case g.caller == nil:
		return errZeroGrant
	case action == "" || g.action != action:
		return errWrongGrant
	case g.shown:
		return errShownGrant
	case !g.isOf(ctx):
		return errOtherRequest
	}
	return nil
}

// isOf reports whether ctx is of the request and of the caller of the grant.
func (g *Granted[T]) isOf(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	p, _ := bulwark.PrincipalFrom(ctx)
	s := scopeIn(ctx)
	return p == g.caller && sameScope(s, g.scope)
}

// sameScope reports whether both are of one request, or there is no scope.
func sameScope(a, b *bulwark.Scope) bool { return a.Same(b) || a == nil && b == nil }

func (g *Granted[T]) wrong(action string, why error) error {
	return &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.wrong_grant",
		Log: bulwark.ProblemLog{Rule: "granted " + g.action + ", used for " + action}, Err: why}
}

var (
	errZeroGrant    = errors.New("Granted.For was called on the zero Granted; pass on the grant of the route")
	errWrongGrant   = errors.New("Granted.For was called with another action than the route has in Resource.Can; use the same action in both")
	errShownGrant   = errors.New("Granted.For was called on a grant of Granted.With, whose object nobody has checked; use the grant of the route, or of authz.Decode")
	errOtherRequest = errors.New("Granted.For was called with the context of another request or of another caller; pass on the context of the request that the grant was made for, in a goroutine that outlives it as context.WithoutCancel(r.Context())")
)

// Action returns the granted action, which is empty for the zero Granted.
func (g Granted[T]) Action() string { return g.action }

// Caller returns the caller to whom the action was granted, which is nil for
// the zero Granted.
func (g Granted[T]) Caller() *bulwark.Principal { return g.caller }
