package authz

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

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

// Causes of a refusal that the caller cannot change: a layer around the route
// did not say enough about the caller.
var (
	errHalfKnown  = errors.New("the principal has no Issuer or no Subject, and so counts as nobody; set both")
	errNoAuth     = errors.New("no authentication layer has seen the request; put one outside the route, such as auth.Config in bulwark.Chain")
	errNoRoles    = errors.New("the caller has no roles in Principal.Roles, so PolicyConfig.Roles grants nothing; for tokens, RolesClaims in the Config of the authenticator names the claims that hold the roles")
	errNoneKnown  = errors.New("none of the caller's roles is in PolicyConfig.Roles, where upper and lower case differ; add the roles there, or correct the issuer or RolesClaims in the Config of the authenticator")
	errNoScopes   = errors.New("the credential has no scopes in Principal.Scopes, and Rule.Scopes asks for them; the authenticator must fill them in")
	errNoACR      = errors.New("the credential does not name the kind of login in Principal.ACR, and Rule.StepUp asks for it; the authenticator must fill it in")
	errNoAuthTime = errors.New("the credential does not tell the time of the login in Principal.AuthTime, and Rule.StepUp asks for it; the authenticator must fill it in")
	errNoFactors  = errors.New("the credential does not tell how its user logged in, in Principal.Factors, and Rule.Factor asks for it; the authenticator must fill it in")
	errFactorTime = errors.New("the credential does not tell the time of a factor, in Principal.Factors, and Rule.Factor has a maxAge; the authenticator must fill it in")
)

// unknownCaller returns why r has no caller, if a mistake of the program is the
// reason, and nil for an ordinary anonymous caller.
func unknownCaller(r *http.Request) error {
	if p, _ := bulwark.PrincipalFrom(r.Context()); p != nil && !known(p) {
		return errHalfKnown
	}
	if !bulwark.Settled(r.Context()) {
		return errNoAuth
	}
	return nil
}

// lacking returns what the principal does not say and the refusing part of a
// rule asks for, or nil if the principal says it.
func (c *check) lacking(v refusal, h *held, caller *bulwark.Principal) error {
	switch {
	case v == forbidden:
		return h.noRole()
	case v == needScope && len(caller.Scopes) == 0:
		return errNoScopes
	case v == needStepUp && len(c.acr) > 0 && caller.ACR == "":
		return errNoACR
	case v == needStepUp && c.maxAge > 0 && caller.AuthTime.IsZero():
		return errNoAuthTime
	case v == needStepUp && len(c.factors) > 0:
		return c.unsaid(caller.Factors)
	}
	return nil
}

// unsaid returns what the factors of a caller do not say and the rule asks for.
func (c *check) unsaid(factors map[string]time.Time) error {
	if len(factors) == 0 {
		return errNoFactors
	}
	for _, f := range c.factors {
		if at, has := factors[f.method]; has && f.maxAge > 0 && at.IsZero() {
			return errFactorTime
		}
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
	by     reaches // that an engine has found the object within
	said   string  // by the engines that decided
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
			refusal.Err = unknownCaller(r)
		} else {
			refusal.Err = at.lacking(v, &p.held, p.caller)
			p.nameRoles(refusal)
		}
		return refusal
	}
	if p.check.engines {
		return p.inquire(r)
	}
	return nil
}

// nameRoles adds the caller's roles to a refusal that is so because the policy
// has none of them. An issuer has chosen the names, so few of them are shown.
func (p *pass) nameRoles(refusal *bulwark.Problem) {
	if refusal.Err == errNoneKnown {
		refusal.Log.Attrs = append(refusal.Log.Attrs, slog.String("roles", shownRoles(p.caller.Roles)))
	}
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
	// Lists and creates go on to decide.
	if p.check.kind < kindObject && h.policy.samples(&p) {
		p.sample(r, every, slog.Attr{})
	}
	h.next.ServeHTTP(w, r)
}

// unknownRole is what an event says about a role that the policy does not know.
const unknownRole = "PolicyConfig.Roles has no role of this name, so the role grants nothing; add it there, or correct Principal.Roles in the authenticator"

// reportUnknown reports roles that the policy does not know, once each. They
// grant nothing. Either the policy or the issuer has a typo.
func (g *gate) reportUnknown(r *http.Request, t *table, who *bulwark.Principal) {
	for _, name := range g.policy.unknownRoles(t, who) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Reason: "authz.unknown_role",
			Attrs: [4]slog.Attr{slog.String("role", name), slog.String("error", unknownRole)}})
	}
}
