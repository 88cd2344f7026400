package authz

import (
	"slices"
	"strings"
	"time"
)

// A Rule says who may use a route. [Public], [Authenticated], [RequireRole],
// [Require], [Deferred], [All] and [Any] make a Rule. Its methods return
// changed copies:
//
//	authz.Require("user:create:all").Scopes("users:write")
//
// A rule is compiled against a policy when it is registered. The roles and
// permissions that it names must exist in that policy. The zero Rule is refused
// at registration.
type Rule struct {
	kind    kind
	names   []string // reason, roles or permissions; resource and action of objects
	parts   []Rule   // of All and Any
	custom  []string // reaches for which an object's resource has a predicate
	engines []string // reaches for which it has an engine
	scopes  []string
	acr     []string
	maxAge  time.Duration
	factors []factor // of different methods
	asks    []asking // engines, after everything else
	size    int      // how many rules are in it
	depth   int      // how deep they are in each other
	faults  []string // what was wrong when the rule was written
}

// A kind tells rules apart.
type kind uint8

const (
	kindNone kind = iota
	kindPublic
	kindAuthenticated
	kindDeferred
	kindRole
	kindRequire
	kindAll
	kindAny
	kindObject
	kindList
	kindCreate
	kindNoAccess // the rule of the zero Access
)

// maxRules bounds the rules inside a rule, at all depths together, and maxDepth
// bounds the depth. If a rule holds another rule twice, and that rule does the
// same, then the number doubles with each depth. The text of each rule holds
// the texts of its parts, so that deep rules take much memory.
const (
	maxRules = 1000
	maxDepth = 32
)

// Public lets everybody in, including anonymous callers. The reason is
// required, such as "liveness probe". [Mux.Routes] shows it, so that each open
// route has a written reason.
func Public(reason string) Rule {
	return Rule{kind: kindPublic, names: []string{reason}}
}

// Authenticated lets every verified caller in, with any roles or none. With
// [Rule.Scopes] it asks for OAuth scopes alone. A scope limits what a client
// may do for its user, and says nothing about the user. Therefore a scope
// usually stands beside a permission, and not beside Authenticated.
func Authenticated() Rule { return Rule{kind: kindAuthenticated} }

// RequireRole lets a caller in who has one of the roles, or a role that
// inherits from one of them. A role with the grant "*" does not pass for
// another role.
//
// [Require] is nearly always better: a permission names the action, and the
// policy stays the only place that says who may do it.
func RequireRole(roles ...string) Rule {
	return Rule{kind: kindRole, names: slices.Clone(roles)}
}

// Require lets a caller in to whom all of the permissions are granted. A
// permission is written "resource:action:reach". The form "action:reach" asks
// for a grant on every resource that has the action.
//
// Require does not see an object. So a permission with the reach "own" only
// says that the caller may do this to some objects. To decide about one object,
// use [HandleObject], [HandleList], [HandleCreate] or [Resource.Check] in place
// of Require. [Mux.Routes] shows a route as weak if Require has a reach other
// than "all".
func Require(permissions ...string) Rule {
	return Rule{kind: kindRequire, names: slices.Clone(permissions)}
}

// All lets a caller in if every rule lets the caller in. If several rules
// refuse, the answer is the first of these refusals: a missing caller (401),
// then a missing permission (403), then a missing scope (403), then a step-up
// (401).
//
// All and Any hold at most 1,000 rules, at all depths together, and are at most
// 32 deep.
func All(rules ...Rule) Rule { return combined(kindAll, rules) }

// Any lets a caller in if at least one rule lets the caller in. If all rules
// refuse, the refusal of the rule that came nearest to passing is answered.
func Any(rules ...Rule) Rule { return combined(kindAny, rules) }

// combined makes a rule of rules. Of too many rules it keeps none: the rule is
// refused at registration, and its text has to stay short.
func combined(k kind, rules []Rule) Rule {
	r := Rule{kind: k}
	for _, rule := range rules {
		r.size += 1 + rule.size
		r.depth = max(r.depth, 1+rule.depth)
		if r.size > maxRules || r.depth > maxDepth {
			return r.wrong("holds more than 1,000 rules, or rules in rules more than 32 deep; write fewer rules, or a permission in PolicyConfig that stands for them")
		}
	}
	r.parts = slices.Clone(rules)
	return r
}

// Scopes returns a rule that also asks for all of the OAuth scopes, in
// [bulwark.Principal.Scopes]. If a scope is missing, the answer is 403 with a
// challenge insufficient_scope (RFC 6750 section 3.1). A credential without
// scopes does not pass.
func (r Rule) Scopes(scopes ...string) Rule {
	r.scopes = append(slices.Clone(r.scopes), scopes...)
	if len(scopes) == 0 {
		return r.wrong("calls Scopes without a scope; name at least one, or remove the call")
	}
	return r
}

// maxACR bounds the name of an authentication context class, in bytes.
const maxACR = 256

// StepUp returns a rule that also asks for a strong or a recent login. The acr
// names authentication context classes, separated by spaces and best first; the
// login must have one of them. Each has at most 256 bytes of printable text.
// The login must not be older than maxAge, in whole seconds. An empty acr, or a
// zero maxAge, leaves that condition out.
//
// The refusal is 401 with a challenge insufficient_user_authentication (RFC
// 9470 section 3). A credential that does not say how or when its user logged
// in is refused. [Rule.Factor] asks for one way of logging in.
//
// A rule takes one StepUp. A second StepUp is refused at registration, because
// it could be meant to replace the first or to add to it. To ask for both, use
// [All].
func (r Rule) StepUp(acr string, maxAge time.Duration) Rule {
	if len(r.acr) > 0 || r.maxAge != 0 {
		return r.wrong("asks twice for a step-up; call StepUp once with both acr and maxAge, or use All")
	}
	r.acr, r.maxAge = strings.Fields(acr), maxAge
	if len(r.acr) == 0 && maxAge == 0 {
		return r.wrong("asks for a step-up without acr and maxAge; give StepUp at least one of them")
	}
	for _, class := range r.acr {
		if !printable(class, maxACR) {
			return r.wrong("asks for a step-up with an acr that is longer than 256 bytes, or has a character that is not printable; write for example urn:mfa")
		}
	}
	if maxAge < 0 || maxAge%time.Second != 0 {
		return r.wrong("asks for a step-up with a maxAge that is negative or not in whole seconds; write for example 5*time.Minute")
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
		return []string{"is the zero Rule; write Public, Authenticated, RequireRole or Require"}
	case kindNoAccess:
		return []string{"is the zero Access; write Resource.Can"}
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
	case kindDeferred:
		text = "deferred"
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
	for _, f := range r.factors {
		text += ", " + f.String()
	}
	for _, a := range r.asks {
		text += ", " + a.String()
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
