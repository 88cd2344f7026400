package authz

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	if v == passed {
		return nil
	}
	_, s := bulwark.Enter(r)
	return p.check.problem(v, at, s)
}

// before returns h inside its layers, behind the rule.
func (g gate) before(h http.Handler, layers []bulwark.Layer) (http.Handler, error) {
	inner, err := wrapped(h, layers)
	return &ruled{g, inner}, err
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

// problem is the refusal of the check by the part of it that refuses.
func (c *check) problem(v refusal, at *check, s *bulwark.Scope) *bulwark.Problem {
	p := &bulwark.Problem{Status: http.StatusForbidden, Code: "authz.forbidden", Rule: c.text,
		Detail: "The caller is not allowed to do this."}
	switch v {
	case anonymous:
		p.Status, p.Code, p.Detail = http.StatusUnauthorized, "authz.unauthenticated", "This needs an authenticated caller."
	case needScope:
		p.Code, p.Detail = "authz.insufficient_scope", "The credential lacks a scope that this needs."
		p.Challenges = []bulwark.Challenge{oauth(s, "insufficient_scope", [2]string{"scope", strings.Join(at.scopes, " ")})}
	case needStepUp:
		p.Status, p.Code = http.StatusUnauthorized, "authz.insufficient_user_authentication"
		p.Detail = "This needs a stronger or more recent login."
		var params [][2]string
		if len(at.acr) > 0 {
			params = append(params, [2]string{"acr_values", strings.Join(at.acr, " ")})
		}
		if at.maxAge > 0 {
			params = append(params, [2]string{"max_age", strconv.FormatInt(int64(at.maxAge/time.Second), 10)})
		}
		p.Challenges = []bulwark.Challenge{oauth(s, "insufficient_user_authentication", params...)}
	}
	return p
}

// oauth is a challenge for an error (RFC 6750 section 3, RFC 9449 section 7.1),
// with what the authentication layer says about itself, such as realm or
// resource_metadata. The scheme is the first of OAuth that it offers, which is the
// one that the caller has used, and Bearer where there is none.
func oauth(s *bulwark.Scope, code string, params ...[2]string) bulwark.Challenge {
	c := bulwark.Challenge{Scheme: "Bearer"}
	ours := []string{"error", "error_description", "error_uri", "scope", "acr_values", "max_age"}
	for _, offered := range s.Challenges() {
		if !strings.EqualFold(offered.Scheme, "Bearer") && !strings.EqualFold(offered.Scheme, "DPoP") {
			continue
		}
		c.Scheme = offered.Scheme
		for _, param := range offered.Params {
			if !slices.Contains(ours, param[0]) {
				c.Params = append(c.Params, param)
			}
		}
		break
	}
	c.Params = append(c.Params, [2]string{"error", code})
	c.Params = append(c.Params, params...)
	return c
}
