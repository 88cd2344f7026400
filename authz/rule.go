package authz

import (
	"slices"
	"strings"
	"time"
)

// A Rule says who may use a route. It is a value, and its methods return
// changed copies. The zero Rule is refused at registration. A rule is compiled
// against a policy when it is registered. The roles and permissions that it
// names must exist in that policy.
type Rule struct {
	kind   kind
	names  []string // reason, roles or permissions; resource and action of objects
	parts  []Rule   // of All and Any
	custom []string // reaches for which an object's resource has a predicate
	scopes []string
	acr    []string
	maxAge time.Duration
	faults []string // what was wrong when the rule was written
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

// Public lets everybody in, also anonymous callers. The reason is mandatory. It
// stands in [Mux.Routes], so that each open route is a decision.
func Public(reason string) Rule {
	return Rule{kind: kindPublic, names: []string{reason}}
}

// Authenticated lets every verified caller in, whatever the caller's roles are.
// With [Rule.Scopes] it asks for OAuth scopes alone. A scope limits what a
// client may do for its user and says nothing about the user, so a scope
// usually stands beside a permission instead.
func Authenticated() Rule { return Rule{kind: kindAuthenticated} }

// RequireRole lets a caller in who has one of the roles, or a role that
// inherits from one of them. The grant "*" does not make a role another role.
//
// A permission is nearly always the better requirement. It names the action,
// and the policy stays the only place that says who may do it.
func RequireRole(roles ...string) Rule {
	return Rule{kind: kindRole, names: slices.Clone(roles)}
}

// Require lets a caller in to whom all of the permissions are granted. They are
// written "resource:action:reach", or "action:reach" for a grant on every
// resource that has the action.
//
// Require knows no object. A permission with a reach other than all says only
// that there are objects for which the caller may do this. [HandleObject],
// [HandleList], [HandleCreate] or [Resource.Check] must decide which objects
// they are, and [Mux.Routes] shows the route as weak.
func Require(permissions ...string) Rule {
	return Rule{kind: kindRequire, names: slices.Clone(permissions)}
}

// All lets a caller in whom every one of the rules lets in. The rules are
// evaluated together. The refusal is that of the most basic rule that fails: a
// missing caller (401) comes before a missing permission (403), before a
// missing scope, before a step-up.
func All(rules ...Rule) Rule { return Rule{kind: kindAll, parts: slices.Clone(rules)} }

// Any lets a caller in whom one of the rules lets in. The refusal is that of
// the rule that came nearest to passing.
func Any(rules ...Rule) Rule { return Rule{kind: kindAny, parts: slices.Clone(rules)} }

// Scopes also asks that the credential carries all of the OAuth scopes. If a
// scope is missing, the answer is 403 with a Bearer challenge
// insufficient_scope (RFC 6750 section 3.1). A credential without scopes does
// not pass.
func (r Rule) Scopes(scopes ...string) Rule {
	r.scopes = append(slices.Clone(r.scopes), scopes...)
	if len(scopes) == 0 {
		return r.wrong("asks for no scopes; name them")
	}
	return r
}

// StepUp also asks for a login of one of the authentication context classes in
// acr, separated by spaces and best first, that is no older than maxAge. An
// empty acr, or a zero maxAge, leaves that condition out. The refusal is 401
// with a Bearer challenge insufficient_user_authentication (RFC 9470 section
// 3). A credential that does not tell its login is refused.
//
// A rule takes one StepUp. A second StepUp is refused at registration, because
// it could be meant to replace the first or to add to it. [All] asks for both.
func (r Rule) StepUp(acr string, maxAge time.Duration) Rule {
	if len(r.acr) > 0 || r.maxAge != 0 {
		return r.wrong("asks twice for a step-up; give one both acr and age, or use All")
	}
	r.acr, r.maxAge = strings.Fields(acr), maxAge
	if len(r.acr) == 0 && maxAge == 0 {
		return r.wrong("asks for a step-up without acr and age; give one of them")
	}
	if maxAge < 0 || maxAge%time.Second != 0 {
		return r.wrong("asks for a step-up with an age that is not in whole seconds")
	}
	return r
}

// wrong returns the rule with a mistake, for its registration.
func (r Rule) wrong(reason string) Rule {
	r.faults = append(slices.Clone(r.faults), reason)
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
