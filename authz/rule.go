package authz

import (
	"slices"
	"strings"
	"time"
)

// A Rule says who may use a route. It is a value; its methods return changed
// copies. The zero Rule is refused at registration. A rule is compiled against
// a policy when it is registered, and what it names must exist there.
type Rule struct {
	kind   kind
	names  []string // reason, roles or permissions; resource and action of objects
	parts  []Rule   // of All and Any
	custom []string // reaches for which an object's resource has a predicate
	scopes []string
	acr    []string
	maxAge time.Duration
	fault  string // what was wrong when the rule was written
}

// A kind tells rules apart.
type kind uint8

const (
	kindNone kind = iota
	kindPublic
	kindAuthenticated
	kindRole
	kindRequire
	kindAll
	kindAny
	kindObject
	kindList
	kindCreate
	kindNoAccess // the rule of the zero Access
)

// Public lets everybody in, anonymous callers too. The reason is mandatory and
// stands in [Mux.Routes], so that each open route is a decision somebody made.
func Public(reason string) Rule {
	return Rule{kind: kindPublic, names: []string{reason}}
}

// Authenticated lets every verified caller in, whatever their roles. With
// [Rule.Scopes] it asks for OAuth scopes alone. A scope limits what a client may
// do for its user and says nothing about the user, so it usually stands beside a
// permission instead.
func Authenticated() Rule { return Rule{kind: kindAuthenticated} }

// RequireRole lets callers in who have one of the roles, or a role that inherits
// from one of them. The grant "*" does not make a role another role.
//
// A permission is nearly always the better requirement: it says what is done,
// and who may do it stays in one place, the policy.
func RequireRole(roles ...string) Rule {
	return Rule{kind: kindRole, names: slices.Clone(roles)}
}

// Require lets callers in who have been granted all of the permissions, written
// "resource:action:reach", or "action:reach" for a grant on every resource that
// has the action.
//
// It knows no object. Required with a reach other than all, the permission says
// only that there are objects for which the caller may do this; which they are
// is for [HandleObject], [HandleList], [HandleCreate] or [Resource.Check] to
// enforce, and [Mux.Routes] shows the route as weak.
func Require(permissions ...string) Rule {
	return Rule{kind: kindRequire, names: slices.Clone(permissions)}
}

// All lets callers in whom every one of the rules lets in. The rules are
// evaluated together; the refusal is that of the most basic one that fails: 401
// before 403, a missing permission before a missing scope, that before a step-up.
func All(rules ...Rule) Rule { return Rule{kind: kindAll, parts: slices.Clone(rules)} }

// Any lets callers in whom one of the rules lets in. The refusal is that of the
// rule which came nearest to passing.
func Any(rules ...Rule) Rule { return Rule{kind: kindAny, parts: slices.Clone(rules)} }

// Scopes asks, in addition, that the credential carries all of the OAuth scopes.
// Without one the answer is 403 with a Bearer challenge insufficient_scope (RFC
// 6750 section 3.1). A credential that has no scopes does not pass.
func (r Rule) Scopes(scopes ...string) Rule {
	r.scopes = append(slices.Clone(r.scopes), scopes...)
	if len(scopes) == 0 {
		r.fault = "asks for no scopes; name them"
	}
	return r
}

// StepUp asks, in addition, for a login of one of the authentication context
// classes in acr, separated by spaces and best first, that is no older than
// maxAge. An empty acr or a zero maxAge leaves that condition out. The refusal
// is 401 with a Bearer challenge insufficient_user_authentication (RFC 9470
// section 3); a credential that does not say is refused, too.
//
// A rule takes one StepUp, and a second is refused at registration, since it
// could be meant as a further condition or as another one. [All] asks for both.
func (r Rule) StepUp(acr string, maxAge time.Duration) Rule {
	if len(r.acr) > 0 || r.maxAge != 0 {
		r.fault = "asks twice for a step-up; give one both acr and age, or use All"
		return r
	}
	r.acr, r.maxAge = strings.Fields(acr), maxAge
	if len(r.acr) == 0 && maxAge == 0 {
		r.fault = "asks for a step-up without acr and age; give one of them"
	}
	if maxAge < 0 || maxAge%time.Second != 0 {
		r.fault = "asks for a step-up with an age that is not in whole seconds"
	}
	return r
}

// zeroFault says what is wrong with the zero Rule and the zero Access.
func (r Rule) zeroFault() []string {
	switch r.kind {
	case kindNone:
		return []string{"is the zero Rule; use Public, Authenticated, RequireRole or Require"}
	case kindNoAccess:
		return []string{"is the zero Access; use Resource.Can"}
	}
	return nil
}

// String describes the rule, as in [Route.Rule] and in events.
func (r Rule) String() string {
	var text string
	switch r.kind {
	case kindPublic:
		text = "public (" + strings.Join(r.names, "") + ")"
	case kindAuthenticated:
		text = "authenticated"
	case kindRole:
		text = "role " + strings.Join(r.names, "|")
	case kindRequire:
		text = "permission " + strings.Join(r.names, "+")
	case kindAll:
		text = joinRules("all", r.parts)
	case kindAny:
		text = joinRules("any", r.parts)
	case kindObject:
		text = "object " + strings.Join(r.names, ":")
	case kindList:
		text = "list " + strings.Join(r.names, ":")
	case kindCreate:
		text = "create " + strings.Join(r.names, ":")
	default:
		text = "no rule"
	}
	if len(r.scopes) > 0 {
		text += ", scope " + strings.Join(r.scopes, " ")
	}
	if len(r.acr) > 0 {
		text += ", acr " + strings.Join(r.acr, " ")
	}
	if r.maxAge > 0 {
		text += ", login within " + r.maxAge.String()
	}
	return text
}

func joinRules(word string, rules []Rule) string {
	texts := make([]string, len(rules))
	for i, rule := range rules {
		texts[i] = rule.String()
	}
	return word + " of (" + strings.Join(texts, "; ") + ")"
}
