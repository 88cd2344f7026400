package authz

import (
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A refusal says how far a caller is from passing; more is further.
type refusal uint8

const (
	passed    refusal = iota
	undecided         // an engine did not answer; the caller may be allowed
	needStepUp
	needScope
	forbidden
	anonymous
)

// verdict evaluates the check for a caller, who is known, or nil. The second
// result is the part that refuses.
func (c *check) verdict(h *held, caller *bulwark.Principal) (refusal, *check) {
	if c.kind == kindPublic {
		return passed, c
	}
	if caller == nil {
		return anonymous, c
	}
	worst, at := c.grants(h, caller)
	if worst < needScope && !hasScopes(caller, c.scopes) {
		worst, at = needScope, c
	}
	if worst < needStepUp && !c.fresh(caller) {
		worst, at = needStepUp, c
	}
	return worst, at
}

// grants is verdict without the conditions on the credential.
func (c *check) grants(h *held, caller *bulwark.Principal) (refusal, *check) {
	ok := false
	switch c.kind {
	case kindAll:
		return c.worst(h, caller)
	case kindAny:
		return c.nearest(h, caller)
	case kindAuthenticated:
		ok = true
	case kindRole:
		ok = h.any(c.roles)
	case kindRequire:
		ok = c.hasNeeds(h)
	case kindObject:
		// Whether an object can be told from a missing one is decided about the
		// object. A caller to whom all of them are invisible is refused here.
		ok = h.reaches(c.number)|h.reaches(c.read) != 0
	case kindList, kindCreate:
		ok = h.reaches(c.number) != 0
	}
	if !ok {
		return forbidden, c
	}
	return passed, c
}

func (c *check) worst(h *held, caller *bulwark.Principal) (refusal, *check) {
	worst, at := passed, c
	for i := range c.parts {
		if v, part := c.parts[i].verdict(h, caller); v > worst {
			worst, at = v, part
		}
	}
	return worst, at
}

func (c *check) nearest(h *held, caller *bulwark.Principal) (refusal, *check) {
	best, at := anonymous, c
	for i := range c.parts {
		if v, part := c.parts[i].verdict(h, caller); v < best {
			best, at = v, part
		}
	}
	return best, at
}

func (c *check) hasNeeds(h *held) bool {
	for _, need := range c.needs {
		if h.reaches(need.number)&need.reach == 0 {
			return false
		}
	}
	return len(c.needs) > 0
}

func hasScopes(caller *bulwark.Principal, scopes []string) bool {
	for _, scope := range scopes {
		if !caller.HasScope(scope) {
			return false
		}
	}
	return true
}

// skew is how far ahead another clock may be.
const skew = time.Minute

// fresh reports whether the login meets the step-up conditions, if any. A
// condition on something that the credential does not say is not met (RFC 9470
// section 4).
func (c *check) fresh(caller *bulwark.Principal) bool {
	if len(c.acr) > 0 && !slices.Contains(c.acr, caller.ACR) {
		return false
	}
	if c.maxAge > 0 && !within(c.maxAge, caller.AuthTime) {
		return false
	}
	for _, f := range c.factors {
		if !f.proven(caller) {
			return false
		}
	}
	return true
}

// youngest is the smallest age that the step-up conditions ask for, or 0.
func (c *check) youngest() time.Duration {
	least := c.maxAge
	for _, f := range c.factors {
		if f.maxAge > 0 && (least == 0 || f.maxAge < least) {
			least = f.maxAge
		}
	}
	return least
}
