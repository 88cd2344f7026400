package authz

import (
	"context"
	"errors"
)

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
// Only a Decision with Allowed and without an error lets a caller through.
// These are 503 "authz.engine_unavailable" with the event sys_unavailable,
// unless the caller passes without the engine:
//
//   - an error, also beside an answer;
//   - a panic, whose value is not logged;
//   - an answer that allows after the deadline of the ctx.
//
// If the client has left meanwhile, there is no event.
//
// All questions of one decision have 5 seconds together, or less if the request
// ends earlier. The ctx has that deadline. After it no Engine is asked. Nothing
// can interrupt an Engine, so an Engine that returns later holds the request
// for that long.
type Engine interface {
	// Decide answers one query. It returns by the deadline of ctx. It does not
	// keep or change q. It is safe for concurrent use.
	Decide(ctx context.Context, q *Query) (Decision, error)
}

// A BatchEngine is an [Engine] that answers several queries at once. Lists use
// it: see [Resource.Filter]. An Engine that decorates a BatchEngine should also
// be a BatchEngine.
type BatchEngine interface {
	Engine
	// DecideAll answers 1 to 1,000 queries. It returns one Decision for each
	// query, in the same order. With another number of decisions, or with an
	// error, no query is allowed. The rules of Decide also hold for DecideAll.
	DecideAll(ctx context.Context, queries []Query) ([]Decision, error)
}

// Engine returns the policy as an [Engine], so that it can be compared with
// another engine, or stand behind [Rule.Ask]. It knows no objects. Therefore
// it allows only what a role grants on every object, that is within the reach
// "all", whatever reach the Query has. It is an error to put it into
// [Resource.Engines].
func (p *Policy) Engine() Engine { return policyEngine{p} }

var errNoQuery = errors.New("authz: there is no query")

// policyEngine is a policy that decides about the reach "all".
type policyEngine struct{ policy *Policy }

// Decide answers as Policy.Decide, for every object.
func (e policyEngine) Decide(_ context.Context, q *Query) (Decision, error) {
	if q == nil {
		return Decision{}, errNoQuery
	}
	all := *q
	all.Reach = "all"
	return e.policy.Decide(all), nil
}

// DecideAll answers several queries.
func (e policyEngine) DecideAll(ctx context.Context, queries []Query) ([]Decision, error) {
	decisions := make([]Decision, len(queries))
	for i := range queries {
		decisions[i], _ = e.Decide(ctx, &queries[i])
	}
	return decisions, nil
}
