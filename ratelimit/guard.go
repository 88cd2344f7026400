package ratelimit

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/bulwark-go/bulwark"
)

// A guard is a handler behind one limit or several. Limits between which there
// is nothing else decide together: who is refused by one of them has lost
// nothing at the others.
type guard struct {
	limits []*Middleware // outermost first
	next   http.Handler
}

// guarded puts m around next, and joins the limits that next begins with.
func (m *Middleware) guarded(next http.Handler) *guard {
	if inner, ok := next.(*guard); ok {
		return &guard{limits: slices.Concat([]*Middleware{m}, inner.limits), next: inner.next}
	}
	return &guard{limits: []*Middleware{m}, next: next}
}

// ServeHTTP passes the request on if no limit refuses it.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch n := len(g.limits); {
	case n == 1:
		var room [1]charge
		g.serve(w, r, room[:])
	case n <= 4:
		var room [4]charge
		g.serve(w, r, room[:n])
	default:
		g.serve(w, r, make([]charge, n))
	}
}

func (g *guard) serve(w http.ResponseWriter, r *http.Request, charges []charge) {
	r, scope := bulwark.Enter(r)
	refused, err := g.decide(charges, r, scope)
	if refused {
		err = cmp.Or(refusal(charges, r), err)
	}
	failures := false
	for i := range charges {
		c := &charges[i]
		if c.known && !c.limit.dryRun {
			w = c.limit.headers.write(w, c, !refused)
		}
		failures = failures || c.keys > 0 && c.limit.count == Failures
	}
	switch {
	case refused:
		bulwark.Deny(w, r, err)
	case failures:
		watch(w, r, g.next, charges)
	default:
		g.next.ServeHTTP(w, r)
	}
}

// decide takes from all limits or from none, and reports whether one of them
// refuses. The error says why, if no limit is exceeded.
func (g *guard) decide(charges []charge, r *http.Request, scope *bulwark.Scope) (refused bool, fault error) {
	for i, m := range g.limits {
		fault = m.charge(&charges[i], r, scope)
		if fault != nil && m.dryRun {
			m.reportFault(r, fault)
			fault = nil
		}
		if fault != nil {
			charges = charges[:i]
			break
		}
	}
	refused = fault != nil
	// Several limits are looked at first, so that a refusal seldom takes
	// anything, not even for a moment.
	if len(g.limits) > 1 {
		for i := range charges {
			c := &charges[i]
			refused = !c.look() && !c.limit.dryRun || refused
		}
	}
	// What is counted in memory comes first: to give it back costs nothing,
	// and to give back to another store is a trip of its own.
	for _, memory := range [2]bool{true, false} {
		for i := 0; i < len(charges) && !refused; i++ {
			c := &charges[i]
			if (c.limit.table != nil) != memory {
				continue
			}
			ok, err := c.take(r.Context())
			switch {
			case err != nil && c.limit.dryRun:
				c.limit.reportFault(r, c.limit.unavailable(err))
			case err != nil:
				fault, refused = c.limit.unavailable(err), true
			default:
				refused = !ok && !c.limit.dryRun
			}
		}
	}
	for i := range charges {
		if c := &charges[i]; c.limit.dryRun && c.standing.Exceeded {
			c.limit.reportDry(r, c)
		}
	}
	for i := 0; i < len(charges) && refused; i++ {
		charges[i].undo(r.Context())
	}
	return refused, fault
}
