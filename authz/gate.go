package authz

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// A gate is one rule of a policy in front of a route.
type gate struct {
	policy *Policy
	number int // of the rule
}

// caller returns the verified caller of r, or nil.
func caller(r *http.Request) *bulwark.Principal {
	if p, ok := bulwark.PrincipalFrom(r.Context()); ok && known(p) {
		return p
	}
	return nil
}

// errHalfKnown is the cause of a 401 for a principal that counts as nobody.
var errHalfKnown = errors.New("the principal has no Issuer or no Subject, and so counts as nobody; set both")

// halfKnown returns the cause where r has a principal that counts as nobody,
// which is a mistake of the code that made it.
func halfKnown(r *http.Request) error {
	if p, _ := bulwark.PrincipalFrom(r.Context()); p != nil && !known(p) {
		return errHalfKnown
	}
	return nil
}

// A pass is what a rule found out about a caller whom it let in. It was decided
// with one table, and what follows from it uses the same.
type pass struct {
	table  *table
	check  *check
	caller *bulwark.Principal // nil only for a public rule
	held   held
}

// admit decides whether the caller of r passes the rule, fills in pass, and
// returns the refusal if not.
func (g *gate) admit(r *http.Request, p *pass) error {
	p.table = g.policy.table.Load()
	p.check = &p.table.checks[g.number]
	if p.check.kind == kindPublic {
		return nil
	}
	if p.caller = caller(r); p.caller != nil {
		p.table.resolve(&p.held, p.caller)
		if p.held.unknown {
			g.reportUnknown(r, p.table, p.caller)
		}
	}
	v, at := p.check.verdict(&p.held, p.caller)
	if v != passed {
		_, s := bulwark.Enter(r)
		refusal := p.check.problem(v, at, s)
		if v == anonymous {
			refusal.Err = halfKnown(r)
		}
		return refusal
	}
	return nil
}

// ruled is a handler behind a rule.
type ruled struct {
	gate
	next http.Handler
}

// ServeHTTP lets the caller in or refuses.
func (h *ruled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var p pass
	if err := h.admit(r, &p); err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	h.next.ServeHTTP(w, r)
}

// reportUnknown reports roles that the policy does not know, once each. They
// grant nothing, which is either a typo of the policy or of the issuer.
func (g *gate) reportUnknown(r *http.Request, t *table, who *bulwark.Principal) {
	for _, name := range g.policy.unknownRoles(t, who) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Reason: "authz.unknown_role",
			Attrs: [4]slog.Attr{slog.String("role", name)}})
	}
}
