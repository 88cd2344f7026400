package authz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// problem is the refusal of the check by the part of it that refuses.
func (c *check) problem(v refusal, at *check, s *bulwark.Scope) *bulwark.Problem {
	p := &bulwark.Problem{Status: http.StatusForbidden, Code: "authz.forbidden", Log: bulwark.ProblemLog{Rule: c.text},
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
		if len(at.factors) > 0 {
			params = append(params, [2]string{"error_description", describe(at.factors)})
		}
		if len(at.acr) > 0 {
			params = append(params, [2]string{"acr_values", strings.Join(at.acr, " ")})
		}
		if maxAge := at.youngest(); maxAge > 0 {
			params = append(params, [2]string{"max_age", strconv.FormatInt(int64(maxAge/time.Second), 10)})
		}
		p.Challenges = []bulwark.Challenge{oauth(s, "insufficient_user_authentication", params...)}
	}
	return p
}

// oauth is a challenge for an error (RFC 6750 section 3, RFC 9449 section 7.1).
// It has the parameters of the challenge that the authentication layer offers,
// such as realm or resource_metadata. The scheme is the first scheme of OAuth
// that the layer offers, which is the scheme that the caller has used. If the
// layer does not offer one, the scheme is Bearer.
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

// refusal is the answer about an object that the caller may not use: 403 if the
// caller may read it or the resource says so, and otherwise the 404 of an
// object that does not exist.
func (res *Resource[T]) refusal(p *pass, policy *Policy, r *http.Request, object T, visible bool) error {
	problem := res.hidden(p.check, policy, r, "authz.not_readable")
	if visible || res.Forbidden == http.StatusForbidden {
		log := problem.Log
		problem = p.check.problem(forbidden, p.check, nil)
		problem.Log.Reason, problem.Log.Attrs = log.Reason, log.Attrs
	}
	if visible {
		problem.Log.Reason = "authz.not_within_reach"
	}
	problem.Log.Attrs = decided(problem.Log.Attrs, p.said)
	problem.Err = res.cause(p, object, visible)
	p.nameRoles(problem)
	return problem
}

// Causes of a refusal about an object that are likely a mistake of the program.
var (
	errNoGrant = errors.New("no role of the caller grants this action on any object of the resource; if it should, add a permission to Role.Grants in PolicyConfig.Roles")
	errNoOwner = errors.New("Resource.Owner returned no Issuer or no Subject for the new object; set both, from bulwark.PrincipalFrom, before check")
	errHalf    = errors.New("Resource.Owner returned the caller's Subject without an Issuer, so that nobody owns the object; return both")
	errIssuer  = errors.New("Resource.Owner returned another Issuer than the caller's for the same subject; both must be equal, a slash at the end counts")
)

// cause returns why the caller may not use the object, if a mistake of the
// program may be the reason, and nil for an ordinary refusal.
func (res *Resource[T]) cause(p *pass, object T, visible bool) error {
	may, sees := p.held.reaches(p.check.number), p.held.reaches(p.check.read)
	switch err := p.held.noRole(); {
	case err != nil:
		return err
	case may == 0 && (visible || sees == 0):
		return errNoGrant
	case (may|sees)&reachOwn == 0, nilable[T]() && fault.IsNil(object):
		return nil
	}
	switch issuer, subject := res.Owner(object); {
	case p.check.kind == kindCreate && (issuer == "" || subject == ""):
		return errNoOwner
	case subject != p.caller.Subject || issuer == p.caller.Issuer:
		return nil
	case issuer == "":
		return errHalf
	}
	return errIssuer
}

// shownRoles is what a log shows of a caller's roles: the first three, each at
// most 64 bytes.
func shownRoles(roles []string) string {
	var b strings.Builder
	for i, role := range roles {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == 3 {
			b.WriteString("…")
			break
		}
		if len(role) > 64 {
			role = strings.ToValidUTF8(role[:64], "") + "…"
		}
		b.WriteString(role)
	}
	return b.String()
}

// hidden is the same answer for an object that does not exist and for an object
// that the caller may not read. Only the log distinguishes them.
func (res *Resource[T]) hidden(c *check, p *Policy, r *http.Request, reason string) *bulwark.Problem {
	problem := hidden(reason)
	problem.Log.Rule, problem.Log.Attrs = c.text, res.attrs(p, r)
	return problem
}

func hidden(reason string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusNotFound, Code: "authz.not_found", Detail: "There is no such object.",
		Log: bulwark.ProblemLog{Event: bulwark.AuthzFail, Reason: reason}}
}

// attrs names the object in an event by a keyed hash of the request's path, so
// that distinct objects can be counted. It does not hide the id: the Path of
// the event holds the id, unless the recorder cuts it out.
func (res *Resource[T]) attrs(p *Policy, r *http.Request) []slog.Attr {
	return []slog.Attr{slog.String("resource", res.Name), slog.String("object", p.hash(res.Name, r.URL.Path))}
}

// loadError is the answer to a Load that failed.
func (res *Resource[T]) loadError(c *check, p *Policy, r *http.Request, err error) error {
	if errors.Is(err, ErrNotFound) { // before problem, which would be an allocation more than for a stranger
		return res.hidden(c, p, r, "authz.not_found")
	}
	var problem *bulwark.Problem
	switch {
	case errors.As(err, &problem) && problem != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "authz.load_timeout", Log: bulwark.ProblemLog{Rule: c.text}, Err: err}
	}
	return &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.load_failed", Log: bulwark.ProblemLog{Rule: c.text},
		Err: fmt.Errorf("load %s: %w", res.Name, err)}
}
