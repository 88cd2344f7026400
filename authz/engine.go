package authz

import "context"

// An Engine answers a [Query] from outside the policy: a store of
// relationships, such as OpenFGA or SpiceDB, or a decision point whose policy
// others write, such as OPA or Cerbos. Package authzen has an Engine for every
// decision point that speaks the AuthZEN Authorization API.
//
// Two places take an Engine:
//
//   - [Resource.Engines] asks it whether an object is within a reach.
//   - [Rule.Ask] asks it whether a caller may use a route.
//
// Only a Decision with Allowed and without an error lets a caller through. An
// error is 503 "authz.engine_unavailable", unless the caller passes without the
// engine. The ctx has a deadline of at most 5 seconds, and an Engine returns by
// then. It does not keep or change the Query. It is safe for concurrent use.
type Engine interface {
	Decide(ctx context.Context, q *Query) (Decision, error)
}

// A BatchEngine is an [Engine] that answers several queries at once. [Resource]
// lists use it. DecideAll returns one Decision for each query, in the same
// order. With another number of decisions, or with an error, no query is
// allowed. An Engine that decorates a BatchEngine should also be a BatchEngine.
type BatchEngine interface {
	Engine
	DecideAll(ctx context.Context, queries []Query) ([]Decision, error)
}
